"""What is known of a request beside its body, for its whole way: its id, whose key it brought, how many items it has.

Rule 1: a caller's `X-Request-ID` is kept only where it is short and plain, else it gets one of ours: what is written
        into logs cannot break their lines, and an id is no place for a text.
Rule 2: routes are named by their templates: a path may hold anything.
"""

import re
import secrets
from contextvars import ContextVar

from starlette.types import Scope

ID_HEADER = b"x-request-id"
ID = "touchstone.request_id"
KEY = "touchstone.key"
"""The name of the key, not the key."""
ITEMS = "touchstone.items"
UNMATCHED = "unmatched"
"""For paths that are no route's."""
_PLAIN = re.compile(rb"[\w.:/+=-]{1,64}", re.ASCII)

_current: ContextVar[Scope | None] = ContextVar("request_scope", default=None)


def begin(scope: Scope, given: bytes | None) -> str:
    """Let this task work on that request from now on; returns its id."""
    name = given.decode() if given and _PLAIN.fullmatch(given) else secrets.token_hex(8)
    scope[ID] = name
    _current.set(scope)
    return name


def current_id() -> str:
    """Of the request that this task works on; "-" outside of requests."""
    scope = _current.get()
    return "-" if scope is None else scope[ID]


def current_key() -> str | None:
    """Whose request this task works on, where keys are asked for."""
    scope = _current.get()
    return None if scope is None else scope.get(KEY)


def count_items(number: int) -> None:
    """The request has so many items more: they are charged to its key."""
    if (scope := _current.get()) is not None:
        scope[ITEMS] = scope.get(ITEMS, 0) + number


def route_of(scope: Scope) -> str:
    """The template of the route that answers."""
    route: str = getattr(scope.get("route"), "path", UNMATCHED)
    return route
