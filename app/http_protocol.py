"""uvicorn's HTTP protocol with limits on how slowly a request may arrive and how large its head may be.

Rule 1: a whole request, head and body, arrives within `arrival_s` and a second more for every `SLOWEST_BYTES` that are
        there. A connection that sends nothing has the same limit: it holds a descriptor for nothing.
Rule 2: what we do not read, or have not answered yet, is not the caller's delay: meanwhile the limit starts again.
Rule 3: where nothing was answered yet the caller is told (408, 431), then the connection is closed.
"""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from app import wire
from app.errors import MEDIA_TYPE

SLOWEST_BYTES = 1 << 14
"""Per second: a slow mobile link. 64 MiB at that rate would be an hour, but nobody trains behind one."""
MAX_HEAD_BYTES = 1 << 16
"""Names, tokens and traces of a request fit many times; the parser itself would gather any number of headers."""


class TimedProtocol(HttpToolsProtocol):
    """One connection. See uvicorn for all but the limits."""

    def __init__(self, *arguments: Any, arrival_s: float, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._arrival_s = arrival_s
        self._began = 0.0
        self._arrived_bytes = 0
        self._in_head = True
        self._overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A request is expected from now on."""
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing is expected any more."""
        self._expect_nothing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Some of a request, one, or several."""
        super().data_received(data)
        self._arrived_bytes += len(data)
        if self._overdue is None and not self._answering():
            self._expect()  # blank lines begin no request, and would hold the connection for ever
        if self._overdue is not None and self._in_head and self._arrived_bytes > MAX_HEAD_BYTES:
            detail = f"the request line and headers have more than {MAX_HEAD_BYTES} bytes; send fewer or shorter ones"
            self._refuse(wire.Problem("head_too_large", "The request's headers are too large", 431, detail))

    def on_message_begin(self) -> None:
        """The first bytes of a request; on a connection that is used again, long after the last one."""
        super().on_message_begin()
        self._expect()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All is there."""
        self._expect_nothing()
        super().on_message_complete()

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first, whatever the annotation says
        return cycle is not None and not cycle.response_complete

    def _expect(self) -> None:
        self._expect_nothing()
        self._began = self.loop.time()
        self._arrived_bytes = 0
        self._in_head = True
        self._overdue = self.loop.call_later(self._arrival_s, self._look)

    def _expect_nothing(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
            self._overdue = None

    def _look(self) -> None:
        """At the limit: it is over, unless enough has arrived for more time."""
        if self.flow.read_paused or (self._in_head and self._answering()):
            self._began = self.loop.time()
        left_s = self._began + self._arrival_s + self._arrived_bytes / SLOWEST_BYTES - self.loop.time()
        if left_s > 0:
            self._overdue = self.loop.call_later(left_s, self._look)
            return
        detail = (
            f"the request was not complete {self._arrival_s:g} s after it began and slower than {SLOWEST_BYTES} bytes "
            "a second; send it faster or in smaller parts"
        )
        self._refuse(wire.Problem("too_slow", "The request arrives too slowly", 408, detail))

    def _refuse(self, problem: wire.Problem) -> None:
        self._expect_nothing()
        if self.transport.is_closing():
            return
        if self._arrived_bytes and not (self._answering() and self.cycle.response_started):
            body = wire.encode(problem)
            head = f"HTTP/1.1 {problem.status} {problem.title}\r\ncontent-type: {MEDIA_TYPE}\r\n"
            head += f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
            self.transport.write(head.encode() + body)
        self.transport.close()
