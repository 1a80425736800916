"""Lets in who has a key and is within its limits. Around everything but the request's id, count and time.

Rule 1: nothing of a request is read before its key is known.
Rule 2: a key may also stand before the path, `/k/KEY/get_reward`, for trainers that have an address and nothing else;
        behind the gate nobody sees it.
Rule 3: a profile with a key of its own is opened by that key, where its routes are read.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import WrongKey, limited, problem_of, respond
from app.keys import Account, Keyring, Refusal, key_of
from app.metrics import Metrics
from app.request_scope import ITEMS, KEY
from app.settings import Settings

if TYPE_CHECKING:
    from app.services import Services

PREFIX = "/k/"
CONSOLE = "/console"
MIB = 1 << 20
NO_KEY = (
    "send a key of this service as `Authorization: Bearer …` or `X-API-Key`; where no header can be sent, as `?key=…` "
    "or before the path, `/k/…/get_reward`"
)


@dataclass(frozen=True, slots=True)
class Gate:
    """ASGI middleware."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["app"].state.services.keyring is None:
            await self.app(scope, receive, send)
            return
        services: Services = scope["app"].state.services
        keyring = services.keyring
        assert keyring is not None
        key = _from_path(scope) or key_of(HTTPConnection(scope))
        if (account := keyring.account(key)) is not None:
            await self._within_limits(account, keyring, services.metrics, scope, receive, send)
        elif _is_open(scope, services.settings):
            await self.app(scope, receive, send)
        else:
            services.metrics.unknown_keys.inc()
            await respond(problem_of(WrongKey(NO_KEY)), {"WWW-Authenticate": "Bearer"})(scope, receive, send)

    async def _within_limits(
        self, account: Account, keyring: Keyring, metrics: Metrics, scope: Scope, receive: Receive, send: Send
    ) -> None:
        scope[KEY] = account.name
        try:
            account.enter(keyring.clock())
        except Refusal as refusal:
            metrics.limited.labels(account.name, refusal.limit).inc()
            await limited(refusal)(scope, receive, send)
            return

        async def weighed() -> Message:
            message = await receive()
            account.pay("mb_per_minute", len(message.get("body", b"")) / MIB)
            return message

        try:
            await self.app(scope, weighed, send)
        finally:
            account.leave()
            account.pay("items_per_minute", scope.get(ITEMS, 0))


def _from_path(scope: Scope) -> str | None:
    """The key before the path, which is taken off."""
    path: str = scope["path"]
    if not path.startswith(PREFIX):
        return None
    key, slash, rest = path.removeprefix(PREFIX).partition("/")
    if not slash:
        return None
    scope["path"] = "/" + rest
    scope["raw_path"] = scope["path"].encode()
    return key


def _is_open(scope: Scope, settings: Settings) -> bool:
    path: str = scope["path"]
    # The console's files hold nothing; what they ask for wants a key, for which the page asks.
    if path in settings.keys.open_routes or path == CONSOLE or path.startswith(f"{CONSOLE}/"):
        return True
    name = path.removeprefix("/p/").partition("/")[0] if path.startswith("/p/") else ""
    profile = settings.profiles.get(name)
    return profile is not None and profile.key is not None
