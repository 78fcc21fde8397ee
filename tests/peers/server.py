"""Python `websockets` as echo server of our client; prints "port N" and ends with its standard input."""

import asyncio
import sys

import websockets


async def converse(socket):
    async for message in socket:
        if message == "fragments":
            await socket.send(["frag", "ment", "s"])  # a sequence is sent as fragments
        elif message == "ping":
            await (await socket.ping(b"are you there"))
            await socket.send("pong are you there")
        elif message == "close":
            await socket.close(4002, "as asked")
        else:
            await socket.send(message)


async def main():
    ended = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), ended.set)
    async with websockets.serve(converse, "127.0.0.1", 0, compression="deflate") as server:
        print("port", server.sockets[0].getsockname()[1], flush=True)
        await ended.wait()


asyncio.run(main())
