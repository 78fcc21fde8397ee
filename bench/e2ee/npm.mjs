// The published npm client's encryption, in microseconds of CPU: one way, ping-pong and establishment, as bench_e2ee.
// Prints the same JSON. Uses the package that tests/peers/mesh installs: node npm.mjs REPETITIONS
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../tests/peers/mesh/package.json', import.meta.url));
let sdk;
try {
    sdk = require('@microsoft/agent-governance-sdk');
} catch {
    process.exit(77);
}
const { SecureChannel, X3DHKeyManager } = sdk;

function manager() {
    const pair = generateKeyPairSync('ed25519');
    const seed = createPrivateKey(pair.privateKey.export({ type: 'pkcs8', format: 'pem' }))
        .export({ type: 'pkcs8', format: 'der' }).subarray(-32);
    const open = pair.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
    const keys = new X3DHKeyManager(new Uint8Array(seed), new Uint8Array(open));
    keys.generateSignedPreKey();
    return keys;
}

function establish(alice, bob, id) {
    const [a, offer] = SecureChannel.createSender(alice, bob.getPublicBundle(id), new Uint8Array(80));
    const b = SecureChannel.createReceiver(bob, offer, new Uint8Array(80));
    return [a, b];
}

const alice = manager(), bob = manager();
const text = new Uint8Array(256).fill(120);
let next = 0;
bob.generateOneTimePreKeys(1);
let [a, b] = establish(alice, bob, next++);
b.receive(a.send(text));
a.receive(b.send(text));

const jobs = {
    'one way 256': [400, () => b.receive(a.send(text))],
    'one way 1024': [400, ((long) => () => b.receive(a.send(long)))(new Uint8Array(1024).fill(120))],
    'turn 256': [40, () => { a.receive(b.send(text)); [a, b] = [b, a]; }],
    'establish x3dh': [20, () => {
        const [out, into] = establish(alice, bob, next++);
        into.receive(out.send(text));
    }],
};
const samples = {};
for (let i = 0; i <= Number(process.argv[2] ?? 7); ++i) {
    for (const [job, [count, work]] of Object.entries(jobs)) {
        if (job === 'establish x3dh') bob.generateOneTimePreKeys(count);
        const from = process.cpuUsage();
        for (let k = 0; k < count; ++k) work();
        const { user, system } = process.cpuUsage(from);
        if (i > 0) ((samples[job] ??= {})['npm agent-governance-sdk 4.0.0'] ??= []).push((user + system) / count);
    }
}
console.log(JSON.stringify({ samples }));
