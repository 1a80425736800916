"""Workers that hang, die and eat memory: each costs its own item and nothing else."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from app.pool.frames import Job
from app.pool.outcome import Cause, Finished, JobOutcome, Lost, QueueFull
from app.pool.pool import Pool
from app.settings import PoolSettings
from tests.app.conftest import FAULTS, StartApp
from tests.processes import until
from verifiers.problem import Problem
from verifiers.verdict import Outcome


def job(response: str, *references: str) -> Job:
    return Job("faulty", Problem(response, references or ("7",)))


def alive(pid: int) -> bool:
    """Whether the process still runs; whoever inherits an orphan may be slow to collect it."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


class Observed:
    """A pool and the reasons for which it replaced workers."""

    def __init__(self, **settings: float) -> None:
        self.restarts: list[str] = []
        limits = {"workers": 2, "item_cpu_s": 0.3, "item_wall_s": 4.0, "item_memory_mb": 128} | settings
        self.pool = Pool(PoolSettings.model_validate(limits), FAULTS, self.restarts.append)

    async def run(self, *responses: str) -> list[JobOutcome]:
        return list(await asyncio.gather(*self.pool.submit([job(response) for response in responses])))

    async def until_full(self) -> None:
        await until(lambda: self.pool.state().workers == self.pool.state().wanted)


@pytest.fixture
async def observed() -> AsyncIterator[Observed]:
    pool = Observed()
    await pool.pool.start()
    yield pool
    await pool.pool.close()


GOOD = [f"good {number} 7" for number in range(10)]


async def test_a_job_that_cannot_be_sent_costs_itself(observed: Observed) -> None:
    """Text that is no Unicode never reaches a worker; the jobs beside it and after it do."""
    halves = [job("\ud800 7"), *(job(response) for response in GOOD), job("7", "\udfff")]
    first, *good, last = await asyncio.gather(*observed.pool.submit(halves))
    assert all(isinstance(outcome, Lost) and "UnicodeEncodeError" in outcome.detail for outcome in (first, last))
    assert all(isinstance(outcome, Finished) for outcome in good)
    assert all(isinstance(outcome, Finished) for outcome in await observed.run(*GOOD))
    assert observed.restarts == []


async def test_lost_workers_are_logged_now_and_then(observed: Observed, caplog: pytest.LogCaptureFixture) -> None:
    """However many workers an item crashes, the log gets a line, without a word of the item."""
    await observed.run("segfault one", "segfault two", "die three")
    (line,) = [record.getMessage() for record in caplog.records]
    assert line.startswith("lost a worker: the worker process ended by signal")


@pytest.mark.parametrize(
    ("response", "cause"),
    [
        ("spin", Cause.CPU_LIMIT),
        ("memory", Cause.MEMORY_LIMIT),
        ("abort", Cause.ABORTED),
        ("sleep", Cause.WALL_LIMIT),
        ("die", Cause.WORKER_DIED),
        ("segfault", Cause.WORKER_DIED),
        ("exit-now", Cause.WORKER_DIED),
        ("exit", Cause.VERIFIER_RAISED),
        ("raise", Cause.VERIFIER_RAISED),
    ],
)
async def test_a_fault_costs_its_own_item_only(observed: Observed, response: str, cause: Cause) -> None:
    """Whatever one item does to its worker, its twenty neighbours get their verdicts."""
    outcomes = await asyncio.wait_for(observed.run(*GOOD, response, *GOOD), 30)
    lost = outcomes.pop(len(GOOD))
    assert isinstance(lost, Lost)
    assert lost.cause is cause
    assert all(isinstance(one, Finished) and one.verdict.outcome is Outcome.CORRECT for one in outcomes)
    await observed.until_full()


async def test_faults_on_every_worker_at_once(observed: Observed) -> None:
    """When every worker is lost at the same time, the items behind them are still decided."""
    outcomes = await asyncio.wait_for(observed.run("die", "spin", "segfault", "memory", *GOOD), 30)
    assert [type(one) for one in outcomes] == [Lost] * 4 + [Finished] * len(GOOD)


async def test_items_behind_a_slow_one_go_to_others(observed: Observed) -> None:
    """Jobs handed to a worker together with one that sleeps until its limit are done before that limit."""
    futures = observed.pool.submit([job("sleep"), *(job(f"good {number} 7") for number in range(200))])
    await asyncio.wait_for(asyncio.gather(*futures[1:]), 30)
    assert not futures[0].done()


async def test_no_word_of_the_user_in_a_verifiers_error(observed: Observed) -> None:
    """A verifier that raises is reported by the kind of its error, not by its message."""
    (lost,) = await observed.run("raise")
    assert isinstance(lost, Lost)
    assert "ValueError" in lost.detail
    assert "secret" not in lost.detail


async def test_a_worker_killed_while_idle_is_replaced(observed: Observed) -> None:
    """A worker that dies with nothing to do is replaced before anybody asks."""
    for pid in observed.pool.worker_pids():
        os.kill(pid, signal.SIGKILL)
    await until(lambda: observed.restarts == [Cause.WORKER_DIED] * 2)
    await observed.until_full()
    assert isinstance((await observed.run("good 7"))[0], Finished)


async def test_a_worker_killed_at_work_costs_no_item(observed: Observed, tmp_path: Path) -> None:
    """What a worker was on when it was killed is run once more, in its place."""
    outcomes = await asyncio.wait_for(observed.run(*GOOD, f"once {tmp_path / 'mark'} 7", *GOOD), 30)
    assert all(isinstance(one, Finished) and one.verdict.outcome is Outcome.CORRECT for one in outcomes)
    assert observed.restarts == [Cause.WORKER_DIED]


async def test_the_zygote_killed_is_replaced(observed: Observed) -> None:
    """When the process that forks the workers is killed, its workers die with it and all come back."""
    before = observed.pool.worker_pids()
    zygote = psutil.Process(before[0]).parent()
    assert zygote is not None
    zygote.kill()
    outcomes = await asyncio.wait_for(observed.run(*GOOD), 30)
    await until(lambda: not (set(observed.pool.worker_pids()) & set(before)))
    await observed.until_full()
    assert all(isinstance(one, (Finished, Lost)) for one in outcomes)
    assert isinstance((await observed.run("good 7"))[0], Finished)
    assert not any(alive(pid) for pid in before)


async def test_last_resort_runs_on_what_was_passed_on(observed: Observed) -> None:
    """What the bounded rules pass on is settled in the same worker."""
    settled, passed_on = await observed.run("unknown settled", "unknown thing")
    assert isinstance(settled, Finished)
    assert settled.verdict.rule == "last_resort"
    assert isinstance(passed_on, Finished)
    assert passed_on.verdict.passed_on


async def test_a_full_queue_refuses_all_of_a_request(observed: Observed) -> None:
    """A request that does not fit is refused whole; one that comes to an empty queue never is."""
    narrow = Observed(workers=1, queue_items=3)
    await narrow.pool.start()
    try:
        first = narrow.pool.submit([job("nap 0.3 7") for _ in range(10)])
        before = narrow.pool.state().queued_items
        with pytest.raises(QueueFull):
            narrow.pool.submit([job("good 7")])
        assert narrow.pool.state().queued_items == before
        assert all(isinstance(one, Finished) for one in await asyncio.gather(*first))
        assert narrow.pool.state().queued_bytes == 0
    finally:
        await narrow.pool.close()


async def test_cancelled_items_are_not_started(observed: Observed, tmp_path: Path) -> None:
    """An item that nobody waits for any more is never handed to a worker."""
    narrow = Observed(workers=1)
    await narrow.pool.start()
    try:
        running, waiting = narrow.pool.submit([job("nap 0.2 7"), job(f"count {tmp_path / 'marks'} 7")])
        waiting.cancel()
        await running
        await narrow.run("good 7")
        assert not (tmp_path / "marks").exists()
    finally:
        await narrow.pool.close()


async def test_closing_leaves_no_process_and_no_descriptor() -> None:
    """After a pool that lost workers in every way is closed, no child, zombie or descriptor is left."""
    me = psutil.Process()
    await asyncio.to_thread(lambda: None)  # the loop's own thread pool and its descriptors are not the pool's
    before = me.num_fds()
    others = set(me.children(recursive=True))  # of servers that other tests share
    pool = Observed()
    await pool.pool.start()
    assert len(set(me.children(recursive=True)) - others) == 3
    await pool.run("die", "spin", "sleep", *GOOD)
    children = set(me.children(recursive=True)) - others
    assert children
    stuck = pool.pool.submit([job("sleep")])
    await asyncio.sleep(0.1)
    await pool.pool.close()
    await asyncio.sleep(0.05)  # transports close their sockets on the loop's next turn
    assert stuck[0].cancelled()
    assert not [child for child in children if child.is_running()]
    assert me.num_fds() == before


async def test_workers_die_with_the_service() -> None:
    """A service killed by kill -9 leaves no worker behind, not even one that is stuck."""
    program = (
        "import asyncio, sys\n"
        "from tests.app.test_pool import Observed, job\n"
        "async def main():\n"
        "    observed = Observed(item_wall_s=600)\n"
        "    await observed.pool.start()\n"
        "    observed.pool.submit([job('sleep')])\n"
        "    print(*observed.pool.worker_pids(), flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    root = Path(__file__).parent.parent.parent
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, stdout=asyncio.subprocess.PIPE, cwd=root
    )
    assert process.stdout is not None
    workers = [int(pid) for pid in (await process.stdout.readline()).split()]
    assert sum(alive(worker) for worker in workers) == 2
    process.kill()
    await process.wait()
    await until(lambda: not (any(alive(worker) for worker in workers)))


async def test_a_task_may_allow_its_items_more(start_app: StartApp) -> None:
    """What passes the pool's CPU time, seconds or memory is done where the task asks for more, and only there."""
    async with start_app(pool={"workers": 1}) as running:
        over_cpu, over_memory, patient, after = await running.verify(
            "work 0.6 1 so 7", "work 0 300 so 7", "work 0.6 300 patiently so 7", "work 0 300 again so 7"
        )
        slept = await running.verify("nap 1.5 patiently so 7", deadline_s=30)
    assert (over_cpu["decided_by"]["name"], over_memory["decided_by"]["name"]) == ("cpu_limit", "memory_limit")
    assert (patient["outcome"], after["decided_by"]["name"]) == ("correct", "memory_limit")
    assert slept[0]["outcome"] == "correct"
