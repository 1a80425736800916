"""The cache with a real Redis and real files: it may be away at any time, and no request notices."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from redis.asyncio import Redis

from app.cache import keys
from app.cache.cache import Cache
from app.cache.redis_store import RedisStore
from app.cache.sqlite_store import SqliteStore, connect, held_bytes, write
from app.cache.store import Breaker, NoStore, Store
from app.metrics import Metrics
from tests.app.conftest import StartApp
from tests.live import RedisServer
from tests.processes import until
from verifiers.hybrid import Opinion
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

CORRECT = Verdict(Outcome.CORRECT, "same", "the same", "7", ("7", "7"))
KEY = b"k" * 32


def cache_over(store: Store) -> Cache:
    return Cache(store, memory_bytes=1 << 20, metrics=Metrics())


def redis_store(server: RedisServer, errors: list[str]) -> RedisStore:
    return RedisStore(server.url, timeout_s=0.25, ttl_s=60, on_error=errors.append)


async def stored(server: RedisServer) -> list[bytes | str]:
    redis: Redis = Redis.from_url(server.url)
    try:
        found: list[bytes | str] = await redis.keys("touchstone:*")
        return found
    finally:
        await redis.aclose()


async def test_redis_is_shared_between_caches(redis_server: RedisServer) -> None:
    """What one process keeps another finds, with a time to live."""
    first, second = (cache_over(redis_store(redis_server, [])) for _ in range(2))
    await first.open()
    await second.open()
    first.keep_verdict(KEY, CORRECT)
    await first.close()
    assert second.recall_verdict(KEY) is None
    await second.fetch([KEY])
    assert second.recall_verdict(KEY) == CORRECT
    await second.close()
    redis: Redis = Redis.from_url(redis_server.url)
    assert 0 < await redis.ttl("touchstone:" + KEY.hex()) <= 60
    await redis.aclose()


async def test_redis_killed_and_back(redis_server: RedisServer, start_app: StartApp) -> None:
    """With Redis killed, requests are answered and readiness says so; once it is back, it is used again."""
    settings = {"redis_url": redis_server.url, "redis_timeout_s": 0.25}
    async with start_app(cache=settings) as running:
        await running.verify("so 7")
        redis_server.kill()
        for number in range(3):
            results = await running.verify(f"so {number} 7")
            assert results[0]["outcome"] == "correct"
        page = (await running.http.get("/readyz")).json()
        metrics = (await running.http.get("/metrics")).text
        assert page["ready"] is True
        assert page["components"]["cache"]["ok"] is False
        assert "going on without Redis" in page["components"]["cache"]["detail"]
        assert "touchstone_cache_up 0.0" in metrics
        redis_server.start()
        await until(lambda: running.services.cache.state().ok)
        await running.verify("back again 7")
        for _ in range(500):
            if len(await stored(redis_server)) == 1:  # it came back empty, and holds what was decided since
                break
            await asyncio.sleep(0.01)
        else:
            pytest.fail("nothing was written after Redis came back")


async def test_redis_frozen_and_thawed(redis_server: RedisServer) -> None:
    """A Redis that accepts and never answers costs one time-out; then it is left alone until it answers a probe."""
    errors: list[str] = []
    store = redis_store(redis_server, errors)
    await store.open()
    redis_server.freeze()
    assert await store.get_many([KEY]) == [None]
    assert errors == ["read"]
    assert await store.get_many([KEY] * 10) == [None] * 10
    assert errors == ["read"]
    redis_server.thaw()
    await until(lambda: store.state().ok)
    store.put(KEY, b"value")
    await store.close()
    assert await stored(redis_server) == [b"touchstone:" + KEY.hex().encode()]


async def test_our_own_stall_is_not_blamed_on_redis(redis_server: RedisServer) -> None:
    """An answer that arrived while our loop was busy is read, and Redis stays in use."""
    errors: list[str] = []
    store = RedisStore(redis_server.url, timeout_s=0.05, ttl_s=60, on_error=errors.append)
    await store.open()
    store.put(KEY, b"value")
    for _ in range(5):
        reading = asyncio.create_task(store.get_many([KEY]))
        for _ in range(4):
            await asyncio.sleep(0)
        time.sleep(0.2)  # noqa: ASYNC251 - the stall
        await reading
    assert (errors, await store.get_many([KEY]), store.state().ok) == ([], [b"value"], True)
    await store.close()


def test_a_change_of_state_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """The log gets one line when a store is left out and one when it is taken back, however often it is asked."""
    breaker = Breaker("Redis", lambda: 0.0)
    for _ in range(3):
        breaker.succeeded()
        breaker.failed("no answer in time", at_once=True)
        breaker.failed("no answer in time", at_once=True)
    assert [record.getMessage() for record in caplog.records] == [
        "going on without Redis: no answer in time",
        *["Redis is in use again after 0 s", "going on without Redis: no answer in time"] * 2,
    ]


@pytest.mark.parametrize("value", [b"", b"\xff\xff", b"\x93\x01\x02\x03", b"garbage" * 100])
async def test_garbage_in_the_store_is_a_miss(redis_server: RedisServer, value: bytes) -> None:
    """Whatever somebody else wrote under a key cannot become a verdict."""
    cache = cache_over(redis_store(redis_server, []))
    await cache.open()
    redis: Redis = Redis.from_url(redis_server.url)
    await redis.set("touchstone:" + KEY.hex(), value)
    await cache.fetch([KEY])
    assert cache.recall_verdict(KEY) is None
    assert cache.recall_opinion(KEY) is None
    await redis.delete("touchstone:" + KEY.hex())
    await redis.lpush("touchstone:" + KEY.hex(), "another type")
    await cache.fetch([KEY])
    assert cache.recall_verdict(KEY) is None
    cache.keep_verdict(KEY, CORRECT)
    await cache.close()
    assert await redis.type("touchstone:" + KEY.hex()) == b"string"
    await redis.aclose()


def test_the_breaker_opens_on_a_time_out_or_on_many_errors() -> None:
    """One failure that cost time is enough; cheap ones must come in a row."""
    slow, flaky = Breaker("one", lambda: 0.0), Breaker("two", lambda: 0.0)
    slow.failed("no answer", at_once=True)
    assert not slow.closed
    for _ in range(Breaker.FAILURES - 1):
        flaky.failed("error", at_once=False)
    flaky.succeeded()
    for _ in range(Breaker.FAILURES - 1):
        flaky.failed("error", at_once=False)
    assert flaky.closed
    flaky.failed("error", at_once=False)
    assert not flaky.closed
    flaky.succeeded()
    assert flaky.closed


async def file_store(file: Path, errors: list[str]) -> SqliteStore:
    store = SqliteStore(file, max_bytes=1 << 20, on_error=errors.append)
    await store.open()
    return store


async def test_a_file_is_kept_and_shared(tmp_path: Path) -> None:
    """What was written is there after a restart, and for another process at once."""
    errors: list[str] = []
    first, second = [await file_store(tmp_path / "cache.sqlite3", errors) for _ in range(2)]
    for number in range(3_000):
        first.put(number.to_bytes(32, "little"), b"%d" % number)
    await first.close()
    wanted = [number.to_bytes(32, "little") for number in range(3_000)]
    assert await second.get_many([*wanted, KEY]) == [b"%d" % number for number in range(3_000)] + [None]
    await second.close()
    assert errors == []


async def test_kill_9_loses_nothing_that_was_written(tmp_path: Path) -> None:
    """A process killed right after its entries were committed leaves them all readable."""
    file = tmp_path / "cache.sqlite3"
    program = (
        "import asyncio, os, signal, sys\n"
        "from pathlib import Path\n"
        "from app.cache.sqlite_store import SqliteStore\n"
        "async def main():\n"
        "    store = SqliteStore(Path(sys.argv[1]), max_bytes=1 << 24, on_error=print)\n"
        "    await store.open()\n"
        "    keys = [n.to_bytes(32, 'little') for n in range(2000)]\n"
        "    for key in keys: store.put(key, b'kept')\n"
        "    while None in await store.get_many(keys): await asyncio.sleep(0.01)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parent.parent.parent
    killed = await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program, str(file)], cwd=root, check=False)
    assert killed.returncode == -9
    store = await file_store(file, [])
    assert await store.get_many([n.to_bytes(32, "little") for n in range(2000)]) == [b"kept"] * 2000
    await store.close()


async def test_the_file_stays_within_its_size(tmp_path: Path) -> None:
    """When the file is full the oldest entries go and the newest are there."""
    most = 1 << 18
    connection = connect(tmp_path / "cache.sqlite3", most)
    for start in range(0, 5_000, 100):
        write(connection, [(n.to_bytes(32, "little"), b"x" * 200) for n in range(start, start + 100)], most)
        assert held_bytes(connection) <= most + (1 << 16)
    numbers = [
        int.from_bytes(key, "little") for (key,) in connection.execute("SELECT key FROM entries ORDER BY number")
    ]
    assert numbers == list(range(numbers[0], 5_000))
    assert numbers[0] > 0
    connection.close()


@pytest.mark.parametrize("damage", ["garbage", "truncated", "folder", "locked", "unwritable"])
async def test_an_unusable_file_is_done_without(tmp_path: Path, start_app: StartApp, damage: str) -> None:
    """Whatever is wrong with the file, the service answers and says that it goes on without it."""
    file = tmp_path / "cache.sqlite3"
    holder = connect(file, 1 << 20)
    write(holder, [(n.to_bytes(32, "little"), b"x" * 500) for n in range(200)], 1 << 20)
    match damage:
        case "garbage":
            holder.close()
            file.write_bytes(b"this is no database" * 1000)
        case "truncated":
            holder.close()
            file.write_bytes(file.read_bytes()[: 3 * 4096])
        case "folder":
            holder.close()
            file.unlink()
            file.mkdir()
        case "locked":
            holder.execute("BEGIN IMMEDIATE")
        case _:
            holder.close()
            file = Path("/proc/nowhere/cache.sqlite3")
    async with start_app(cache={"file": file}) as running:
        results = await running.verify("so 7", "so 8")
        page = (await running.http.get("/readyz")).json()
    holder.close()
    assert [result["outcome"] for result in results] == ["correct", "incorrect"]
    assert page["ready"] is True
    assert page["components"]["cache"]["ok"] is False
    assert "going on without" in page["components"]["cache"]["detail"]


async def test_a_file_damaged_while_in_use_is_done_without(tmp_path: Path) -> None:
    """A file that is overwritten under a running service costs its entries and no more."""
    errors: list[str] = []
    file = tmp_path / "cache.sqlite3"
    store = await file_store(file, errors)
    for number in range(500):
        store.put(number.to_bytes(32, "little"), b"x" * 500)
    wanted = [number.to_bytes(32, "little") for number in range(500)]
    for _ in range(500):
        if None not in await store.get_many(wanted):
            break
        await asyncio.sleep(0.01)
    connection = sqlite3.connect(file)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    with file.open("r+b") as damaged:
        damaged.write(os.urandom(file.stat().st_size))
    assert len(await store.get_many(wanted)) == 500
    store.put(KEY, b"value")
    await store.close()
    assert not store.state().ok or errors == []


def test_memory_is_bounded_by_bytes() -> None:
    """The in-process front never holds more than its share of memory, and keeps what was used last."""
    cache = Cache(NoStore(), memory_bytes=10_000, metrics=Metrics())
    long = Verdict(Outcome.CORRECT, "same", "x" * 1_000, "7")
    for number in range(100):
        cache.keep_verdict(number.to_bytes(32, "little"), long)
    kept = [number for number in range(100) if cache.recall_verdict(number.to_bytes(32, "little"))]
    assert 0 < len(kept) < 10
    assert kept[-1] == 99
    cache.keep_verdict(KEY, Verdict(Outcome.CORRECT, "same", "x" * 100_000, "7"))
    assert cache.recall_verdict(KEY) is None


def test_undecidable_and_unheard_are_not_kept() -> None:
    """What says something about us and not about the answer is never kept."""
    cache = Cache(NoStore(), memory_bytes=10_000, metrics=Metrics())
    cache.keep_verdict(KEY, Verdict(Outcome.UNDECIDABLE, "none", "no rule", "7", passed_on=True))
    assert cache.recall_verdict(KEY) is None
    cache.keep_opinion(KEY, Opinion("m", accepts=None, reason="down"))
    assert cache.recall_opinion(KEY) is None


def test_different_work_has_different_keys() -> None:
    """No two different inputs share a key, also where their texts run together."""
    problems = [
        Problem("a", ("b",)),
        Problem("a", ("b", "")),
        Problem("ab", ("",)),
        Problem("", ("ab",)),
        Problem("a", ("b",), question=""),
        Problem("a", ("b",), question="q"),
        Problem("a", ("b",), options={"x": 1}),
        Problem("a", ("b",), options={"x": "1"}),
        Problem("c", ("a", "b")),
        Problem("c", ("ab",)),
        Problem("c", ("b", "a")),
    ]
    seen = {keys.rules_key(task, version, problem) for problem in problems for task in "mn" for version in "12"}
    assert len(seen) == 4 * len(problems)
    asked = {keys.opinion_key(model, problem, answer) for problem in problems for model in "mn" for answer in "ab"}
    # An opinion knows neither the response nor the options: it saw only the answer.
    distinct = {(problem.references, problem.question) for problem in problems}
    assert len(asked) == 4 * len(distinct)
    ordered = Problem("a", ("b",), options={"x": 1, "y": 2}), Problem("a", ("b",), options={"y": 2, "x": 1})
    assert len({keys.rules_key("m", "1", problem) for problem in ordered}) == 1
