"""A vLLM server of our own: started, probed, watched, restarted, and gone when we are.

Rule 1: it is READY only after the probe has passed; before that, calls fail at once and say why.
Rule 2: whatever ends it (a crash, a kill, a hang) leads to a fresh start on a fresh port, after a growing
        pause.
Rule 3: after FAILURES_SHOWN bad runs in a row the state says FAILED, with the line of its log that tells
        most; it is still tried again, because memory may become free or a mount may come back.
"""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, NoReturn, TypeVar

from grm.backend import BackendError, Capabilities, Completion, ModelState, Phase, Reply, Unreachable
from grm.dialects import Thinking
from grm.openai_backend import OpenAIBackend
from grm.probe import probe
from grm.remote_model import describe
from grm.standing import Standing
from grm.vllm_command import LOOPBACK, NotInstalledError, VllmOptions, command, environment, installed_build
from grm.vllm_process import LeashedProcess, LogTail

T = TypeVar("T")

FIRST_PAUSE_S = 1.0
LONGEST_PAUSE_S = 300.0
"""A start costs about a minute of CPU time: a model that cannot start must not eat the machine."""
STEADY_S = 120.0
"""A run that stayed ready this long was a good one: the next pause is short again."""
FAILURES_SHOWN = 3
STOP_GRACE_S = 10.0
"""vLLM needs about two seconds to stop its engine."""
LOOK_EVERY_S = 0.5
HEALTH_EVERY_S = 2.0
HEALTH_LIMIT_S = 10.0
MISSES_ALLOWED = 5
"""The server's front process answers even under load: six late answers in a row are a hang."""


class _RunEndedError(Exception):
    """The run is over; `str()` says why."""


class SupervisedBackend:
    """A ServedModel whose server is our own child. `model` is a hub name or a folder."""

    def __init__(
        self,
        model: str,
        options: VllmOptions,
        *,
        concurrency: int = 64,
        thinking: Thinking = Thinking.OFF,
        call_headers: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._model = model
        self._options = options
        self._concurrency = concurrency
        self._thinking = thinking
        self._call_headers = call_headers
        self._standing = Standing(f"vllm:{model}", "not started yet")
        self._tail = LogTail()
        self._backend: OpenAIBackend | None = None
        self._capabilities: Capabilities | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._failures = 0

    @property
    def name(self) -> str:
        """The model's hub name or folder."""
        return self._model

    @property
    def url(self) -> str | None:
        """Where the server listens, for others on this machine; None while there is none."""
        return self._backend.root if self._backend else None

    @property
    def capabilities(self) -> Capabilities | None:
        """What the last probe proved."""
        return self._capabilities

    @property
    def state(self) -> ModelState:
        """How the server is right now."""
        return self._standing.state

    @property
    def log_lines(self) -> tuple[str, ...]:
        """The last lines that the server printed."""
        return tuple(self._tail.lines)

    async def start(self) -> None:
        """Begin to keep a server running."""
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._keep(), name="keep vLLM server")

    async def wait_ready(self, timeout_s: float) -> ModelState:
        """The state once it is ready, failed or closed, or at the latest after `timeout_s`."""
        return await self._standing.settled(timeout_s)

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        """One completion within `deadline_s` seconds. Raises BackendError."""
        if self._backend is None or not self.state.ready:
            raise Unreachable(f"the vLLM server is {self.state.phase}: {self.state.detail}")
        return await self._backend.complete(completion, deadline_s=deadline_s)

    async def aclose(self) -> None:
        """Stop the server with all its processes."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
            self._keeper = None
        self._standing.move(Phase.CLOSED, "closed")

    async def _keep(self) -> None:
        while True:
            try:
                await self._run_once()
            except (_RunEndedError, NotInstalledError, BackendError, OSError) as error:
                reason = str(error)
            self._failures += 1
            pause_s = min(LONGEST_PAUSE_S, FIRST_PAUSE_S * 2.0 ** (self._failures - 1))
            phase = Phase.FAILED if self._failures >= FAILURES_SHOWN else Phase.RESTARTING
            self._standing.move(phase, f"{reason}; next start in {pause_s:g} s")
            await asyncio.sleep(pause_s)

    async def _run_once(self) -> NoReturn:
        """Start a server and stay with it until it is lost, which is raised."""
        build = await installed_build(self._options.interpreter)
        port = _free_port()
        self._tail = LogTail()
        line = command(self._model, port, build, self._options)
        env = environment(self._model, build, self._options)
        process = await LeashedProcess.start(line, env, self._tail, grace_s=STOP_GRACE_S)
        backend = OpenAIBackend(
            f"http://{LOOPBACK}:{port}",
            model=self._model,
            concurrency=self._concurrency,
            thinking=self._thinking,
            call_headers=self._call_headers,
        )
        if self._failures == 0:
            self._standing.move(Phase.STARTING, f"loading on the {build}, up to {self._options.start_limit_s:g} s")
        try:
            await self._unless_ended(process, self._come_up(backend))
            self._capabilities = await self._unless_ended(process, self._examine(backend))
            await self._serve(process, backend, self._capabilities)
        finally:
            self._backend = None
            await backend.aclose()
            await process.stop()

    async def _come_up(self, backend: OpenAIBackend) -> None:
        """Returns when the server lists its model; it begins to listen only once the weights are loaded."""
        limit_s = self._options.start_limit_s
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    with contextlib.suppress(BackendError):
                        await backend.list_models(deadline_s=HEALTH_LIMIT_S)
                        return
                    await asyncio.sleep(LOOK_EVERY_S)
        except TimeoutError:
            said = self._tail.telling_line()
            raise _RunEndedError(f"the server did not come up within {limit_s:g} s: {said}") from None

    async def _examine(self, backend: OpenAIBackend) -> Capabilities:
        try:
            return await probe(backend)
        except BackendError as error:
            raise _RunEndedError(f"the probe failed: {error}; {self._tail.telling_line()}") from error

    async def _serve(self, process: LeashedProcess, backend: OpenAIBackend, found: Capabilities) -> NoReturn:
        loop = asyncio.get_running_loop()
        ready_at = loop.time()
        self._backend = backend
        self._standing.move(Phase.READY, describe(found))
        try:
            await self._unless_ended(process, _until_hung(backend))
        except _RunEndedError as error:
            # Before the remains are cleared away, which takes seconds when the server hangs.
            self._standing.move(Phase.RESTARTING, str(error))
            raise
        finally:
            if loop.time() - ready_at >= STEADY_S:
                self._failures = 0

    async def _unless_ended(self, process: LeashedProcess, work: Coroutine[Any, Any, T]) -> T:
        """The work's result, unless the server ends first."""
        working = asyncio.create_task(work)
        ending = asyncio.create_task(process.ended())
        try:
            await asyncio.wait({working, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                raise _RunEndedError(f"the server ended: {self._tail.telling_line()}")
            return working.result()
        finally:
            working.cancel()
            ending.cancel()
            await asyncio.gather(working, ending, return_exceptions=True)


async def _until_hung(backend: OpenAIBackend) -> NoReturn:
    """Raises _RunEndedError once the server has stopped answering, though its process lives."""
    misses = 0
    while misses <= MISSES_ALLOWED:
        await asyncio.sleep(HEALTH_EVERY_S)
        try:
            await backend.list_models(deadline_s=HEALTH_LIMIT_S)
            misses = 0
        except BackendError:
            misses += 1
    raise _RunEndedError(f"the server stopped answering ({misses} looks of up to {HEALTH_LIMIT_S:g} s)")


def _free_port() -> int:
    """A port that was free a moment ago. Should somebody take it first, the next start picks another."""
    with socket.socket() as probe_socket:
        probe_socket.bind((LOOPBACK, 0))
        port: int = probe_socket.getsockname()[1]
        return port
