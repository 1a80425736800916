"""Who asks, until when, and whether they are still there: the context of one request, for every route.

Rule 1: a run is one caller, whatever its number of processes: `X-Run-Id`, else the key it brings, else the connection.
        Where keys are asked for the key alone counts: nobody gets more by naming many runs.
Rule 2: `X-Request-Deadline` is seconds left, as a caller's own caller may have set it; it only ever shortens.
Rule 3: work for a caller that has hung up is cancelled.
Rule 4: the bytes of all requests in the house are bounded before any of them is parsed.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Hashable
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.pool.outcome import QueueFull
from app.request_scope import KEY

RETRY_AFTER_S = 1
"""By then some of the requests in the house have been answered."""
MAX_NAME_BYTES = 128
"""Of a run's name; what follows does not tell runs apart."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who shares the workers with whom. `deadline_s` counts from `arrived`, on the monotonic clock."""

    name: Hashable = None
    arrived: float | None = None
    deadline_s: float = math.inf


_NOBODY = Caller()
_current: ContextVar[Caller] = ContextVar("caller", default=_NOBODY)


def current() -> Caller:
    """Whose request this task works on."""
    return _current.get()


def allowed_s(asked_s: float | None, default_s: float) -> float:
    """Seconds that are left for the request: what its body asks for or the default, since it arrived."""
    caller = current()
    spent_s = 0.0 if caller.arrived is None else time.monotonic() - caller.arrived
    return max(0.0, min(asked_s or default_s, caller.deadline_s) - spent_s)


class Reception:
    """ASGI middleware around the application. `max_bytes` bounds the bodies of all requests in the house."""

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        token = _current.set(_caller(scope, headers))
        visit = _Visit(self, receive, headers.get(b"content-length", b""))
        try:
            await self._app(scope, visit.receive, send)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not visit.gone or task is None or task.uncancel():
                raise
        finally:
            visit.end()
            _current.reset(token)

    def check(self, size: int, own: int) -> None:
        """Raises QueueFull where `size` bytes more are too many, beside those of others; alone anything is let in."""
        if self._held > own and self._held + size > self._max_bytes:
            raise QueueFull(RETRY_AFTER_S)

    def hold(self, size: int) -> None:
        """So many bytes more are here."""
        self._held += size

    def let_go(self, size: int) -> None:
        """They are gone."""
        self._held -= size


class _Visit:
    """One request: its bytes, and whether its caller is still there."""

    def __init__(self, reception: Reception, receive: Receive, announced: bytes) -> None:
        self._reception = reception
        self._receive = receive
        self._announced = int(announced) if announced.isdigit() else 0
        self._held = 0
        self._task = asyncio.current_task()
        self._soon: asyncio.Handle | None = None
        self._watch: asyncio.Task[Message] | None = None
        self.gone = False

    async def receive(self) -> Message:
        if self._soon is not None:
            return await asyncio.shield(self._watched())
        if not self._held:
            # Looked at and not taken: who announces much and sends little must not keep others out.
            self._reception.check(self._announced, 0)
        message = await self._receive()
        if message["type"] == "http.disconnect":
            return message
        size = len(message.get("body", b""))
        self._reception.check(size, self._held)
        self._reception.hold(size)
        self._held += size
        if not message.get("more_body", False):
            # Most requests are answered before the loop comes to this, and need no task to watch over them.
            self._soon = asyncio.get_running_loop().call_soon(self._watched)
        return message

    def _watched(self) -> "asyncio.Task[Message]":
        if self._watch is None:
            self._watch = asyncio.ensure_future(self._wait_for_the_end())
        return self._watch

    async def _wait_for_the_end(self) -> Message:
        message = await self._receive()
        if self._task is not None:
            self.gone = True
            self._task.cancel()
        return message

    def end(self) -> None:
        self._task = None
        self._reception.let_go(self._held)
        if self._soon is not None:
            self._soon.cancel()
        if self._watch is not None:
            self._watch.cancel()


def _caller(scope: Scope, headers: dict[bytes, bytes]) -> Caller:
    deadline_s = math.inf
    with contextlib.suppress(ValueError):
        given = float(headers.get(b"x-request-deadline", b"inf"))
        deadline_s = math.inf if math.isnan(given) else given
    return Caller(_name(scope, headers), time.monotonic(), deadline_s)


def _name(scope: Scope, headers: dict[bytes, bytes]) -> Hashable:
    if known := scope.get(KEY):
        return "key", known
    if run := headers.get(b"x-run-id"):
        return "run", run[:MAX_NAME_BYTES]
    key = headers.get(b"x-api-key") or headers.get(b"authorization")
    return ("key", hash(key)) if key else ("connection", scope.get("client"))
