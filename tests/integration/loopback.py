"""A small asyncio HTTP/1.1 server on a free loopback port, for tests that need volume or delay."""
import asyncio
import contextlib
import threading

PIECE = bytes(256 * 1024)


class Server:
    """GET /down/N streams N zero bytes; GET /wait/MS answers after MS; GET /status/N answers
    with that status; anything else counts and drops its body and answers with the count."""

    def __init__(self):
        self.in_flight = self.in_flight_max = self.connections = self.requests = self.body_bytes = 0

    async def serve(self, reader, writer):
        self.connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                self.in_flight += 1
                self.requests += 1
                self.in_flight_max = max(self.in_flight_max, self.in_flight)
                await self.answer(head, reader, writer)
                self.in_flight -= 1
        writer.close()

    async def answer(self, head, reader, writer):
        method, target, _ = head.split(" ", 2)
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if line)
        got = await self.drop_body(fields, reader)
        step, _, number = target.strip("/").partition("/")
        if method == "GET" and step == "down":
            writer.write(f"HTTP/1.1 200 OK\r\nContent-Length: {number}\r\n\r\n".encode())
            for at in range(0, int(number), len(PIECE)):
                writer.write(PIECE[:int(number) - at])
                await writer.drain()
            return
        if step == "wait":
            await asyncio.sleep(int(number) / 1000)
        body = str(got).encode()
        status = int(number) if step == "status" else 200
        writer.write(b"HTTP/1.1 %d OK\r\nContent-Length: %d\r\n\r\n%b" % (status, len(body), body))
        await writer.drain()

    async def drop_body(self, fields, reader):
        got = 0
        if fields.get("transfer-encoding") == "chunked":
            while size := int(await reader.readline(), 16):
                await self.drop(reader, size)
                await reader.readexactly(2)
                got += size
            await reader.readexactly(2)
        elif "content-length" in fields:
            got = int(fields["content-length"])
            await self.drop(reader, got)
        self.body_bytes += got
        return got

    @staticmethod
    async def drop(reader, size):
        while size:
            piece = await reader.read(min(size, len(PIECE)))
            if not piece:
                raise ConnectionError
            size -= len(piece)


@contextlib.contextmanager
def running(tls=None):
    """Gives (server, port) while a thread of its own serves; over TLS with an ssl.SSLContext."""
    server, loop, ready = Server(), asyncio.new_event_loop(), threading.Event()
    port = []

    async def main():
        listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, limit=1 << 20, backlog=1024,
                                               ssl=tls)
        port.append(listening.sockets[0].getsockname()[1])
        ready.set()
        await asyncio.Event().wait()

    def run():
        asyncio.set_event_loop(loop)
        with contextlib.suppress(asyncio.CancelledError):
            loop.run_until_complete(serving)
        # Connections that are still open: their tasks end before the loop does.
        rest = asyncio.all_tasks(loop)
        for task in rest:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*rest, return_exceptions=True))
        loop.close()

    serving = loop.create_task(main())
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    ready.wait(30)
    try:
        yield server, port[0]
    finally:
        loop.call_soon_threadsafe(serving.cancel)
        thread.join(10)
