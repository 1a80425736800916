"""Verifiers whose explanations misbehave. Named by import path, never in the product's registry."""

import os
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

from verifiers.explanation import Explanation
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from verifiers.registry import Verifier


def _verify(problem: Problem) -> Verdict:
    return Verdict(Outcome.CORRECT, "always", "as ever", problem.response)


def _spin(_problem: Problem) -> Explanation:
    raise AssertionError(sum(range(10**12)))


def _die(_problem: Problem) -> Explanation:
    os._exit(3)


def _raise(_problem: Problem) -> Explanation:
    raise ValueError("secret text of the user")


def _verifier(explain: Callable[[Problem], Explanation]) -> "Verifier":
    return cast(
        "Verifier",
        SimpleNamespace(
            VERSION="1",
            DESCRIPTION="Explains badly.",
            check_options=lambda _options: None,
            readable=lambda _reference: True,
            verify=_verify,
            explain=explain,
        ),
    )


VERIFIERS: Mapping[str, "Verifier"] = {"spins": _verifier(_spin), "dies": _verifier(_die), "raises": _verifier(_raise)}
