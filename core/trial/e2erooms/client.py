# Sends the lines of standard input and prints received frames, with Debian's python3-websockets.
import asyncio
import sys

import websockets


async def main():
    async with websockets.connect(sys.argv[1]) as ws:
        async def receive():
            async for frame in ws:
                print(frame, flush=True)

        receiving = asyncio.create_task(receive())
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            await ws.send(line.rstrip("\n"))
        await ws.close()
        await receiving


asyncio.run(main())
