// npm `ws` as client of our echo server: node client.mjs PORT
import assert from 'node:assert/strict';
import { once } from 'node:events';
import WebSocket from 'ws';

const url = `ws://127.0.0.1:${process.argv[2]}/v1`;

async function open(options = {}) {
    const socket = new WebSocket(url, options);
    await once(socket, 'open');
    return socket;
}

// Sends `data`, in `fragments` where given, and waits until it comes back whole.
async function echoes(socket, data, fragments = [data]) {
    const binary = typeof data !== 'string';
    const answer = once(socket, 'message');
    fragments.forEach((part, i) => socket.send(part, { binary, fin: i + 1 === fragments.length }));
    const [received, isBinary] = await answer;
    assert.equal(isBinary, binary);
    assert.deepEqual(binary ? received : received.toString(), data);
}

async function closed(socket) {
    const [code, reason] = await once(socket, 'close');
    return [code, reason.toString()];
}

const socket = await open({ perMessageDeflate: true });
assert.equal(socket.extensions, '', 'the offered permessage-deflate is declined');
assert.equal(socket.protocol, '');
for (const text of ['hello', '', 'grüß 😀', 'x'.repeat(65536)]) await echoes(socket, text);
await echoes(socket, Buffer.alloc(256 * 1024, 7));
await echoes(socket, 'one two three', ['one ', 'two ', 'three']);
const emoji = Buffer.from('😀');
await echoes(socket, '😀', [emoji.subarray(0, 2), emoji.subarray(2)]);
const pong = once(socket, 'pong');
socket.ping('are you there');
assert.equal((await pong)[0].toString(), 'are you there');
socket.close(4000, 'done');
assert.deepEqual(await closed(socket), [4000, '']);

const asked = await open();
asked.send('close 4001 as asked');
assert.deepEqual(await closed(asked), [4001, 'as asked']);

const large = await open();
large.send(Buffer.alloc(256 * 1024 + 1));
assert.equal((await closed(large))[0], 1009);

const page = new WebSocket(url, { origin: 'https://page.example' });
const [, refusal] = await once(page, 'unexpected-response');
assert.equal(refusal.statusCode, 403);
page.on('error', () => {});
page.terminate();

const old = new WebSocket(url, { protocolVersion: 8 });
const [, upgrade] = await once(old, 'unexpected-response');
assert.equal(upgrade.statusCode, 426);
assert.equal(upgrade.headers['sec-websocket-version'], '13');
old.on('error', () => {});
old.terminate();
