"""A slow way to a server, as a process of its own: every byte on its way there is late by `latency_ms`, and all connections
together carry at most `bytes_per_s` that way (0: as many as there are). Answers come back at once.

    with SlowWay(s3.port, latency_ms=60, bytes_per_s=20_000_000) as way:
        way.endpoint
"""

import asyncio
import sys
import time

_PIECE_BYTES = 64 << 10
_BACKLOG = 1_024


class SlowWay:
    """A context manager; `endpoint` stands in for the server's own."""

    def __init__(self, upstream_port, latency_ms=0, bytes_per_s=0):
        from parts.process import Server, free_port

        self.port = free_port()
        words = [sys.executable, __file__, self.port, upstream_port, latency_ms, bytes_per_s]
        self.server = Server("slow-way", words)

    def __enter__(self):
        from parts.process import accepts_connections

        self.server.start().wait_until(lambda: accepts_connections(self.port), 30)
        return self

    def __exit__(self, *_exc):
        self.server.stop()

    @property
    def endpoint(self):
        return f"http://127.0.0.1:{self.port}"


class _Rate:
    """Who wants to send waits until what was promised to others before is sent."""

    def __init__(self, bytes_per_s):
        self.bytes_per_s = bytes_per_s
        self.free_at = 0.0

    async def take(self, size):
        if self.bytes_per_s:
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + size / self.bytes_per_s
            await asyncio.sleep(self.free_at - now)


async def _there(reader, writer, latency_s, rate):
    # Pieces wait side by side: latency does not bound how much is on its way.
    queue = asyncio.Queue(maxsize=64)

    async def read():
        while piece := await reader.read(_PIECE_BYTES):
            await rate.take(len(piece))
            await queue.put((time.monotonic() + latency_s, piece))
        await queue.put((time.monotonic() + latency_s, b""))

    reading = asyncio.create_task(read())
    try:
        while True:
            due, piece = await queue.get()
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if not piece:
                return
            writer.write(piece)
            await writer.drain()
    finally:
        reading.cancel()


async def _back(reader, writer):
    while piece := await reader.read(_PIECE_BYTES):
        writer.write(piece)
        await writer.drain()


async def _serve(port, upstream_port, latency_s, rate):
    async def connected(reader, writer):
        try:
            up_reader, up_writer = await asyncio.open_connection("127.0.0.1", upstream_port)
        except OSError:
            return writer.close()
        ways = [asyncio.create_task(_there(reader, up_writer, latency_s, rate)),
                asyncio.create_task(_back(up_reader, writer))]  # fmt: skip
        # Whoever hangs up first ends both ways: HTTP/1.1 has no half of a connection.
        _, rest = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in rest:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, up_writer):
            end.close()

    server = await asyncio.start_server(connected, "127.0.0.1", port, backlog=_BACKLOG, limit=_PIECE_BYTES)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    _port, _upstream_port, _latency_ms, _bytes_per_s = (int(word) for word in sys.argv[1:])
    asyncio.run(_serve(_port, _upstream_port, _latency_ms / 1_000, _Rate(_bytes_per_s)))
