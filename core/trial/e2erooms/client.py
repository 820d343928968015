# Says the lines of standard input, prints the frames that it hears. Debian's python3-websockets.
import asyncio
import sys

import websockets


async def main():
    async with websockets.connect(sys.argv[1]) as ws:
        async def hear():
            async for frame in ws:
                print(frame, flush=True)

        hearing = asyncio.create_task(hear())
        loop = asyncio.get_running_loop()
        while line := await loop.run_in_executor(None, sys.stdin.readline):
            await ws.send(line.rstrip("\n"))
        await ws.close()
        await hearing


asyncio.run(main())
