"""What a verifier module may offer besides what it must, each hook looked up here and nowhere else.

- `quick(problem) -> Verdict | None`: the verdict when it takes microseconds, in the event loop; most tasks have none.
- `begin(problem) -> Verdict | Found | None`: as `quick`, or what was found in the response on the way; it comes with
  `verify_found(problem, found) -> tuple[Verdict, bool]`: the verdict of `verify` from there on, without the response,
  and whether it holds for every response with the same `found.facts`.
- `last_resort(problem, verdict) -> Verdict`: a verdict that `verify` passed on, settled by libraries without bounds.
- `work_limits(problem) -> WorkLimits | None`: other limits for a worker than the service's own.
- `explain(problem) -> Explanation | None`: the way to the verdict, for people; bounded like `verify`.
"""

from dataclasses import dataclass

from verifiers.explanation import Explanation
from verifiers.problem import Problem
from verifiers.verdict import Verdict


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """What one item may cost a worker: CPU seconds of the worker itself (not of processes that it starts), seconds in
    all, and MiB of address space on top of what the worker starts with; processes that it starts may set themselves
    other limits. They stop runaway work; a task's own time-outs belong well inside them.
    """

    cpu_s: float
    wall_s: float
    memory_mb: int


@dataclass(frozen=True, slots=True)
class Found:
    """What a verifier found in a response: all that its verdict can depend on from then on.

    `facts` are the answer and how it was given; `context` is the bounded text around it, which few verdicts depend on.
    """

    facts: tuple[str, ...]
    context: str = ""


def quick(verifier: object, problem: Problem) -> Verdict | None:
    """The verifier's verdict if it has one in microseconds."""
    offered = getattr(verifier, "quick", None)
    verdict = offered(problem) if offered is not None else None
    assert verdict is None or isinstance(verdict, Verdict)
    return verdict


def begin(verifier: object, problem: Problem) -> Verdict | Found | None:
    """The verifier's verdict if it has one in microseconds, or how far it came."""
    offered = getattr(verifier, "begin", None)
    if offered is None:
        return quick(verifier, problem)
    begun = offered(problem)
    assert begun is None or isinstance(begun, Verdict | Found)
    return begun


def verify_found(verifier: object, problem: Problem, found: Found) -> tuple[Verdict, bool]:
    """The verdict on what was found, and whether it holds for all responses with the same facts."""
    verdict, by_facts = verifier.verify_found(problem, found)  # type: ignore[attr-defined]
    assert isinstance(verdict, Verdict)
    return verdict, bool(by_facts)


def last_resort(verifier: object, problem: Problem, verdict: Verdict) -> Verdict:
    """What was passed on, settled if the verifier can. Only ever in a process that can be killed."""
    offered = getattr(verifier, "last_resort", None)
    settled = offered(problem, verdict) if offered is not None else verdict
    assert isinstance(settled, Verdict)
    return settled


def explains(verifier: object) -> bool:
    """Whether the verifier can say how it came to a verdict."""
    return hasattr(verifier, "explain")


def explain(verifier: object, problem: Problem) -> Explanation | None:
    """The way to the verifier's verdict, if it can say."""
    offered = getattr(verifier, "explain", None)
    told = offered(problem) if offered is not None else None
    assert told is None or isinstance(told, Explanation)
    return told


def work_limits(verifier: object, problem: Problem) -> WorkLimits | None:
    """What the problem's verifier asks for, if it asks for anything."""
    offered = getattr(verifier, "work_limits", None)
    limits = offered(problem) if offered is not None else None
    assert limits is None or isinstance(limits, WorkLimits)
    return limits
