"""A slow network between a client and a server: what is sent arrives late, in its order."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.parse import urlsplit

SendReports = tuple[float, bytes]  # when it arrives, by the loop's clock; what


class SlowNetwork:
    """A relay in front of a server, in a thread of its own.

    `address` is where clients connect instead. Both ways each piece is `delay_s` late; while
    `held` it does not arrive at all.
    """

    def __init__(self, server: str) -> None:
        parts = urlsplit(server)
        self._server = (parts.hostname, parts.port)
        self.delay_s = 0.0
        self.address = ""
        self._held = False
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._ready.wait()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nothing through inside the block."""
        self._held = True
        try:
            yield
        finally:
            self._held = False

    def close(self) -> None:
        """Cut all connections."""
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._closing = asyncio.get_running_loop(), asyncio.Event()
        listening = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.address = "tcp://{}:{}".format(*listening.sockets[0].getsockname())
        self._ready.set()
        await self._closing.wait()
        listening.close()

    async def _relay(self, near: asyncio.StreamReader, near_out: asyncio.StreamWriter) -> None:
        far, far_out = await asyncio.open_connection(*self._server)
        try:
            await asyncio.gather(self._one_way(near, far_out), self._one_way(far, near_out))
        except asyncio.CancelledError:  # closed while it is connected
            pass
        finally:
            for out in (near_out, far_out):
                out.close()

    async def _one_way(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        underway: asyncio.Queue[SendReports] = asyncio.Queue()

        async def deliver() -> None:
            while True:
                due, sent = await underway.get()
                await asyncio.sleep(due - self._loop.time())
                while self._held:
                    await asyncio.sleep(0.01)
                if not sent:
                    break
                target.write(sent)
                await target.drain()
            target.write_eof()

        delivering = asyncio.create_task(deliver())
        with suppress(OSError):
            while sent := await source.read(2**16):
                underway.put_nowait((self._loop.time() + self.delay_s, sent))
        underway.put_nowait((self._loop.time() + self.delay_s, b""))
        with suppress(OSError):
            await delivering


@contextmanager
def slow_network(server: str) -> Iterator[SlowNetwork]:
    """Put a relay before the server `tcp://host:port`, and take it away again."""
    network = SlowNetwork(server)
    try:
        yield network
    finally:
        network.close()
