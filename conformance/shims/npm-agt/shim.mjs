// The published package @microsoft/agent-governance-sdk behind lines of JSON, for
//
//   amconf shim --exec 'node conformance/shims/npm-agt/shim.mjs' --areas kex,ratchet --suite wire10-legacy
//
// Its own X3DHKeyManager, DoubleRatchet and SecureChannel do all the work; this file hands them keys and numbers and
// names the class of what they throw. What they do not show, such as a message key, is answered `unsupported`.
import { createHash, generateKeyPairSync, sign, webcrypto } from 'node:crypto';
import { createInterface } from 'node:readline';

let sdk;
try {
    sdk = (await import('@microsoft/agent-governance-sdk')).default;
} catch (missing) {
    if (missing.code !== 'ERR_MODULE_NOT_FOUND') throw missing;
    console.error('skipped: npm package @microsoft/agent-governance-sdk 4.0.0 is not installed');
    process.exit(77);
}
const { X3DHKeyManager, DoubleRatchet, SecureChannel } = sdk;
const hex = (bytes) => Buffer.from(bytes).toString('hex');
const bytes = (text) => new Uint8Array(Buffer.from(text, 'hex'));
const sha256 = (text) => new Uint8Array(createHash('sha256').update(text).digest());

// --- random numbers: the package asks webcrypto, whose answers a question may fix ---------------------------------

const draw = webcrypto.getRandomValues.bind(webcrypto);
let numbers = null; // a function from a size to bytes
let fed = Buffer.alloc(0); // what the harness fed, for whatever no question fixes
Object.defineProperty(webcrypto, 'getRandomValues', {
    value: (into) => {
        const fixed = numbers?.(into.length);
        if (!fixed) {
            draw(into);
            const first = fed.subarray(0, into.length);
            fed = fed.subarray(first.length);
            into.set(first);
            return into;
        }
        into.set(fixed.subarray(0, into.length));
        return into;
    },
});
const withNumbers = (source, work) => {
    numbers = source;
    try {
        return work();
    } finally {
        numbers = null;
    }
};

// --- keys ---------------------------------------------------------------------------------------------------------

/** The public half, as the package computes it: through the sender that it would start. */
const publicOf = (privateKey) => {
    let given = privateKey;
    return withNumbers(() => { const now = given; given = null; return now; }, () =>
        DoubleRatchet.initSender(new Uint8Array(32), BASE_POINT).getState().dhSelfPublic);
};
const BASE_POINT = new Uint8Array(32);
BASE_POINT[0] = 9;
const pairOf = (text) => ({ privateKey: bytes(text), publicKey: publicOf(bytes(text)) });

/** A manager with these keys; its signing key is of no interest and new. */
const managerOf = (exchange) => {
    const signing = generateKeyPairSync('ed25519');
    const jwk = signing.privateKey.export({ format: 'jwk' });
    const manager = new X3DHKeyManager(Buffer.from(jwk.d, 'base64url'), Buffer.from(jwk.x, 'base64url'));
    manager.identityKey = pairOf(exchange);
    return manager;
};

const bundleOf = (given) => {
    const owner = generateKeyPairSync('ed25519');
    const bundle = {
        identityKey: bytes(given.peer_exchange_key),
        identityKeyEd: new Uint8Array(Buffer.from(owner.publicKey.export({ format: 'jwk' }).x, 'base64url')),
        signedPreKey: bytes(given.signed_prekey),
        signedPreKeySignature: new Uint8Array(sign(null, bytes(given.signed_prekey), owner.privateKey)),
        signedPreKeyId: 0,
    };
    if (given.signature !== undefined) {
        bundle.signedPreKeySignature = bytes(given.signature);
        bundle.identityKeyEd = bytes(given.peer_signing_key);
    }
    const once = given.one_time_prekey;
    if (once) Object.assign(bundle, { oneTimePreKey: bytes(once), oneTimePreKeyId: 0 });
    return bundle;
};

const initiate = (given) => {
    const manager = managerOf(given.exchange_private_key);
    return withNumbers(() => bytes(given.ephemeral_private_key), () => ({
        root: hex(manager.initiate(bundleOf(given)).sharedSecret),
    }));
};

const respond = (given) => {
    const manager = managerOf(given.exchange_private_key);
    const keyPair = pairOf(given.signed_prekey_private_key);
    manager.signedPreKeyPair = { keyPair, signature: new Uint8Array(64), keyId: 0 };
    const once = given.one_time_prekey_private_key;
    if (once) manager.oneTimePreKeys.set(0, pairOf(once));
    const found = manager.respond(bytes(given.peer_exchange_key), bytes(given.ephemeral_key), once ? 0 : undefined);
    return { root: hex(found.sharedSecret) };
};

/** A registry's reply as the package's registry client takes it apart; that it holds is for the key manager to say. */
const readBundle = (text) => {
    const said = JSON.parse(text);
    const decoded = (text) => (text ? new Uint8Array(Buffer.from(text, 'base64')) : undefined);
    const once = said.one_time_pre_key;
    const bundle = {
        identityKey: decoded(said.identity_key),
        identityKeyEd: decoded(said.identity_key_ed),
        signedPreKey: decoded(said.signed_pre_key.public_key),
        signedPreKeySignature: decoded(said.signed_pre_key.signature),
        signedPreKeyId: said.signed_pre_key.key_id,
    };
    if (once) Object.assign(bundle, { oneTimePreKey: decoded(once.public_key), oneTimePreKeyId: once.key_id });
    return bundle;
};
const checkBundle = (given) => {
    const bundle = readBundle(given.text);
    managerOf('01'.repeat(32)).initiate(bundle);
    return {
        identity: hex(bundle.identityKey),
        signed_prekey_id: bundle.signedPreKeyId,
        signed_prekey: hex(bundle.signedPreKey),
        ...(bundle.oneTimePreKey && {
            one_time_prekey_id: bundle.oneTimePreKeyId, one_time_prekey: hex(bundle.oneTimePreKey),
        }),
    };
};

// --- agreement with the harness ---------------------------------------------------------------------------------

/** A manager with keys of its own, of both kinds. */
const newManager = () => {
    const signing = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
    return new X3DHKeyManager(Buffer.from(signing.d, 'base64url'), Buffer.from(signing.x, 'base64url'));
};

const agree = (given) => {
    const manager = newManager();
    const bundle = readBundle(given.bundle);
    const made = manager.initiate(bundle);
    return {
        root: hex(made.sharedSecret),
        exchange_key: hex(manager.identityKey.publicKey),
        ephemeral_key: hex(made.ephemeralPublicKey),
        signed_prekey_id: bundle.signedPreKeyId,
        ...(made.usedOneTimeKeyId !== undefined && { one_time_prekey_id: made.usedOneTimeKeyId }),
    };
};

const managers = new Map();
const offer = (given) => {
    if (managers.has(given.session)) throw new Refusal('order');
    const manager = newManager();
    const signed = manager.generateSignedPreKey();
    const [once] = manager.generateOneTimePreKeys(1);
    managers.set(given.session, manager);
    const text = (key) => Buffer.from(key).toString('base64');
    return {
        bundle: JSON.stringify({
            identity_key: text(manager.identityKey.publicKey),
            identity_key_ed: text(manager.identityKeyEd),
            signed_pre_key: {
                key_id: signed.keyId, public_key: text(signed.publicKey), signature: text(signed.signature),
            },
            one_time_pre_key: { key_id: once.keyId, public_key: text(once.publicKey) },
        }),
    };
};
const accept = (given) => {
    const manager = managers.get(given.session);
    if (!manager) throw new Refusal('state');
    const found = manager.respond(bytes(given.exchange_key), bytes(given.ephemeral_key), given.one_time_prekey_id);
    return { root: hex(found.sharedSecret) };
};

const feed = (given) => {
    fed = Buffer.concat([fed, Buffer.from(given.bytes, 'hex')]);
    return { left: fed.length };
};

// --- ratchet ------------------------------------------------------------------------------------------------------

const writeHeader = (header) => {
    const out = Buffer.alloc(40);
    out.set(header.dhPublicKey, 0);
    out.writeUInt32BE(header.previousChainLength, 32);
    out.writeUInt32BE(header.messageNumber, 36);
    return out.toString('hex');
};
const readHeader = (text) => {
    const from = Buffer.from(text, 'hex');
    return {
        dhPublicKey: new Uint8Array(from.subarray(0, 32)),
        previousChainLength: from.readUInt32BE(32),
        messageNumber: from.readUInt32BE(36),
    };
};
const sealedBy = (with_, plain, ad) => {
    const made = with_.encrypt(bytes(plain), ad);
    return { header: writeHeader(made.header), sealed: hex(made.ciphertext) };
};

/** A message under a known key: the package keeps such keys for messages that were skipped. */
const openMessage = (given) => {
    const header = readHeader(given.header);
    const ratchet = DoubleRatchet.fromState({
        dhSelfPrivate: null, dhSelfPublic: null, dhRemotePublic: header.dhPublicKey, rootKey: null, chainKeySend: null,
        chainKeyRecv: null, sendMessageNumber: 0, recvMessageNumber: 0, previousSendChainLength: 0,
        skippedKeys: new Map([[`${hex(header.dhPublicKey)}:${header.messageNumber}`, bytes(given.message_key)]]),
    });
    return { plain: hex(ratchet.decrypt({ header, ciphertext: bytes(given.sealed) }, bytes(given.prefix))) };
};

/** Both sides of a conversation, with the random numbers of the vectors. */
const converse = (given) => {
    const drawn = { A: { pair: 0, nonce: 0 }, B: { pair: 0, nonce: 0 } };
    const formula = (side) => (size) => {
        const kind = size === 32 ? 'pair' : 'nonce';
        return sha256(`${kind}/${side}/${drawn[side][kind]++}`);
    };
    const prekey = pairOf(given.responder_private_key);
    const side = {
        A: withNumbers(() => bytes(given.initiator_private_key), () =>
            DoubleRatchet.initSender(bytes(given.root), prekey.publicKey)),
        B: DoubleRatchet.initReceiver(bytes(given.root), prekey),
    };
    const prefix = bytes(given.prefix);
    const open = (one) => ({
        plain: hex(side[one.by].decrypt({ header: readHeader(one.header), ciphertext: bytes(one.sealed) }, prefix)),
    });
    const step = (one) => {
        if (one.do === 'stored') return { stored: side[one.by].getState().skippedKeys.size };
        if (one.do === 'open') return open(one);
        if (one.do === 'seal') return sealedBy(side[one.by], one.plain, prefix);
        if (one.do !== 'seal_many') throw new NotOffered();
        let last;
        for (let left = one.count; left > 0; --left) last = sealedBy(side[one.by], '', prefix);
        return last;
    };
    const results = given.steps.map((one) =>
        withNumbers(formula(one.by), () => {
            try {
                return step(one);
            } catch (thrown) {
                if (thrown instanceof NotOffered) throw thrown;
                return { refused: classOf(thrown) ?? 'fault' };
            }
        }));
    const { last } = given;
    const end = () => (last.plain === undefined ? open(last) : sealedBy(side[last.by], last.plain, prefix));
    if (last) results.push(withNumbers(formula(last.by), end));
    return { results };
};

// --- sessions with the harness ------------------------------------------------------------------------------------

const sessions = new Map();

const begin = (given) => {
    if (sessions.has(given.session)) throw new Refusal('order');
    const root = bytes(given.root);
    const ratchet = given.role === 'initiator'
        ? DoubleRatchet.initSender(root, bytes(given.remote_key))
        : DoubleRatchet.initReceiver(root, pairOf(given.own_private_key));
    // The names of the two sides play no part once the associated data is given.
    sessions.set(given.session, new SecureChannel(ratchet, bytes(given.prefix), BASE_POINT, BASE_POINT));
    return { ratchet_key: hex(ratchet.getState().dhSelfPublic) };
};
const sessionOf = (given) => {
    const found = sessions.get(given.session);
    if (!found) throw new Refusal('state');
    return found;
};
const encrypt = (given) => sealedBy({ encrypt: (plain) => sessionOf(given).send(plain) }, given.plain);
const decrypt = (given) => ({
    plain: hex(sessionOf(given).receive({ header: readHeader(given.header), ciphertext: bytes(given.sealed) })),
});

// --- lines --------------------------------------------------------------------------------------------------------

class NotOffered extends Error {}
class Refusal extends Error {
    constructor(name) {
        super(name);
        this.name_ = name;
    }
}

const operations = {
    'kex.agreement.initiator': initiate,
    'kex.agreement.responder': respond,
    'kex.deployed.wire10': checkBundle,
    'kex.agree': agree,
    'kex.offer': offer,
    'kex.accept': accept,
    'rng.feed': feed,
    'ratchet.message.open': openMessage,
    'ratchet.conversation': converse,
    'ratchet.init': begin,
    'ratchet.encrypt': encrypt,
    'ratchet.decrypt': decrypt,
};

/** What the package throws has no class of its own; its words tell. */
const CLASSES = {
    limit: /Too many skipped/,
    state: /Send chain not initialized|already consumed/,
    crypto: new RegExp('invalid tag|too short|tagLength|verification FAILED|Missing or invalid Ed25519|'
        + 'invalid private or public key|signature length'),
};
/** Undefined where they do not. */
const classOf = (thrown) => {
    if (thrown instanceof Refusal) return thrown.name_;
    return Object.keys(CLASSES).find((name) => CLASSES[name].test(thrown.message));
};

let replies = 0;
const answer = ({ op, proto, in: given }) => {
    if (op === 'hello') {
        if (proto !== 1) return { reject: { class: 'version' } };
        return {
            ok: {
                name: 'npm @microsoft/agent-governance-sdk',
                ver: '4.0.0',
                areas: ['kex', 'ratchet'],
                suites: ['wire10-legacy'],
                features: ['rng.feed'],
            },
        };
    }
    if (op === 'flush') return { ok: {} };
    if (op === 'bye') return { ok: { replies: replies + 1 } };
    const work = Object.hasOwn(operations, op) ? operations[op] : undefined;
    if (!work || (given?.suite ?? 'wire10-legacy') !== 'wire10-legacy') return { unsupported: true };
    try {
        return { ok: work(given) };
    } catch (thrown) {
        if (thrown instanceof NotOffered) return { unsupported: true };
        const name = classOf(thrown);
        return name ? { reject: { class: name, detail: thrown.message } } : { fault: thrown.message };
    }
};

const lines = createInterface({ input: process.stdin });
for await (const line of lines) {
    const request = JSON.parse(line);
    const reply = { id: request.id, ...answer(request) };
    process.stdout.write(`${JSON.stringify(reply)}\n`);
    ++replies;
    if (request.op === 'bye') break;
}
lines.close();
process.stdin.destroy();
