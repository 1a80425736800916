"""What became of a job. The pool says what happened; whom to blame is decided elsewhere."""

from dataclasses import dataclass
from enum import StrEnum

from verifiers.verdict import Verdict


class Cause(StrEnum):
    """Why a job has no verdict."""

    CPU_LIMIT = "cpu_limit"
    MEMORY_LIMIT = "memory_limit"
    ABORTED = "aborted"  # arithmetic libraries abort() when a number outgrows what they can allocate
    WALL_LIMIT = "wall_limit"
    WORKER_DIED = "worker_died"
    VERIFIER_RAISED = "verifier_raised"


@dataclass(frozen=True, slots=True)
class Finished:
    """The verifier's verdict, and how long it ran and waited, in seconds. `by_facts`: it holds for every response in
    which the verifier found the same.
    """

    verdict: Verdict
    work_s: float
    queue_s: float
    by_facts: bool = False


@dataclass(frozen=True, slots=True)
class Lost:
    """No last word. `detail` is safe to show; `passed_on` is what the bounded rules had made of it by then, and
    `by_facts` says that of every response in which the verifier found the same.
    """

    cause: Cause
    detail: str
    work_s: float
    queue_s: float
    passed_on: Verdict | None = None
    by_facts: bool = False


JobOutcome = Finished | Lost


class QueueFull(Exception):
    """The pool has as much work waiting as it may hold; come back in `retry_after_s`."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("the service has as much work waiting as it may hold")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class PoolState:
    """For readiness and metrics."""

    workers: int
    wanted: int
    queued_items: int
    queued_bytes: int
