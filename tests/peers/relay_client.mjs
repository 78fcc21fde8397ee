// Two agents on npm `ws` and Node's own Ed25519, talking profile v02 through our relay: node relay_client.mjs PORT
import assert from 'node:assert/strict';
import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import WebSocket from 'ws';

const url = `ws://127.0.0.1:${process.argv[2]}/`;
const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

function base58(bytes) {
    let number = BigInt(`0x${bytes.toString('hex')}`);
    let text = '';
    for (; number > 0n; number /= 58n) text = alphabet[Number(number % 58n)] + text;
    for (const byte of bytes) {
        if (byte !== 0) break;
        text = `1${text}`;
    }
    return text;
}

class Agent {
    constructor() {
        const { publicKey, privateKey } = generateKeyPairSync('ed25519');
        this.privateKey = privateKey;
        this.publicKey = publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
        this.amid = base58(createHash('sha256').update(this.publicKey).digest().subarray(0, 20));
    }

    async login() {
        this.socket = new WebSocket(url);
        this.frames = [];
        this.waiting = null;
        this.socket.on('message', (data, isBinary) => {
            assert.equal(isBinary, false);
            this.frames.push(JSON.parse(data.toString()));
            this.waiting?.();
        });
        await once(this.socket, 'open');
        const timestamp = new Date().toISOString();
        this.send({
            type: 'connect', protocol: 'agentmesh/0.2', amid: this.amid, public_key: this.publicKey.toString('base64'),
            timestamp, signature: sign(null, Buffer.from(timestamp), this.privateKey).toString('base64'),
        });
        const connected = await this.next();
        assert.equal(connected.type, 'connected');
        return connected;
    }

    send(frame) { this.socket.send(JSON.stringify(frame)); }

    async next() {
        while (this.frames.length === 0) await new Promise((resolve) => { this.waiting = resolve; });
        return this.frames.shift();
    }

    async logout() {
        this.socket.close(1000);
        const [code] = await once(this.socket, 'close');
        assert.equal(code, 1000);
    }
}

const alice = new Agent();
const bob = new Agent();
await alice.login();
await bob.login();

for (const payload of ['b3BhcXVl', 'x'.repeat(65536)]) {
    alice.send({ type: 'send', to: bob.amid, encrypted_payload: payload, message_type: 'message' });
    const received = await bob.next();
    assert.equal(received.type, 'receive');
    assert.equal(received.from, alice.amid);
    assert.equal(received.encrypted_payload, payload);
}

alice.send({ type: 'send', to: bob.amid, encrypted_payload: 'x'.repeat(65537), message_type: 'message' });
assert.equal((await alice.next()).code, 'MESSAGE_TOO_LARGE');
alice.socket.send('{');
assert.equal((await alice.next()).code, 'INVALID_MESSAGE');

await bob.logout();
// The answer tells that the relay has noticed; until then a message might still go to the old connection.
for (let status = ''; status !== 'offline';) {
    alice.send({ type: 'presence_query', amid: bob.amid });
    ({ status } = await alice.next());
}
alice.send({ type: 'send', to: bob.amid, encrypted_payload: 'bGF0ZXI=', message_type: 'message' });
const now = new Date().toISOString();
alice.send({ type: 'ping', timestamp: now });
assert.equal(Date.parse((await alice.next()).timestamp), Date.parse(now));
const back = await bob.login();
assert.equal(back.pending_messages, 1);
assert.equal((await bob.next()).encrypted_payload, 'bGF0ZXI=');
await bob.logout();
await alice.logout();
