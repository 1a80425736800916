"""The outermost of the application: every request gets its id, is counted and timed, and may be logged and traced.

Rule 1: routes are named by their templates, so that no text of a caller becomes a label or a line of the log.
Rule 2: what is not switched on costs a comparison.
"""

import logging
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.request_scope import ID_HEADER, ITEMS, KEY, begin, route_of

if TYPE_CHECKING:
    from app.services import Services

CLIENT_GONE = 499
"""For our own counting, as proxies write it: nobody was there to be answered."""

log = logging.getLogger("touchstone.access")


@dataclass(frozen=True, slots=True)
class Access:
    """ASGI middleware."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        services: Services = scope["app"].state.services
        headers = dict(scope["headers"])
        name = begin(scope, headers.get(ID_HEADER))
        status = CLIENT_GONE

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), (ID_HEADER, name.encode())]
            await send(message)

        started = time.perf_counter()
        try:
            with services.tracing.request(headers, scope) as finish:
                try:
                    await self.app(scope, receive, answer)
                except Exception:
                    status = 500
                    raise
                finally:
                    finish(status)
        finally:
            _ended(services, scope, status, time.perf_counter() - started)


def _ended(services: "Services", scope: Scope, status: int, seconds: float) -> None:
    route = route_of(scope)
    services.metrics.requests.labels(route, str(status)).inc()
    services.metrics.request_seconds.labels(route).observe(seconds)
    if services.settings.log.requests:
        said = {"route": route, "status": status, "ms": round(seconds * 1000, 3), "items": scope.get(ITEMS, 0)}
        log.info("answered", extra=said | ({"key": scope[KEY]} if KEY in scope else {}))
