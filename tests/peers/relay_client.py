"""Two agents on Python `websockets`, talking profile v02 through our relay: relay_client.py PORT"""

import asyncio
import base64
import datetime
import hashlib
import json
import sys

import nacl.signing
import websockets

URL = f"ws://127.0.0.1:{sys.argv[1]}/"
ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


class Agent:
    def __init__(self):
        self.key = nacl.signing.SigningKey.generate()
        self.public_key = bytes(self.key.verify_key)
        self.amid = base58(hashlib.sha256(self.public_key).digest()[:20])

    async def login(self):
        self.socket = await websockets.connect(URL)
        timestamp = datetime.datetime.now(datetime.timezone.utc).isoformat()
        await self.send(type="connect", protocol="agentmesh/0.2", amid=self.amid, timestamp=timestamp,
                        public_key="ed25519:" + base64.b64encode(self.public_key).decode(),
                        signature=base64.b64encode(self.key.sign(timestamp.encode()).signature).decode())
        connected = await self.next()
        assert connected["type"] == "connected", connected
        return connected

    async def send(self, **frame):
        await self.socket.send(json.dumps(frame))

    async def next(self):
        return json.loads(await asyncio.wait_for(self.socket.recv(), 10))

    async def logout(self):
        await self.socket.close(1000)
        assert self.socket.close_code == 1000


async def main():
    alice, bob = Agent(), Agent()
    await alice.login()
    await bob.login()
    for payload in ("b3BhcXVl", "x" * 65536):
        await alice.send(type="send", to=bob.amid, encrypted_payload=payload, message_type="message")
        received = await bob.next()
        assert received["type"] == "receive" and received["from"] == alice.amid
        assert received["encrypted_payload"] == payload
    await alice.socket.send(b"binary")
    assert (await alice.next())["code"] == "INVALID_MESSAGE"
    await asyncio.wait_for(await alice.socket.ping(b"are you there"), 10)

    await bob.logout()
    status = ""
    while status != "offline":  # until the relay has noticed
        await alice.send(type="presence_query", amid=bob.amid)
        status = (await alice.next())["status"]
    await alice.send(type="send", to=bob.amid, encrypted_payload="bGF0ZXI=", message_type="message")
    await alice.send(type="presence_query", amid=bob.amid)
    await alice.next()
    assert (await bob.login())["pending_messages"] == 1
    assert (await bob.next())["encrypted_payload"] == "bGF0ZXI="
    await bob.logout()
    await alice.logout()


asyncio.run(main())
