"""Python `websockets` as client of our echo server: client.py PORT"""

import asyncio
import sys

import websockets

URL = f"ws://127.0.0.1:{sys.argv[1]}/v1"


async def main():
    async with websockets.connect(URL, compression="deflate") as socket:
        assert socket.extensions == [], "the offered permessage-deflate is declined"
        assert socket.subprotocol is None
        for message in ("hello", "", "grüß 😀", "x" * 65536, bytes(256 * 1024)):
            await socket.send(message)
            assert await socket.recv() == message
        await socket.send(["one ", "two ", "three"])  # a sequence is sent as fragments
        assert await socket.recv() == "one two three"
        await asyncio.wait_for(await socket.ping(b"are you there"), 10)
        await socket.close(4000, "done")
        assert socket.close_code == 4000

    async with websockets.connect(URL) as socket:
        await socket.send("close 4001 as asked")
        await socket.wait_closed()
        assert (socket.close_code, socket.close_reason) == (4001, "as asked")

    async with websockets.connect(URL) as socket:
        await socket.send(bytes(256 * 1024 + 1))
        await socket.wait_closed()
        assert socket.close_code == 1009

    try:
        await websockets.connect(URL, origin="https://page.example")
    except websockets.InvalidStatusCode as refused:
        assert refused.status_code == 403
    else:
        raise AssertionError("a page from nowhere was let in")


asyncio.run(main())
