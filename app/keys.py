"""Who may call, and how much: keys that requests bring, and the limits of each.

Rule 1: a key is kept as its SHA-256 only. Keys are 32 random bytes, so no slow hash is needed; ours are made by
        `touchstone make-key`. All stored hashes are compared, each in constant time.
Rule 2: the file of keys is read again when it changes. One that cannot be read leaves the keys that were there, with a
        complaint in the log that quotes nothing of it.
Rule 3: limits are budgets that fill up by the second and hold one minute's worth. A request is let in while nothing is
        overdrawn, and pays when its cost is known: a large batch is never refused for ever, the next one waits.
Rule 4: each server process counts for itself: connections do not spread evenly, so a share of a limit would refuse
        callers who are within it.
"""

import hashlib
import hmac
import logging
import math
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.requests import HTTPConnection

BEARER = "bearer "
REREAD_S = 1.0
"""Between two looks at the file."""
MAX_KEYS = 1_000
"""All are compared for every request: a thousand take a tenth of a millisecond."""
KEY_BYTES = 32
CONCURRENT_RETRY_S = 1.0
"""By then one of the caller's own requests may have been answered."""

log = logging.getLogger("touchstone")


def key_of(request: HTTPConnection) -> str | None:
    """From `Authorization: Bearer`, `X-API-Key` or, for trainers that send no headers, `?key=` in the URL."""
    authorization = request.headers.get("authorization", "")
    if authorization.lower().startswith(BEARER):
        return authorization[len(BEARER) :].strip()
    return request.headers.get("x-api-key") or request.query_params.get("key")


def new_key() -> str:
    """Fit for a URL too."""
    return secrets.token_urlsafe(KEY_BYTES)


def digest(key: str) -> str:
    """What is kept of a key."""
    return hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()


Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]


class Grant(BaseModel):
    """One caller's entry in the file, under its name. Several hashes: the old key and the new one, while both are used.
    What has no limit here has none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: list[Digest] = Field(min_length=1, max_length=8)
    requests_per_minute: float | None = Field(default=None, gt=0)
    items_per_minute: float | None = Field(default=None, gt=0)
    mb_per_minute: float | None = Field(default=None, gt=0)
    concurrent_requests: int | None = Field(default=None, gt=0)

    @property
    def limited(self) -> bool:
        """Whether there is any limit."""
        return bool(self.model_dump(exclude={"sha256"}, exclude_none=True))


GRANTS: TypeAdapter[dict[str, Grant]] = TypeAdapter(Annotated[dict[Name, Grant], Field(max_length=MAX_KEYS)])


class Unreadable(Exception):
    """The file of keys. `str()` says what is wrong with it, and quotes none of it."""


def read_grants(file: Path) -> dict[str, Grant]:
    """The file's callers by name. Raises Unreadable."""
    try:
        return GRANTS.validate_json(file.read_bytes())
    except OSError as error:
        raise Unreadable(f"the file of keys cannot be read: {error.strerror}") from None
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['type']}" for one in error.errors()[:3]]
        raise Unreadable(f"the file of keys does not fit: {'; '.join(wrong)}") from None


@dataclass(slots=True)
class Budget:
    """What is left of one limit. `per_minute` is its size and how much it gets back in a minute."""

    per_minute: float
    left: float
    since: float

    def wait_s(self, now: float) -> float:
        """Seconds until something is left."""
        self.left = min(self.per_minute, self.left + (now - self.since) * self.per_minute / 60)
        self.since = now
        return 0.0 if self.left > 0 else -self.left * 60 / self.per_minute + 1e-3


class Refusal(Exception):
    """Not now. `limit` is the limit's name in the file."""

    def __init__(self, limit: str, wait_s: float) -> None:
        self.limit = limit
        self.retry_after_s = max(1, math.ceil(wait_s))
        super().__init__(f"the key's `{limit}` is used up; send it again in {self.retry_after_s} s")


class Account:
    """One caller's budgets and requests under way."""

    def __init__(self, name: str, grant: Grant, now: float) -> None:
        self.name = name
        self.grant = grant
        self._under_way = 0
        per_minute = {
            "requests_per_minute": grant.requests_per_minute,
            "items_per_minute": grant.items_per_minute,
            "mb_per_minute": grant.mb_per_minute,
        }
        self._budgets = {limit: Budget(size, size, now) for limit, size in per_minute.items() if size is not None}

    def enter(self, now: float) -> None:
        """One request begins. Raises Refusal."""
        for limit, budget in self._budgets.items():
            if wait_s := budget.wait_s(now):
                raise Refusal(limit, wait_s)
        if self._under_way >= (self.grant.concurrent_requests or math.inf):
            raise Refusal("concurrent_requests", CONCURRENT_RETRY_S)
        self._under_way += 1
        self.pay("requests_per_minute", 1)

    def leave(self) -> None:
        """It has ended."""
        self._under_way -= 1

    def pay(self, limit: str, amount: float) -> None:
        """Something was used."""
        if (budget := self._budgets.get(limit)) is not None:
            budget.left -= amount


@dataclass(slots=True)
class Keyring:
    """The accounts of a file. `clock` is monotonic."""

    file: Path
    clock: Callable[[], float] = time.monotonic
    _accounts: dict[str, Account] = field(default_factory=dict)
    _hashes: list[tuple[bytes, Account]] = field(default_factory=list)
    _seen: tuple[int, int, int] | None = None
    _looked: float = -math.inf

    def open(self) -> None:
        """Read the file. Raises Unreadable."""
        self._seen = self._stamp()
        self._take(read_grants(self.file))

    def account(self, key: str | None) -> Account | None:
        """Whose key it is."""
        self._look_again()
        if not key:
            return None
        given = digest(key).encode()
        found = None
        for known, account in self._hashes:
            if hmac.compare_digest(known, given):
                found = account
        return found

    def _look_again(self) -> None:
        now = self.clock()
        if now - self._looked < REREAD_S:
            return
        self._looked = now
        if (stamp := self._stamp()) == self._seen:
            return
        self._seen = stamp
        try:
            self._take(read_grants(self.file))
        except Unreadable as error:
            log.warning("%s; the keys stay as they were", error)
        else:
            log.warning("the file of keys was read again: %d callers", len(self._accounts))

    def _take(self, grants: Mapping[str, Grant]) -> None:
        kept = {name: one for name, one in self._accounts.items() if name in grants and _same_limits(one, grants[name])}
        now = self.clock()
        self._accounts = {name: kept.get(name) or Account(name, grant, now) for name, grant in grants.items()}
        self._hashes = [(known.encode(), self._accounts[name]) for name, one in grants.items() for known in one.sha256]

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self.file.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino


def _same_limits(account: Account, grant: Grant) -> bool:
    return account.grant.model_dump(exclude={"sha256"}) == grant.model_dump(exclude={"sha256"})
