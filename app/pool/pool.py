"""A warm pool of processes that can be killed: the only part of the service that knows time.

Rule 1: a job that hangs, kills its worker or eats its memory costs itself and nobody else: what was waiting
        behind it goes back to the front of the queue, and a new worker is forked in milliseconds. A worker that dies
        for no limit of ours may have been killed from outside: its job is tried once more.
Rule 2: the queue is bounded by items and by bytes, all of a request's jobs or none; an empty queue takes any
        request.
Rule 3: callers take turns, and jobs with limits of their own (programs to run) never hold the last worker.
Rule 4: the pool says what happened (`Lost.cause`), never whom to blame.
"""

import asyncio
import contextlib
import logging
import os
import signal
import time
from collections.abc import Callable, Hashable, Iterable, Sequence

from app.pool import frames, worker
from app.pool.link import Link, Ticket
from app.pool.nursery import Nursery, ZygoteLost
from app.pool.outcome import Cause, Finished, JobOutcome, Lost, PoolState, QueueFull
from app.pool.queue import Lane, is_heavy
from app.settings import PoolSettings
from verifiers.code_run.engines import Configuration

MAX_FRAME_JOBS = 32
"""Jobs handed to one worker at once: a hand-over costs as much as some jobs. More would save little and spread a group
badly; those behind a slow job are taken back."""
MAX_FRAME_BYTES = 1 << 20
SLOW_JOB_S = 0.05
"""A job that runs longer than this loses the ones waiting behind it to other workers."""
MAX_RESPAWN_DELAY_S = 1.0
"""Workers that die before they have served anything (no memory, broken install) are not forked in a tight
loop."""
SAY_EVERY_S = 10.0
"""Between two lines of the log on lost workers: a policy that crashes them must not fill a disk. The metric counts."""

log = logging.getLogger("touchstone")


def _size(job: frames.Job) -> int:
    problem = job.problem
    context = job.found.context if job.found else ""
    return len(problem.response) + len(context) + sum(map(len, problem.references)) + len(problem.question or "")


def _lost(ticket: Ticket, cause: Cause, detail: str, work_s: float, queue_s: float) -> Lost:
    heard = ticket.passed_on
    return Lost(cause, detail, work_s, queue_s, heard.verdict if heard else None, heard is not None and heard.by_facts)


def cause_of_death(link: Link) -> tuple[Cause, str]:
    """Why the worker's running job has no verdict."""
    assert link.exit_status is not None
    code = os.waitstatus_to_exitcode(link.exit_status)
    if link.killed_for is not None:
        return link.killed_for, "the time limit of one item passed"
    if code == -signal.SIGPROF:
        return Cause.CPU_LIMIT, "the item used up its CPU time"
    if code == worker.EXIT_OUT_OF_MEMORY:
        return Cause.MEMORY_LIMIT, "the item used up its memory"
    if code == -signal.SIGABRT:
        return Cause.ABORTED, "an arithmetic library gave up on a number's size"
    how = f"by signal {-code}" if code < 0 else f"with status {code}"
    return Cause.WORKER_DIED, f"the worker process ended {how}"


class Pool:
    """Open with `start`, give it jobs with `submit`, end with `close`. `on_restart(reason)` counts lost
    workers.
    """

    def __init__(
        self,
        settings: PoolSettings,
        registry: str,
        on_restart: Callable[[str], None],
        code: Configuration = Configuration(),  # noqa: B008 - frozen
    ) -> None:
        self._settings = settings
        self._on_restart = on_restart
        self._nursery = Nursery(
            registry,
            cpu_s=settings.item_cpu_s,
            memory_bytes=settings.item_memory_mb << 20,
            code=code,
            on_exit=self._worker_exited,
            on_lost=self._zygote_lost,
        )
        self._links: dict[int, Link] = {}
        self._light = Lane()
        self._heavy = Lane()
        self._heavy_turn = True
        self._short = asyncio.Event()
        self._supervisor: asyncio.Task[None] | None = None
        self._early_exits: dict[int, int] = {}  # told of before `fork` had returned
        self._barren_deaths = 0
        self._silent_until = 0.0
        self._closing = False

    async def start(self) -> None:
        """Come up with every worker. Raises ZygoteLost."""
        await self._nursery.start(self._settings.start_timeout_s)
        while len(self._links) < self._settings.workers:
            await self._spawn()
        self._supervisor = asyncio.create_task(self._supervise(), name="pool-supervisor")

    async def close(self) -> None:
        """Kill what is left and collect it. Whoever still waits is cancelled."""
        self._closing = True
        if self._supervisor is not None:
            self._supervisor.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._supervisor
        for link in self._links.values():
            link.abort()
        await self._nursery.close()
        waiting = [*self._light.waiting(), *self._heavy.waiting()]
        waiting += (ticket for link in self._links.values() for ticket in link.tickets)
        for ticket in waiting:
            ticket.future.cancel()

    def state(self) -> PoolState:
        """How the pool is."""
        items, size = self._light.items + self._heavy.items, self._light.size + self._heavy.size
        return PoolState(len(self._links), self._settings.workers, items, size)

    def worker_pids(self) -> list[int]:
        """The processes that work now."""
        return list(self._links)

    def submit(
        self, jobs: Sequence[frames.Job], caller: Hashable = None, *, admitted: bool = False
    ) -> list[asyncio.Future[JobOutcome]]:
        """Queue all the jobs. Raises QueueFull and queues none, unless their request was `admitted` before."""
        if not jobs:
            return []
        loop = asyncio.get_running_loop()
        tickets = [Ticket(job, _size(job), loop.create_future(), caller) for job in jobs]
        if not admitted:
            self._admit(tickets)
        for ticket in tickets:
            self._lane(ticket).push(ticket)
        self._dispatch()
        return [ticket.future for ticket in tickets]

    def _lane(self, ticket: Ticket) -> Lane:
        return self._heavy if is_heavy(ticket) else self._light

    def _admit(self, tickets: Sequence[Ticket]) -> None:
        for lane in (self._light, self._heavy):
            coming = [ticket for ticket in tickets if self._lane(ticket) is lane]
            if not coming or not lane.items:
                continue
            lane.drop_cancelled()
            full = lane.items and lane.items + len(coming) > self._settings.queue_items
            size = lane.size + sum(ticket.size for ticket in coming)
            if full or (lane.items and size > self._settings.queue_mb << 20):
                raise QueueFull(retry_after_s=1)

    # Handing out

    def _dispatch(self) -> None:
        for link in self._links.values():
            if not (self._light.items or self._heavy.items):
                return
            if link.idle:
                self._hand_out(link)

    def _hand_out(self, link: Link) -> None:
        tickets: list[Ticket] = []
        while not tickets and (lane := self._open_lane()) is not None:
            tickets = self._taken(lane)
        if tickets:
            self._heavy_turn = not is_heavy(tickets[0])
            try:
                link.give(tickets)
            except (ValueError, OverflowError):  # a lone surrogate in some text, a number past 64 bits
                self._lose_unsendable(tickets)

    def _lose_unsendable(self, tickets: list[Ticket]) -> None:
        sendable = []
        for ticket in tickets:
            try:
                frames.encode_jobs([ticket.job])
            except (ValueError, OverflowError) as error:
                reason = f"the item cannot be handed to a worker: {type(error).__name__}"
                self._lose(ticket, Cause.VERIFIER_RAISED, reason, time.monotonic())
            else:
                sendable.append(ticket)
        self._requeue(sendable)

    def _open_lane(self) -> Lane | None:
        """Whose turn it is. A program keeps a worker for long: one worker is left to everything else."""
        running = sum(is_heavy(link.tickets[0]) for link in self._links.values() if link.tickets)
        heavy = self._heavy if self._heavy.items and running < max(1, self._settings.workers - 1) else None
        light = self._light if self._light.items else None
        return (heavy or light) if self._heavy_turn else (light or heavy)

    def _taken(self, lane: Lane) -> list[Ticket]:
        share = -(-lane.items // (2 * self._settings.workers))  # half stays, for whoever is done first
        most = 1 if lane is self._heavy else min(MAX_FRAME_JOBS, share)
        tickets: list[Ticket] = []
        size = 0
        while lane.items and len(tickets) < most and size < MAX_FRAME_BYTES:
            ticket = lane.pop()
            if not ticket.future.done():  # nobody waits for it any more
                tickets.append(ticket)
                size += ticket.size
        return tickets

    def _requeue(self, tickets: Iterable[Ticket]) -> None:
        for ticket in reversed([ticket for ticket in tickets if not ticket.future.done()]):
            self._lane(ticket).push(ticket, front=True)
        self._dispatch()

    # What links report

    def job_done(self, ticket: Ticket, done: frames.Done, started: float) -> None:
        self._barren_deaths = 0
        if ticket.future.done():
            return
        queue_s = max(0.0, started - ticket.submitted)
        if done.verdict is not None:
            ticket.future.set_result(Finished(done.verdict, done.seconds, queue_s, done.by_facts))
            return
        if done.out_of_memory:
            cause, detail = Cause.MEMORY_LIMIT, "the item used up its memory"
        else:
            cause, detail = Cause.VERIFIER_RAISED, f"the verifier raised {done.raised}"
        ticket.future.set_result(_lost(ticket, cause, detail, done.seconds, queue_s))

    def worker_idle(self, link: Link) -> None:
        if link.idle:
            self._hand_out(link)

    def worker_slow(self, link: Link) -> None:
        self._requeue(link.take_back())

    def worker_yielded(self, unbegun: list[Ticket]) -> None:
        self._requeue(unbegun)

    def worker_overdue(self, link: Link) -> None:
        link.killed_for = Cause.WALL_LIMIT
        self._nursery.kill(link.pid)

    def worker_garbled(self, link: Link) -> None:
        self._nursery.kill(link.pid)

    def worker_lost(self, link: Link) -> None:
        self._links.pop(link.pid, None)
        if self._closing:
            return
        cause, detail = cause_of_death(link)
        self._on_restart("recycled" if link.recycled else str(cause))
        if cause is Cause.WORKER_DIED and not link.recycled:
            self._say(detail)
        if not link.served and not link.tickets:
            self._barren_deaths += 1
        self._short.set()
        if link.tickets and not (link.recycled or link.blameless):
            running = link.tickets[0]
            if cause is Cause.WORKER_DIED and not running.orphaned:
                running.orphaned = True
            else:
                self._lose(link.tickets.popleft(), cause, detail, link.started)
        self._requeue(link.tickets)

    def _say(self, detail: str) -> None:
        now = time.monotonic()
        if now >= self._silent_until:
            log.warning("lost a worker: %s; a new one is forked", detail)
            self._silent_until = now + SAY_EVERY_S

    def _lose(self, ticket: Ticket, cause: Cause, detail: str, started: float) -> None:
        if not ticket.future.done():
            work_s = time.monotonic() - started
            queue_s = max(0.0, started - ticket.submitted)
            ticket.future.set_result(_lost(ticket, cause, detail, work_s, queue_s))

    def _worker_exited(self, pid: int, status: int) -> None:
        if link := self._links.get(pid):
            link.exited(status)
        else:
            self._early_exits[pid] = status

    def _zygote_lost(self) -> None:
        if not self._closing:
            log.warning("lost all workers, with the process that forks them; it is started anew")
        # Nobody is left to report how its workers end: they die with it.
        for link in list(self._links.values()):
            link.exited(int(signal.SIGKILL))
            link.abort()
        self._short.set()

    # Keeping the number of workers up

    async def _supervise(self) -> None:
        while True:
            await self._short.wait()
            self._short.clear()
            while len(self._links) < self._settings.workers:
                if self._barren_deaths:
                    await asyncio.sleep(min(MAX_RESPAWN_DELAY_S, 0.05 * 2 ** min(self._barren_deaths, 10)))
                try:
                    if not self._nursery.up:
                        await self._nursery.close()
                        await self._nursery.start(self._settings.start_timeout_s)
                        log.warning("workers can be forked again")
                    await self._spawn()
                except ZygoteLost:
                    self._barren_deaths += 1

    async def _spawn(self) -> None:
        pid, connection = await self._nursery.fork()
        link = Link(self, pid, slow_s=SLOW_JOB_S, wall_s=self._settings.item_wall_s)
        self._links[pid] = link
        if pid in self._early_exits:
            link.exited(self._early_exits[pid])
        self._early_exits.clear()
        await asyncio.get_running_loop().create_unix_connection(lambda: link, sock=connection)
        self._dispatch()
