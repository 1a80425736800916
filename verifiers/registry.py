"""Every task with a right answer, one line each. To add one: write the module, add its line."""

from collections.abc import Mapping
from typing import Protocol

from verifiers import math_answer
from verifiers.problem import Problem
from verifiers.verdict import Verdict


class Verifier(Protocol):
    """What a verifier module offers. All functions are pure and never raise for bad model output."""

    @property
    def VERSION(self) -> str:  # noqa: N802 - a module constant
        """Raised whenever a verdict can change: it is part of every cache key."""

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802 - a module constant
        """One line for `GET /v1/tasks`."""

    def check_options(self, options: Mapping[str, object], /) -> str | None:
        """None when the options are usable, else what to fix."""

    def readable(self, reference: str, /) -> bool:
        """Whether this verifier can read the reference at all; decides whom a time-out is blamed on."""

    def quick(self, problem: Problem, /) -> Verdict | None:
        """The verdict when it takes microseconds (same text, plain numbers), else None. Runs in the event loop."""

    def verify(self, problem: Problem, /) -> Verdict:
        """The verdict by every bounded rule. Safe in any thread: limits go by size and steps."""

    def last_resort(self, problem: Problem, verdict: Verdict, /) -> Verdict:
        """A verdict that `verify` passed on, settled by libraries without bounds. Only ever in a killable process."""


VERIFIERS: Mapping[str, Verifier] = {"math": math_answer}
