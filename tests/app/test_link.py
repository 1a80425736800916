"""One worker's link against a worker that is played by the test, for what real processes do only by bad luck."""

import asyncio
import socket
from dataclasses import dataclass, field

from app.pool import frames
from app.pool.link import Link, Ticket
from tests.processes import until
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

DONE = frames.Done(Verdict(Outcome.CORRECT, rule="played", reason="played"), 0.0)


@dataclass
class Heard:
    """What the link told its pool."""

    done: list[Ticket] = field(default_factory=list)
    handed_back: list[Ticket] = field(default_factory=list)
    idle: int = 0

    def job_done(self, ticket: Ticket, done: frames.Done, started: float) -> None:
        self.done.append(ticket)

    def worker_idle(self, link: Link) -> None:
        self.idle += 1

    def worker_slow(self, link: Link) -> None:
        self.handed_back += link.take_back()

    def worker_yielded(self, unbegun: list[Ticket]) -> None:
        self.handed_back += unbegun

    def worker_overdue(self, link: Link) -> None:
        """It never comes to that here."""

    def worker_garbled(self, link: Link) -> None:
        """The frames are well formed."""

    def worker_lost(self, link: Link) -> None:
        """The test is over."""


async def test_a_worker_stalled_between_two_jobs_loses_neither() -> None:
    """A job that was taken for running when the worker handed back the rest is handed back too, and not lost."""
    loop = asyncio.get_running_loop()
    heard = Heard()
    link = Link(heard, 0, slow_s=0.05, wall_s=60.0)
    ours, worker = socket.socketpair()
    ours.setblocking(False)
    transport, _ = await loop.create_unix_connection(lambda: link, sock=ours)
    first, second, third = (
        Ticket(frames.Job("any", Problem(str(number), ("1",))), 1, loop.create_future()) for number in range(3)
    )
    with worker:
        link.give([first, second, third])
        # It answers the first and is not scheduled for a while, so the second seems to be running, slowly.
        worker.sendall(frames.encode_answer(DONE))
        await until(lambda: heard.handed_back == [third])
        # It wakes up, is told to hand back the rest, and has begun neither.
        worker.sendall(frames.encode_answer(frames.Yielded()))
        await until(lambda: heard.idle)
        assert heard.done == [first]
        assert heard.handed_back == [third, second]
        assert link.idle
        transport.close()
