"""The service's end of the zygote: start it, ask it for workers, hear of their deaths."""

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Callable

import msgspec

from app.pool import zygote
from verifiers.code_run.engines import Configuration

CLOSE_GRACE_S = 2.0
"""For the zygote to end by itself once we hung up."""


class ZygoteLost(Exception):
    """The zygote is gone or did not come up; start another."""


class Nursery:
    """One zygote process. `on_exit(pid, wait status)` tells of each worker's end, `on_lost()` of its own."""

    def __init__(
        self,
        registry: str,
        *,
        cpu_s: float,
        memory_bytes: int,
        code: Configuration,
        on_exit: Callable[[int, int], None],
        on_lost: Callable[[], None],
    ) -> None:
        self._registry = registry
        self._cpu_s = cpu_s
        self._memory_bytes = memory_bytes
        self._code = code
        self._on_exit = on_exit
        self._on_lost = on_lost
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._buffer = bytearray()
        self._waiting: deque[asyncio.Future[int]] = deque()

    @property
    def up(self) -> bool:
        """Whether it can fork."""
        return self._control is not None

    async def start(self, timeout_s: float) -> None:
        """Start the zygote and wait until it has loaded the verifiers. Raises ZygoteLost."""
        ours = self._launch()
        ours.setblocking(False)
        self._control = ours
        loop = asyncio.get_running_loop()
        loop.add_reader(ours.fileno(), self._read)
        try:
            await asyncio.wait_for(self._expect(), timeout_s)
        except TimeoutError:
            await self.close()
            raise ZygoteLost(f"the workers' parent did not load the verifiers within {timeout_s:g} s") from None
        except ZygoteLost:
            await self.close()
            raise ZygoteLost("the workers' parent ended while it loaded the verifiers; it has said why") from None

    def _launch(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            config = zygote.Config(theirs.fileno(), self._registry, self._cpu_s, self._memory_bytes, self._code)
            # It must find the same modules as we do, also when we run from a source tree.
            environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [sys.executable, "-m", "app.pool.zygote", msgspec.json.encode(config).decode()],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=environment,
                start_new_session=True,
            )
        return ours

    def _expect(self) -> asyncio.Future[int]:
        future: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        return future

    async def fork(self) -> tuple[int, socket.socket]:
        """A new worker: its process id and our end of its socket. Raises ZygoteLost."""
        if self._control is None:
            raise ZygoteLost
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        try:
            with theirs:
                socket.send_fds(self._control, [zygote.COMMAND.pack(zygote.FORK, 0)], [theirs.fileno()])
            return await self._expect(), ours
        except OSError as error:
            ours.close()
            raise ZygoteLost(str(error)) from error
        except BaseException:
            ours.close()
            raise

    def kill(self, pid: int) -> None:
        """Kill one worker, if it still lives."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.send(zygote.COMMAND.pack(zygote.KILL, pid))

    def _read(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._hang_up()
            self._on_lost()
            return
        self._buffer += data
        while len(self._buffer) >= zygote.EVENT.size:
            event = bytes(self._buffer[: zygote.EVENT.size])
            del self._buffer[: zygote.EVENT.size]
            self._hear(*zygote.EVENT.unpack(event))

    def _hear(self, name: bytes, pid: int, status: int) -> None:
        if name == zygote.EXITED:
            self._on_exit(pid, status)
            return
        future = self._waiting.popleft()
        if not future.done():
            future.set_result(pid)

    def _hang_up(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_reader(self._control.fileno())
            self._control.close()
            self._control = None
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(ZygoteLost("the worker processes' parent is gone"))
        self._buffer.clear()

    async def close(self) -> None:
        """End the zygote and with it every worker; collect its exit status."""
        self._hang_up()
        process, self._process = self._process, None
        if process is None:
            return
        try:
            await asyncio.to_thread(process.wait, CLOSE_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            await asyncio.to_thread(process.wait)
