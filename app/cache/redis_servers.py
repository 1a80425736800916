"""The Redis behind an address: one server, the master that sentinels name, or the shards of a cluster.

Rule 1: no limit of time here: the store has one for each call. The library's own limits only catch what it forgets.
Rule 2: no retries: a call that fails is a miss, and the store's breaker decides what comes next.
Rule 3: of a cluster, what its living shards hold is used; a shard that is away costs its own keys.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol, TypeVar, cast

from redis.asyncio import Redis, Sentinel
from redis.asyncio.cluster import ClusterNode, ClusterPipeline, RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as NotReached
from redis.exceptions import RedisClusterException, RedisError

from app.cache.redis_address import Address, Kind, read_address

PREFIX = "touchstone:"
LIBRARY_LIMITS = 20.0
"""The library's own limits, in limits of the store: they cannot know about stalls."""
SENTINEL_LIMITS = 0.4
"""Of the same: two sentinels that hang must leave time for the third and for the master."""
REFRESH_EVERY_S = 1.0
"""How often the map of a damaged cluster is read at most; drawing it takes the event loop 10 ms."""
TAGS = "0123456789abcdef"
"""Keys with one tag are on one shard and share an MGET. Sixteen fill the usual 3 or 4 shards to within a quarter."""

T = TypeVar("T")


class Server(Protocol):
    """What the store needs of Redis. Raises RedisError or OSError."""

    async def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """One value or None for each key."""

    async def write(self, entries: Sequence[tuple[bytes, bytes]], ttl_s: int) -> None:
        """Keep all."""

    async def check(self) -> None:
        """Return when all of it answers."""

    async def aclose(self) -> None:
        """Hang up."""


def connect(url: str, timeout_s: float, on_error: Callable[[str], None]) -> Server:
    """For an address. `on_error("read")` counts reads that found only a part."""
    address = read_address(url)
    options: dict[str, Any] = {
        "socket_timeout": LIBRARY_LIMITS * timeout_s,
        "socket_connect_timeout": LIBRARY_LIMITS * timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "decode_responses": False,
    }
    if address.kind is Kind.ONE:
        return OneServer(Redis.from_url(address.url, **options))
    options |= {"username": address.username, "password": address.password}
    if address.tls:
        options["ssl"] = True
    if address.kind is Kind.CLUSTER:
        nodes = [ClusterNode(host, port) for host, port in address.nodes]
        return Shards(RedisCluster(startup_nodes=nodes, **options), on_error)
    return _named_master(address, timeout_s, options)


def _named_master(address: Address, timeout_s: float, options: dict[str, Any]) -> "OneServer":
    asking = {
        "socket_timeout": SENTINEL_LIMITS * timeout_s,
        "socket_connect_timeout": SENTINEL_LIMITS * timeout_s,
        "retry": Retry(NoBackoff(), 0),
        "password": address.sentinel_password,
        "ssl": address.tls,
    }
    sentinels = Sentinel(list(address.nodes), sentinel_kwargs=asking)  # type: ignore[no-untyped-call]
    master = sentinels.master_for(address.master, db=address.database, **options)
    return OneServer(master, sentinels)


class OneServer:
    """One server, whoever it is."""

    def __init__(self, redis: Redis, sentinels: Sentinel | None = None) -> None:
        self._redis = redis
        self._sentinels = sentinels

    async def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """One MGET."""
        return _values(await self._redis.mget([PREFIX + key.hex() for key in keys]))

    async def write(self, entries: Sequence[tuple[bytes, bytes]], ttl_s: int) -> None:
        """One pipeline."""
        pipeline = self._redis.pipeline(transaction=False)
        for key, value in entries:
            pipeline.set(PREFIX + key.hex(), value, ex=ttl_s)
        await pipeline.execute()

    async def check(self) -> None:
        """One PING."""
        await self._redis.ping()

    async def aclose(self) -> None:
        """Of the master and of the sentinels."""
        await self._redis.aclose()
        if self._sentinels is not None:
            await self._sentinels.aclose()


class Shards:
    """A cluster. The library's pipeline gives nothing where one shard is away, so each shard has its own."""

    def __init__(self, redis: RedisCluster, on_error: Callable[[str], None]) -> None:
        self._redis = redis
        self._on_error = on_error
        self._refreshed = 0.0
        self._refreshing: asyncio.Task[None] | None = None

    async def read(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """An MGET for each tag, all shards at once. Raises when no shard answers."""
        tagged: dict[str, list[int]] = {}
        for place, key in enumerate(keys):
            tagged.setdefault(key.hex()[0], []).append(place)
        commands = [(tag, ("MGET", *(shard_key(keys[place]) for place in places))) for tag, places in tagged.items()]
        found: list[bytes | None] = [None] * len(keys)
        answers = await self._by_shard(commands)
        for (_, places), values in zip(tagged.items(), answers, strict=True):
            if not isinstance(values, BaseException):
                for place, value in zip(places, _values(values), strict=True):
                    found[place] = value
        self._count(answers)
        return found

    async def write(self, entries: Sequence[tuple[bytes, bytes]], ttl_s: int) -> None:
        """A pipeline for each shard. Raises what a shard refused, when all have answered."""
        commands = [(key.hex()[0], ("SET", shard_key(key), value, "EX", ttl_s)) for key, value in entries]
        for answer in await self._by_shard(commands):
            if isinstance(answer, BaseException):
                raise answer

    async def check(self) -> None:
        """One read on every tag: a shard without a server fails it, and so does a cluster that is down."""
        answers = await self._by_shard([(tag, ("GET", f"{PREFIX}{{{tag}}}:")) for tag in TAGS])
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer

    async def aclose(self) -> None:
        """All connections."""
        if self._refreshing is not None:
            self._refreshing.cancel()
            await asyncio.gather(self._refreshing, return_exceptions=True)
        await self._redis.aclose()

    async def _by_shard(self, commands: Sequence[tuple[str, tuple[Any, ...]]]) -> list[Any]:
        """The answer, or the exception, of each command; the commands of a shard travel together."""
        try:
            await self._redis.initialize()
            shard_of = {tag: self._shard(tag) for tag, _ in commands}
        except RedisClusterException as error:
            raise NotReached(str(error)) from error
        together: dict[str, list[int]] = {}
        for place, (tag, _) in enumerate(commands):
            together.setdefault(shard_of[tag], []).append(place)
        sent = [self._send([commands[place][1] for place in places]) for places in together.values()]
        answers: list[Any] = [None] * len(commands)
        done = False
        try:
            for places, replies in zip(together.values(), await asyncio.gather(*sent), strict=True):
                for place, reply in zip(places, replies, strict=True):
                    answers[place] = reply
            done = not any(isinstance(answer, BaseException) for answer in answers)
        finally:
            if not done:  # also when the store's limit has ended the wait
                self._refresh()
        return answers

    def _shard(self, tag: str) -> str:
        node = self._redis.get_node_from_key(f"{{{tag}}}")
        if node is None:
            raise RedisClusterException(f"no shard has the keys of {tag}")
        return str(node.name)

    async def _send(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        pipeline: ClusterPipeline = self._redis.pipeline(transaction=False)
        for command in commands:
            pipeline.execute_command(*command)
        try:
            return await cast("Awaitable[list[Any]]", pipeline.execute(raise_on_error=False))
        except (RedisError, RedisClusterException, OSError) as error:
            return [NotReached(type(error).__name__)] * len(commands)

    def _count(self, answers: Sequence[Any]) -> None:
        failures = [answer for answer in answers if isinstance(answer, BaseException)]
        if failures and len(failures) == len(answers):
            raise failures[0]
        if failures:
            self._on_error("read")

    def _refresh(self) -> None:
        """Read the map anew, beside the work: a replica may have taken a dead shard's place."""
        if time.monotonic() - self._refreshed < REFRESH_EVERY_S:
            return
        self._refreshed = time.monotonic()
        self._refreshing = asyncio.create_task(self._read_map(), name="redis-cluster-map")

    async def _read_map(self) -> None:
        with contextlib.suppress(RedisError, RedisClusterException, OSError):  # the next failure tries again
            await self._redis.nodes_manager.initialize()


def shard_key(key: bytes) -> str:
    """Its tag decides the shard.

    >>> shard_key(bytes.fromhex("a1b2"))
    'touchstone:{a}:a1b2'
    """
    text = key.hex()
    return f"{PREFIX}{{{text[0]}}}:{text}"


def _values(found: Sequence[object]) -> list[bytes | None]:
    return [value if isinstance(value, bytes) else None for value in found]
