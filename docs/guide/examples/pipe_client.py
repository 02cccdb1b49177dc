"""Calls services through `callerapi pipe`, from asyncio and the standard library alone."""
import asyncio
import itertools
import json


class PipeEnded(ConnectionError):
    """The program has ended; what was in flight may have been sent."""


class Pipe:
    """`async with Pipe("--registry", "registry.toml") as pipe: answer = await pipe.ask(...)`"""

    def __init__(self, *options, program="callerapi"):
        self.command = [program, *options, "pipe"]
        self.waiting, self.ids, self.ended = {}, map(str, itertools.count(1)), False

    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            *self.command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            limit=64 * 2**20)  # a line holds a whole body; asyncio's own limit is 64 KiB
        self.reader = asyncio.create_task(self.read())
        return self

    async def __aexit__(self, *_):
        self.process.stdin.close()  # the program finishes what is in flight, then ends
        await self.reader
        await self.process.wait()

    async def read(self):
        try:
            async for line in self.process.stdout:
                answer = json.loads(line)
                future = self.waiting.pop(answer["id"], None)
                if future and not future.done():
                    future.set_result(answer)
        finally:
            self.ended = True
            for future in self.waiting.values():
                if not future.done():
                    future.set_exception(PipeEnded("callerapi pipe has ended"))

    async def ask(self, op, **members):
        """One line, one answer. Cancelling the task cancels the call."""
        if self.ended:
            raise PipeEnded("callerapi pipe has ended")
        number = next(self.ids)
        future = self.waiting[number] = asyncio.get_running_loop().create_future()
        self.send(id=number, op=op, **members)
        try:
            await self.process.stdin.drain()  # waits while the program reads no further
            return await future
        except asyncio.CancelledError:
            self.send(id=f"cancel {number}", op="cancel", target=number)
            raise

    def send(self, **line):
        self.process.stdin.write((json.dumps(line) + "\n").encode())
