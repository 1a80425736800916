"""A model server that somebody else runs: probed until it answers, then watched.

Rule 1: while it does not answer, calls fail at once and say why; only the watcher knocks.
Rule 2: a server that went away and came back is probed again: it may be another model or version.
"""

import asyncio
import contextlib

from grm.backend import (
    BackendError,
    BadReply,
    Capabilities,
    Completion,
    ModelState,
    Phase,
    Refused,
    Reply,
    SchemaForm,
    Unreachable,
)
from grm.dialects import Thinking
from grm.openai_backend import OpenAIBackend
from grm.probe import probe
from grm.standing import Standing

CHECK_EVERY_S = 5.0
"""Between looks at a server that answers; a call that cannot connect brings the next look forward."""
KNOCK_EVERY_S = 2.0
"""Between looks at a server that does not."""
REFUSED_PAUSE_S = 30.0
"""A wrong model name or key needs a person: looking more often helps nobody."""
CHECK_LIMIT_S = 10.0
MISSES_ALLOWED = 2
"""A loaded server may answer its model list late; the third late answer in a row counts as gone."""


class RemoteModel:
    """A ServedModel around a backend for a running server."""

    def __init__(self, backend: OpenAIBackend) -> None:
        self._backend = backend
        self._standing = Standing(backend.root, "not asked yet")
        self._look_now = asyncio.Event()
        self._watcher: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """The model's name; the server's address while no model is known."""
        return self._backend.name

    @property
    def capabilities(self) -> Capabilities | None:
        """What the last probe proved."""
        return self._backend.capabilities

    @property
    def state(self) -> ModelState:
        """How the server is right now."""
        return self._standing.state

    async def start(self) -> None:
        """Begin to probe and watch."""
        if self._watcher is None:
            self._watcher = asyncio.create_task(self._watch(), name="watch model server")

    async def wait_ready(self, timeout_s: float) -> ModelState:
        """The state once it is ready, failed or closed, or at the latest after `timeout_s`."""
        return await self._standing.settled(timeout_s)

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        """One completion within `deadline_s` seconds. Raises BackendError."""
        if not self.state.ready:
            raise Unreachable(f"the model server is {self.state.phase}: {self.state.detail}")
        try:
            return await self._backend.complete(completion, deadline_s=deadline_s)
        except Unreachable:
            self._look_now.set()
            raise

    async def aclose(self) -> None:
        """Stop watching and close the connections."""
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        await self._backend.aclose()
        self._standing.move(Phase.CLOSED, "closed")

    async def _watch(self) -> None:
        while True:
            try:
                found = await probe(self._backend)
            except Refused as error:
                self._standing.move(Phase.FAILED, str(error))
                await asyncio.sleep(REFUSED_PAUSE_S)
            except BackendError as error:
                self._standing.move(Phase.UNREACHABLE, str(error))
                await asyncio.sleep(KNOCK_EVERY_S)
            else:
                self._standing.move(Phase.READY, describe(found))
                self._standing.move(Phase.UNREACHABLE, await self._until_lost())

    async def _until_lost(self) -> str:
        """Look at the server now and then; returns why it counts as gone."""
        misses = 0
        while True:
            self._look_now.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), CHECK_EVERY_S)
            try:
                await self._backend.list_models(deadline_s=CHECK_LIMIT_S)
                misses = 0
            except (Refused, BadReply):
                # It answers: llama.cpp forks and gateways may have no model list.
                misses = 0
            except Unreachable as error:
                return str(error)
            except BackendError as error:
                misses += 1
                if misses > MISSES_ALLOWED:
                    return str(error)


def describe(found: Capabilities) -> str:
    """One line for a readiness page.

    >>> describe(Capabilities("m", logprobs=True, constraint="none"))
    'm: log-probabilities, no constrained label, no JSON schema: replies are read as they come'
    """
    parts = [
        "log-probabilities" if found.logprobs else "no log-probabilities",
        "no constrained label" if found.constraint == "none" else f"label by {found.constraint}",
        _schema_line(found.schema),
    ]
    if found.thinking is not Thinking.OFF:
        parts.append(f"thinking {found.thinking}, then {_schema_line(found.thought_schema)}")
    return f"{found.model}: {', '.join(parts)}"


def _schema_line(form: SchemaForm) -> str:
    return "no JSON schema: replies are read as they come" if form == "none" else f"JSON by {form}"
