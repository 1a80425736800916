"""Leaving in order: readiness says no first, requests are taken for a grace period, what is in flight is answered.

Rule 1: a balancer that sends a request before it has heard of our leaving must not lose it.
"""

import asyncio
import contextlib
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from types import FrameType


@dataclass(slots=True)
class Drain:
    """Whether this process is on its way out."""

    leaving: bool = False


@contextlib.contextmanager
def on_sigterm(drain: Drain, grace_s: float) -> Iterator[None]:
    """Let the server's own handler of SIGTERM wait for the grace period; a second signal does not."""
    loop = asyncio.get_running_loop()
    stop = signal.getsignal(signal.SIGTERM)
    assert callable(stop)

    def leave() -> None:
        if drain.leaving or not grace_s:
            stop(signal.SIGTERM, None)
        else:
            loop.call_later(grace_s, stop, signal.SIGTERM, None)
        drain.leaving = True

    def heard(_signal: int, _frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(leave)

    signal.signal(signal.SIGTERM, heard)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, stop)
