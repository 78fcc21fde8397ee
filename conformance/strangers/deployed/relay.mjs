// A plain agentmesh/0.2 relay as deployed ones behave, faults included, in Node on `ws`.
//
// Written from the observed behaviour of deployed relays, not from SPEC.md and not from our library, so that the
// harness meets something it did not grow up with. What it does wrong is pinned in expected.json.
//
//   node relay.mjs [--port N] [--ping-interval-ms N] [--handshake-timeout-ms N] [--message-ttl-ms N]
//
// prints "listening ws://127.0.0.1:N/" once it accepts connections.
import { createHash, createPublicKey, randomUUID, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';
import { WebSocketServer } from 'ws';

const ALPHABET = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const PROTOCOLS = ['agentmesh/0.1', 'agentmesh/0.2'];
const MESSAGE_TYPES = ['knock', 'accept', 'reject', 'message', 'close', 'status', 'optimistic_message'];
const STATUSES = ['online', 'away', 'offline', 'dnd'];
const WINDOW_MS = 60_000;
const PER_RECIPIENT = 100;
const ALL_MESSAGES = 10_000;

const { values: given } = parseArgs({ options: {
  'port': { type: 'string', default: '8765' },
  'ping-interval-ms': { type: 'string', default: '25000' },
  'handshake-timeout-ms': { type: 'string', default: '10000' },
  'message-ttl-ms': { type: 'string', default: String(72 * 3600 * 1000) },
} });
const KEEP_MS = Number(given['message-ttl-ms']);
const PING_MS = Number(given['ping-interval-ms']);
const CONNECT_MS = Number(given['handshake-timeout-ms']);

const agents = new Map();   // amid -> { socket, sends, knocks, since, status, seen }
const mailboxes = new Map();  // amid -> [{ from, frame, at }]
let stored = 0;

function base58(bytes) {
  let number = BigInt('0x' + bytes.toString('hex'));
  let text = '';
  while (number > 0n) {
    text = ALPHABET[Number(number % 58n)] + text;
    number /= 58n;
  }
  for (const byte of bytes) {
    if (byte !== 0) break;
    text = '1' + text;
  }
  return text;
}

const stripPrefix = (key) => key.replace(/^(ed25519|x25519):/, '');

/** The relay parses the time and writes it anew before it verifies, so a `Z` never verifies. */
function canonical(text) {
  const match = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  if (!match) return null;
  const at = Date.parse(`${match[1]}T${match[2]}${match[4].toUpperCase()}`);
  if (Number.isNaN(at)) return null;
  const nanos = (match[3] ?? '').padEnd(9, '0');
  const fraction = nanos === '000000000' ? '' : '.' + nanos.replace(/(000)+$/, '');
  return { at: at + Number(nanos) / 1e6, text: new Date(at).toISOString().slice(0, 19) + fraction + '+00:00' };
}

function authentic(frame) {
  if (!PROTOCOLS.includes(frame.protocol) || typeof frame.public_key !== 'string') return false;
  const key = Buffer.from(stripPrefix(frame.public_key), 'base64');
  if (key.length !== 32) return false;
  if (base58(createHash('sha256').update(key).digest().subarray(0, 20)) !== frame.amid) return false;
  const time = typeof frame.timestamp === 'string' ? canonical(frame.timestamp) : null;
  if (!time || Date.now() - time.at > 300_000 || time.at - Date.now() > 60_000) return false;
  const spki = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), key]);
  try {
    return verify(null, Buffer.from(time.text), createPublicKey({ key: spki, format: 'der', type: 'spki' }),
                  Buffer.from(frame.signature, 'base64'));
  } catch {
    return false;
  }
}

const now = () => new Date().toISOString();
const say = (socket, frame) => socket.readyState === socket.OPEN && socket.send(JSON.stringify(frame));

function allowed(agent, kind) {
  const time = Date.now();
  if (time - agent.since >= WINDOW_MS) Object.assign(agent, { since: time, sends: 0, knocks: 0 });
  if (kind === 'knock') return ++agent.knocks <= 30;
  return ++agent.sends <= 100;
}

function store(to, entry) {
  if (stored >= ALL_MESSAGES) return false;
  const box = mailboxes.get(to) ?? [];
  mailboxes.set(to, box);
  box.push(entry);
  stored += 1;
  if (box.length > PER_RECIPIENT) {
    box.shift();
    stored -= 1;
  }
  return true;
}

const candidate = (c) => ({ candidate: c.candidate, sdp_mid: c.sdp_mid ?? null, sdp_mline_index: c.sdp_mline_index ?? null });

const isText = (value) => typeof value === 'string';
const areCandidates = (value) => Array.isArray(value) && value.every((c) => c && isText(c.candidate));

const handlers = {
  send(me, agent, frame) {
    const { to, encrypted_payload, message_type, ice_candidates } = frame;
    if (!isText(to) || !isText(encrypted_payload) || !MESSAGE_TYPES.includes(message_type)) return;
    if (!allowed(agent, message_type)) {
      const retry_after_seconds = Math.max(1, Math.ceil((agent.since + WINDOW_MS - Date.now()) / 1000));
      return say(agent.socket, { type: 'error', code: 'RATE_LIMITED', message: 'Rate limit exceeded', retry_after_seconds });
    }
    const out = { type: 'receive', from: me, encrypted_payload, message_type, timestamp: now() };
    const peer = agents.get(to);
    if (peer) return say(peer.socket, areCandidates(ice_candidates) ? { ...out, ice_candidates: ice_candidates.map(candidate) } : out);
    if (!store(to, { frame: out, at: Date.now() }))
      say(agent.socket, { type: 'error', code: 'RECIPIENT_OFFLINE', message: 'Recipient offline and storage full' });
  },
  presence(me, agent, frame) {
    if (STATUSES.includes(frame.status)) Object.assign(agent, { status: frame.status, seen: now() });
  },
  presence_query(me, agent, frame) {
    if (!isText(frame.amid)) return;
    const peer = agents.get(frame.amid);
    say(agent.socket, { type: 'presence_response', amid: frame.amid, status: peer?.status ?? 'offline',
                        ...(peer && { last_seen: peer.seen }) });
  },
  ice_offer(me, agent, frame) { signal(me, agent, frame, true); },
  ice_answer(me, agent, frame) { signal(me, agent, frame, false); },
  p2_p_established(me, agent, frame) {
    const peer = agents.get(frame.peer);
    if (peer) say(peer.socket, { type: 'p2_p_established', peer: me });
  },
  ping(me, agent, frame) {
    const time = isText(frame.timestamp) ? canonical(frame.timestamp) : null;
    if (time) say(agent.socket, { type: 'pong', timestamp: time.text.replace('+00:00', 'Z') });
  },
  disconnect(me) { agents.delete(me); },
};

function signal(me, agent, { type, to, sdp, candidates }, report) {
  if (!isText(to) || !isText(sdp) || !areCandidates(candidates)) return;
  const peer = agents.get(to);
  if (peer) return say(peer.socket, { type, to: me, sdp, candidates: candidates.map(candidate) });
  if (report) say(agent.socket, { type: 'error', code: 'RECIPIENT_OFFLINE', message: 'Peer is not connected' });
}

function login(socket, frame) {
  const me = frame.amid;
  const agent = { socket, sends: 0, knocks: 0, since: Date.now(), status: 'online', seen: now() };
  agents.set(me, agent);
  const box = mailboxes.get(me) ?? [];
  mailboxes.delete(me);
  stored -= box.length;
  say(socket, { type: 'connected', session_id: randomUUID(), pending_messages: box.length });
  for (const entry of box) if (Date.now() - entry.at < KEEP_MS) say(socket, entry.frame);

  let answered = true;
  socket.on('pong', () => { answered = true; });
  socket.ping();
  const heart = setInterval(() => {
    if (!answered) { agents.delete(me); clearInterval(heart); return; }
    answered = false;
    socket.ping();
  }, PING_MS);
  socket.on('close', () => { clearInterval(heart); agents.delete(me); });
  return (text) => {
    let frame;
    try { frame = JSON.parse(text); } catch { return; }
    if (frame && Object.hasOwn(handlers, frame.type)) handlers[frame.type](me, agent, frame);
  };
}

const http = createServer((request, response) => response.writeHead(404).end());
new WebSocketServer({ server: http, maxPayload: 16 * 1024 * 1024 }).on('connection', (socket) => {
  let receive = null;
  const late = setTimeout(() => socket.terminate(), CONNECT_MS);
  socket.on('error', () => {});
  socket.on('close', () => clearTimeout(late));
  socket.on('message', (data, binary) => {
    if (receive) { if (!binary) receive(data.toString()); return; }
    clearTimeout(late);
    let frame = null;
    try { frame = binary ? null : JSON.parse(data.toString()); } catch { /* refused below */ }
    // The error is queued for a writer that never starts: the peer sees only the end of TCP.
    if (frame?.type !== 'connect' || !authentic(frame)) { socket.terminate(); return; }
    receive = login(socket, frame);
  });
});

http.listen(Number(given.port), '127.0.0.1', () => {
  console.log(`listening ws://127.0.0.1:${http.address().port}/`);
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(0));
