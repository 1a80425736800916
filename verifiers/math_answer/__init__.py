"""Mathematical answers: extraction, reading, comparison."""

from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

VERSION = "0"
DESCRIPTION = "Mathematical answers: numbers, expressions, sets, intervals, equations, units, short words."


def check_options(options: object) -> str | None:
    """No options yet."""
    return None if not options else "the math task takes no options; remove `options`"


def readable(reference: str) -> bool:
    """Whether the reference can be read."""
    return bool(reference.strip())


def quick(problem: Problem) -> Verdict | None:
    """Same text."""
    answer = problem.response.strip()
    if answer in (r.strip() for r in problem.references):
        return Verdict(Outcome.CORRECT, "same_text", "the same text", answer)
    return None


def verify(problem: Problem) -> Verdict:
    """Compare the response with the references."""
    verdict = quick(problem)
    return verdict or Verdict(Outcome.INCORRECT, "same_text", "another text", problem.response.strip())


def last_resort(problem: Problem, verdict: Verdict) -> Verdict:
    """Symbolic algebra."""
    return verdict
