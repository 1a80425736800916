"""Redis fails in every way; the caller sees verdicts."""

import itertools

import pytest
from redis import Redis

from tests.faults.conftest import Bench, items, metric, outcomes, part, wait_for
from touchstone_client import Client

numbers = itertools.count()
READ_ERRORS = 'touchstone_cache_errors_total{operation="read"}'
FROM_STORE = 'touchstone_cache_reads_total{kind="verdict",result="store"}'


def fresh(count: int = 3) -> list[str]:
    """Right answers that nobody has seen before."""
    return [f"so {next(numbers)} we have 7" for _ in range(count)]


def judged_right(bench: Bench, responses: list[str]) -> bool:
    return outcomes(bench.client.verify(items(*responses), recall="never")) == ["correct"] * len(responses)


def test_killed_and_restarted_empty(bench: Bench, redis_client: Redis) -> None:
    """Killed, Redis costs the caller nothing and readiness says so; started again, empty, it is used again."""
    assert judged_right(bench, fresh())
    bench.redis.kill()
    for _ in range(8):  # cheap failures open the breaker after some
        assert judged_right(bench, fresh())
    page = bench.one.client.get("/readyz").json()
    assert (page["ready"], page["components"]["cache"]["ok"]) == (True, False)
    bench.redis.start()
    wait_for(lambda: part(bench.one, "cache")["ok"] and part(bench.other, "cache")["ok"])
    assert judged_right(bench, fresh(5))
    wait_for(lambda: redis_client.dbsize() == 5)


def test_frozen(bench: Bench, redis_client: Redis) -> None:
    """Frozen, Redis is asked once; everybody after that gets verdicts without it, until it answers again. A stall of
    the service's own may cost a second look-up.
    """
    assert judged_right(bench, fresh())
    before = metric(bench.one, READ_ERRORS)
    bench.redis.freeze()
    try:
        for _ in range(5):
            assert judged_right(bench, fresh())
    finally:
        bench.redis.thaw()
    assert 1 <= metric(bench.one, READ_ERRORS) - before <= 2
    wait_for(lambda: part(bench.one, "cache")["ok"])
    assert judged_right(bench, fresh())


def test_full(bench: Bench, redis_client: Redis) -> None:
    """A full Redis that evicts nothing keeps nothing new, is read all the same, and is written again once it can be."""
    known = fresh()
    assert judged_right(bench, known)
    wait_for(lambda: redis_client.dbsize() == 3)
    redis_client.config_set("maxmemory-policy", "noeviction")
    redis_client.config_set("maxmemory", "1")
    assert judged_right(bench, fresh())
    wait_for(lambda: not part(bench.one, "cache")["ok"])
    assert "keeps nothing new" in part(bench.one, "cache")["detail"]
    before = metric(bench.other, FROM_STORE)
    with Client(bench.other.url) as other:
        other.verify(items(*fresh()))  # a connection from before Redis was restarted costs one look-up
        assert outcomes(other.verify(items(*known))) == ["correct"] * 3
    assert metric(bench.other, FROM_STORE) == before + 3
    redis_client.config_set("maxmemory", "0")
    wait_for(lambda: judged_right(bench, fresh(1)) and part(bench.one, "cache")["ok"])


def test_evicting(bench: Bench, redis_client: Redis) -> None:
    """A Redis that throws entries out costs work, not verdicts."""
    redis_client.config_set("maxmemory-policy", "allkeys-lru")
    redis_client.config_set("maxmemory", str(int(redis_client.info("memory")["used_memory"]) + 300_000))
    responses = [f"so {'x' * 300}{next(numbers)}" for _ in range(1_500)]
    for service in (bench.one, bench.other):
        with Client(service.url) as client:
            assert outcomes(client.verify(items(*responses), recall="never")) == ["incorrect"] * 1_500
        wait_for(lambda: redis_client.info("stats")["evicted_keys"] > 0)


@pytest.mark.parametrize("damage", ["type", "garbage"])
def test_damaged_entries(bench: Bench, redis_client: Redis, damage: str) -> None:
    """Another type or garbage under every key is a miss: the item is decided anew and kept."""
    responses = fresh()
    with Client(bench.other.url) as other:  # after a full Redis it writes again
        wait_for(lambda: other.verify(items(*fresh())) and redis_client.dbsize())
    redis_client.flushall()
    assert judged_right(bench, responses)
    wait_for(lambda: redis_client.dbsize() == 3)
    for key in list(redis_client.scan_iter()):
        redis_client.delete(key)
        if damage == "type":
            redis_client.lpush(key, "no string")
        else:
            redis_client.set(key, b"\x93\xff garbage")
    with Client(bench.other.url) as other:
        results = other.verify(items(*responses))
    assert [(str(result.outcome), result.cached) for result in results] == [("correct", False)] * 3
    wait_for(lambda: {redis_client.type(key) for key in redis_client.scan_iter()} == {b"string"})
