"""Whose fault it is that an item has no verdict of its own. Pure.

Rule 1: a response that chokes the verifier is not excused, or models learn to choke it: what the kernel's
        limits stopped, the response chose to be that dear, provided that the references alone are not to
        blame.
        Where the bounded rules had read both sides and only the last resort choked, a model may still look.
Rule 2: everything else is ours: a busy machine, a crash, a bug, the request's deadline.
"""

from app.pool.outcome import Cause, Lost
from verifiers.hybrid import Settled
from verifiers.verdict import Outcome

STAGE = "service"
DEADLINE = "deadline"


def settle_lost(lost: Lost, *, references_readable: bool) -> Settled:
    """The outcome of an item that a worker could not finish."""
    match lost.cause:
        case Cause.CPU_LIMIT | Cause.MEMORY_LIMIT | Cause.ABORTED:
            if references_readable:
                reason = f"{lost.detail}; the reference can be read, so the response is too dear to compare"
                return Settled(Outcome.UNREADABLE, STAGE, lost.cause, reason)
            reason = f"{lost.detail}; the reference may be to blame"
            return Settled(Outcome.UNDECIDABLE, STAGE, lost.cause, reason)
        case Cause.WALL_LIMIT | Cause.WORKER_DIED | Cause.VERIFIER_RAISED:
            return Settled(Outcome.UNDECIDABLE, STAGE, lost.cause, lost.detail)


def out_of_time(where: str) -> Settled:
    """The outcome of an item that the request's deadline overtook."""
    return Settled(Outcome.UNDECIDABLE, STAGE, DEADLINE, f"the request's deadline passed {where}")
