// The published client of AgentMesh Wire 1.0 and our agent talk through our relay:
//
//   node exchange.mjs PORT OUR-AGENT proven|unproven
//
// Each is the initiator once. Ten messages each way, one pair of them exchanged on its way in both directions, a
// message for an absent agent, and a KNOCK that is refused.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash, createPrivateKey, generateKeyPairSync, sign } from 'node:crypto';
import { createInterface } from 'node:readline';

let sdk, WebSocket;
try {
    sdk = (await import('@microsoft/agent-governance-sdk')).default;
    WebSocket = (await import('ws')).default;
} catch (missing) {
    if (missing.code !== 'ERR_MODULE_NOT_FOUND') throw missing;
    console.log('skipped: npm package @microsoft/agent-governance-sdk 4.0.0 is not installed');
    process.exit(77);
}
const { MeshClient, X3DHKeyManager } = sdk;
const [port, ourAgent, mode] = process.argv.slice(2);
const base64 = (bytes) => Buffer.from(bytes).toString('base64');
const bytes = (text) => new Uint8Array(Buffer.from(text, 'base64'));

/** Values that arrive, and those who wait for them. A deadline ends the program by name, so nothing hangs. */
class Arrivals {
    items = [];
    waiting = [];
    add(item) {
        this.items.push(item);
        this.waiting = this.waiting.filter((check) => !check());
    }
    async take(what, wanted) {
        const found = () => this.items.findIndex(wanted);
        if (found() < 0) {
            await new Promise((resolve, reject) => {
                const timer = setTimeout(() => reject(new Error(`waited in vain for ${what}; seen: ${JSON.stringify(this.items)}`)), 20_000);
                this.waiting.push(() => {
                    if (found() < 0) return false;
                    clearTimeout(timer);
                    resolve();
                    return true;
                });
            });
        }
        return this.items.splice(found(), 1)[0];
    }
}

/** The published client, and a hand on its socket. */
class Theirs {
    events = new Arrivals();
    hold = false;  // keep the next message frame back until the one behind it has gone
    held = null;

    constructor() {
        const pair = generateKeyPairSync('ed25519');
        this.privateKey = pair.privateKey;
        this.publicKey = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
        const seed = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' })).export({ type: 'pkcs8', format: 'der' }).subarray(-32);
        this.did = `did:mesh:${createHash('sha256').update(this.publicKey).digest('hex').slice(0, 32)}`;
        this.keys = new X3DHKeyManager(new Uint8Array(seed), new Uint8Array(this.publicKey));
        this.keys.generateSignedPreKey();
        this.keys.generateOneTimePreKeys(4);
        this.accepts = true;
    }

    async connect() {
        this.client = new MeshClient({
            relayUrl: `ws://127.0.0.1:${port}`, registryUrl: '', keyManager: this.keys, agentDid: this.did,
            autoReconnect: false, wsFactory: (url) => this.socket(url),
        });
        this.client.onKnock(() => this.accepts);
        this.client.onMessage((from, payload) => this.events.add({ from, payload }));
        this.client.onError((kind, peer, detail) => this.events.add({ error: kind, detail: String(detail) }));
        await this.client.connect();
    }

    socket(url) {
        const socket = new WebSocket(url);
        const send = socket.send.bind(socket);
        socket.send = (text) => {
            const frame = JSON.parse(text);
            if (frame.type === 'connect' && mode === 'proven') {
                frame.public_key = base64(this.publicKey);
                frame.timestamp = new Date().toISOString();
                frame.signature = base64(sign(null, Buffer.from(frame.timestamp), this.privateKey));
                text = JSON.stringify(frame);
            }
            if (this.hold && frame.type === 'message') {
                this.hold = false;
                this.held = text;
                return;
            }
            send(text);
            if (this.held && frame.type === 'message') {
                send(this.held);
                this.held = null;
            }
        };
        return socket;
    }

    bundle(index) {
        const b = this.keys.getPublicBundle(index);
        return { signing: base64(b.identityKeyEd), identity: base64(b.identityKey), prekey: base64(b.signedPreKey),
                 proof: base64(b.signedPreKeySignature), one_time_id: b.oneTimePreKeyId, one_time: base64(b.oneTimePreKey) };
    }
}

/** Our agent, a process of its own. */
class Ours {
    events = new Arrivals();

    constructor() {
        this.process = spawn(ourAgent, [`ws://127.0.0.1:${port}/ws`, mode], { stdio: ['pipe', 'pipe', 'inherit'] });
        createInterface({ input: this.process.stdout }).on('line', (line) => this.events.add(JSON.parse(line)));
    }
    async connect() {
        const hello = await this.events.take('our agent to connect', (e) => e.bundle);
        this.did = hello.did;
        this.published = hello.bundle;
    }
    tell(line) { this.process.stdin.write(`${JSON.stringify(line)}\n`); }
    bundle() {
        const b = this.published;
        return { identityKey: bytes(b.identity), identityKeyEd: bytes(b.signing), signedPreKey: bytes(b.prekey),
                 signedPreKeySignature: bytes(b.proof), signedPreKeyId: 0, oneTimePreKey: bytes(b.one_time),
                 oneTimePreKeyId: b.one_time_id };
    }
    async quit() {
        this.tell({ quit: true });
        await this.events.take('our agent to close', (e) => e.closed !== undefined);
        await new Promise((done) => (this.process.exitCode === null ? this.process.once('exit', done) : done()));
    }
}

async function exchange(theirs, ours, weBegin) {
    if (weBegin) {
        ours.tell({ knock: theirs.did, bundle: theirs.bundle(0) });
    } else {
        await theirs.client.establishSession(ours.did, ours.bundle());
        await theirs.client.send(ours.did, 'hello');
        const hello = await ours.events.take('their first message', (e) => e.received);
        assert.equal(hello.text, '"hello"');
    }
    if (weBegin) {
        await ours.events.take('their answer to our KNOCK', (e) => e.opened === theirs.did);
        ours.tell({ send: theirs.did, text: '"hello"' });
        assert.equal((await theirs.events.take('our first message', (e) => e.payload)).payload, 'hello');
    }
    const order = { ours: [], theirs: [] };
    for (let i = 0; i < 10; ++i) {
        if (i === 4) theirs.hold = true;  // 5 overtakes 4
        await theirs.client.send(ours.did, { number: i });
        ours.tell({ send: theirs.did, text: JSON.stringify({ number: 100 + i }) });
    }
    for (let i = 0; i < 10; ++i) {
        order.ours.push(JSON.parse((await ours.events.take(`their message ${i}`, (e) => e.received)).text).number);
        order.theirs.push((await theirs.events.take(`our message ${i}`, (e) => e.payload)).payload.number);
    }
    assert.deepEqual(order.ours, [0, 1, 2, 3, 5, 4, 6, 7, 8, 9]);
    assert.deepEqual(order.theirs, Array.from({ length: 10 }, (_, i) => 100 + i));
}

for (const weBegin of [true, false]) {
    const theirs = new Theirs();
    const ours = new Ours();
    await ours.connect();
    await theirs.connect();
    await exchange(theirs, ours, weBegin);

    // What is sent while they are away waits for them, in order.
    await theirs.client.disconnect();
    ours.tell({ send: theirs.did, text: '"later 1"' });
    ours.tell({ send: theirs.did, text: '"later 2"' });
    const sessions = theirs.client;
    const before = theirs.events;
    await sessions.connect();
    assert.equal((await before.take('the first stored message', (e) => e.payload)).payload, 'later 1');
    assert.equal((await before.take('the second stored message', (e) => e.payload)).payload, 'later 2');
    assert.deepEqual(before.items, [], 'nothing else happened to them');
    assert.deepEqual(ours.events.items.filter((e) => !e.opened), [], 'nothing else happened to us');
    await sessions.disconnect();
    await ours.quit();
}

// A KNOCK that either side refuses opens nothing.
const theirs = new Theirs();
const ours = new Ours();
await ours.connect();
await theirs.connect();
theirs.accepts = false;
ours.tell({ knock: theirs.did, bundle: theirs.bundle(0) });
await ours.events.take('their refusal', (e) => e.refused === theirs.did);
ours.tell({ policy: false });
await theirs.client.establishSession(ours.did, ours.bundle());
await theirs.client.send(ours.did, 'hello');
await ours.events.take('the message of a session that was refused', (e) => e.failed);
assert.ok(!ours.events.items.some((e) => e.received));
await theirs.client.disconnect();
await ours.quit();
console.log('the published client and our agent understand each other');
process.exit(0);  // the client leaves timers behind
