"""A wire that fails on request: between client and service, or between service and model.

with FaultProxy(service.port) as wire:
    wire.fault = Fault(delay_s=0.2)                      # each piece of an answer comes late
    wire.fault = Fault(bytes_per_s=500)                  # answers trickle
    wire.fault = Fault(cut_after=20, cut=Cut.RESET)      # so many bytes of an answer, then a TCP reset
with FaultProxy(one.port, other.port) as balancer:       # connections in turn, past ports that are closed
"""

import asyncio
import contextlib
import enum
import itertools
import math
import socket
import struct
import threading
from dataclasses import dataclass
from types import TracebackType
from typing import Self

PIECE_BYTES = 1 << 14


class Cut(enum.Enum):
    """How a connection fails after `cut_after` bytes of an answer."""

    CLOSE = enum.auto()
    RESET = enum.auto()
    STALL = enum.auto()


@dataclass(frozen=True)
class Fault:
    """What is done to answers. `times`: to so many connections, the next ones."""

    delay_s: float = 0.0
    bytes_per_s: float = math.inf
    cut_after: int | None = None
    cut: Cut = Cut.CLOSE
    times: int = 1 << 30


class FaultProxy:
    """For a `with` block, on its own thread and port. `fault` may be replaced while it runs."""

    def __init__(self, *upstreams: int) -> None:
        self.fault = Fault()
        self.connections = 0
        self._faulted = (self.fault, 0)
        self._turns = itertools.cycle(upstreams)
        self._upstreams = len(upstreams)
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._connected, "127.0.0.1", 0))
        self.port: int = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    async def _stop(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # transports close in the next turns

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        try:
            with contextlib.suppress(OSError, asyncio.CancelledError):
                behind_reader, behind_writer = await self._behind()
                asking = asyncio.ensure_future(_copy(reader, behind_writer))
                try:
                    await self._answer(behind_reader, writer)
                finally:
                    asking.cancel()
                    behind_writer.transport.abort()
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _behind(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        for _ in range(self._upstreams - 1):
            with contextlib.suppress(OSError):
                return await asyncio.open_connection("127.0.0.1", next(self._turns))
        return await asyncio.open_connection("127.0.0.1", next(self._turns))

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        sent = 0
        seen: Fault | None = None
        mine = Fault()
        while piece := await reader.read(PIECE_BYTES):
            if seen is not self.fault:
                seen, mine, sent = self.fault, self._take(), 0
            await asyncio.sleep(mine.delay_s)
            if mine.cut_after is not None and sent + len(piece) > mine.cut_after:
                writer.write(piece[: mine.cut_after - sent])
                await writer.drain()
                await _cut(mine.cut, writer)
                return
            await _trickle(piece, writer, mine.bytes_per_s)
            sent += len(piece)

    def _take(self) -> Fault:
        fault, taken = self._faulted if self._faulted[0] is self.fault else (self.fault, 0)
        self._faulted = (fault, taken + 1)
        return fault if taken < fault.times else Fault()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while piece := await reader.read(PIECE_BYTES):
            writer.write(piece)
            await writer.drain()


async def _trickle(piece: bytes, writer: asyncio.StreamWriter, bytes_per_s: float) -> None:
    step = len(piece) if math.isinf(bytes_per_s) else max(1, int(bytes_per_s / 20))
    for start in range(0, len(piece), step):
        writer.write(piece[start : start + step])
        await writer.drain()
        await asyncio.sleep(0 if math.isinf(bytes_per_s) else step / bytes_per_s)


async def _cut(how: Cut, writer: asyncio.StreamWriter) -> None:
    if how is Cut.STALL:
        await asyncio.sleep(3_600)
    if how is Cut.RESET:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
