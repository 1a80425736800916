"""Exact text: the answer must be the reference, after a normalisation that the item chooses.

    level        folds
    strict       nothing but white space and markup around the text
    case         width (full to half), case, runs of white space
    punctuation  that, and punctuation; a sign, a decimal point or a percent sign beside a digit stays  (the default)

Rule 1: the answer is the last box, else what is announced, else all of the response.
Rule 2: nothing is searched for inside an answer: "Paris or London" is not "Paris".
"""

from collections.abc import Callable, Mapping

from verifiers.answer_text import announced
from verifiers.math_answer.extraction.markup import clean
from verifiers.normalisation import folded, widths, worded
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

VERSION = "2"
DESCRIPTION = "Exact text, after a chosen normalisation: strict, case or punctuation."

MAX_REFERENCE_CHARS = 100_000
"""As long as the service takes references."""

LEVELS: Mapping[str, Callable[[str], str]] = {
    "strict": clean,
    "case": lambda text: folded(clean(text)),
    "punctuation": lambda text: worded(text) or folded(clean(text)),
}


def check_options(options: Mapping[str, object]) -> str | None:
    """`level` only: strict, case or punctuation."""
    unknown = sorted(set(options) - {"level"})
    if unknown:
        return f"the exact_text task knows the option level; remove {', '.join(unknown)}"
    if options.get("level", "punctuation") not in LEVELS:
        return f"level must be one of {', '.join(LEVELS)}"
    return None


def readable(reference: str) -> bool:
    """Whether the reference has content: an empty one would reward saying nothing."""
    return bool(reference.strip()) and len(reference) <= MAX_REFERENCE_CHARS


def verify(problem: Problem) -> Verdict:
    """Whether the answer is a reference, letter for letter at the level asked for."""
    wrong = check_options(problem.options)
    if wrong is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", wrong)
    level = str(problem.options.get("level", "punctuation"))
    normal = LEVELS[level]
    wanted = {normal(reference) for reference in problem.references if readable(reference)}
    if not wanted:
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", "the reference is empty or too long")
    found = announced(problem.response, problem.question)
    if found.refusal is not None:
        outcome = Outcome.INCORRECT if found.contradicting else Outcome.UNREADABLE
        return Verdict(outcome, found.how, found.refusal)
    answer = found.final if found.text is None else found.text
    if normal(answer) in wanted:
        return Verdict(Outcome.CORRECT, f"same_{level}", "the answer is the reference", answer)
    near = widths(answer).casefold().strip() in {widths(text).casefold().strip() for text in problem.references}
    why = f"the answer is the reference only below the level {level}" if near else "the answer is another text"
    return Verdict(Outcome.INCORRECT, f"same_{level}", why, answer)
