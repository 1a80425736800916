"""What one item may cost a worker, where a task needs other limits than the service's own.

A verifier module may offer `work_limits(problem) -> WorkLimits | None`. Without it, or with None, the service's
settings hold. Limits stop runaway work; they are no time-outs of the task's own, which belong well inside them.
"""

from dataclasses import dataclass

from verifiers.problem import Problem


@dataclass(frozen=True, slots=True)
class WorkLimits:
    """CPU seconds of the worker itself (not of processes that it starts), seconds in all, and MiB of address space
    on top of what the worker starts with; processes that it starts may set themselves other limits.
    """

    cpu_s: float
    wall_s: float
    memory_mb: int


def work_limits(verifier: object, problem: Problem) -> WorkLimits | None:
    """What the problem's verifier asks for, if it asks for anything."""
    offered = getattr(verifier, "work_limits", None)
    limits = offered(problem) if offered is not None else None
    assert limits is None or isinstance(limits, WorkLimits)
    return limits
