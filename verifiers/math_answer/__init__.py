"""Mathematical answers: extraction, reading, comparison. The stages on one screen.

    response --extract--> answer --read--> tree --RULES--> yes / no / not mine

Rule 1: "yes" only on proof or by a stated convention, "no" when refuted, else passed on with what was understood.
Rule 2: sizes and steps bound all work, never a clock: the same pair gets the same verdict on any machine, in any
        thread. Only `last_resort` (sympy) is unbounded; it runs in a process that can be killed.
"""

import re
from collections.abc import Mapping

from verifiers.hooks import Found
from verifiers.math_answer.explaining import explain
from verifiers.math_answer.extraction.extract import Extraction, extract
from verifiers.math_answer.judge import Judgement, judge
from verifiers.math_answer.plain import bare, same_plain
from verifiers.math_answer.reading.limits import MAX_ANSWER_CHARS
from verifiers.math_answer.values import symbolic
from verifiers.math_answer.wording.question import hints
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

__all__ = [
    "DESCRIPTION",
    "VERSION",
    "begin",
    "check_options",
    "explain",
    "last_resort",
    "quick",
    "readable",
    "verify",
    "verify_found",
]

VERSION = "6"
# "12,345" for 12345: nothing to calculate, so the rules take less than handing the item to another process.
_FIGURES = re.compile(r"[-+\d.,/ %$]{1,32}")
DESCRIPTION = "Mathematical answers: numbers, expressions, sets, intervals, equations, units, short words."


def check_options(options: Mapping[str, object]) -> str | None:
    """The math task has no options yet."""
    return f"the math task takes no options; remove {', '.join(options)}" if options else None


def readable(reference: str) -> bool:
    """Whether the reference can be compared with at all: it has content and a sane size."""
    return bool(reference.strip()) and len(reference) <= MAX_ANSWER_CHARS


def quick(problem: Problem) -> Verdict | None:
    """The verdict on plain text and plain numbers, in microseconds; None for everything else."""
    begun = begin(problem)
    return begun if isinstance(begun, Verdict) else None


def begin(problem: Problem) -> Verdict | Found | None:
    """`quick`, or the extraction; None where there is nothing to compare."""
    extraction = extract(problem.response, problem.question)
    if extraction.answer is None:
        return None
    known = None if extraction.parts else _plainly(problem.references, extraction.answer)
    if known is not None:
        return known
    if _FIGURES.fullmatch(extraction.answer) and all(map(_FIGURES.fullmatch, problem.references)):
        verdict, _ = _compared(problem, extraction)
        if not verdict.passed_on:
            return verdict
    hedged = "hedged" if extraction.hedged else ""
    return Found((extraction.answer, extraction.how, hedged, *extraction.parts), extraction.final)


def verify_found(problem: Problem, found: Found) -> tuple[Verdict, bool]:
    """`verify` after the extraction that `begin` has done."""
    answer, how, hedged, *parts = found.facts
    extraction = Extraction(answer, how, tuple(parts), None, found.context, bool(hedged))
    verdict, judgements = _compared(problem, extraction)
    return verdict, not any(judgement.in_context for judgement in judgements)


def _plainly(references: tuple[str, ...], answer: str) -> Verdict | None:
    given = bare(answer)
    refuted = True
    for reference in references:
        wanted = bare(reference)
        same = same_plain(wanted, given)
        if same:
            rule = "same_text" if wanted == given else "same_number"
            return Verdict(Outcome.CORRECT, rule, f"{given} is {wanted}", answer)
        refuted = refuted and same is False
    return Verdict(Outcome.INCORRECT, "same_number", f"{given} is another number", answer) if refuted else None


def verify(problem: Problem) -> Verdict:
    """The verdict by every bounded rule. Never raises for bad model output."""
    return _compared(problem, extract(problem.response, problem.question))[0]


def _compared(problem: Problem, extraction: Extraction) -> tuple[Verdict, list[Judgement]]:
    if extraction.answer is None:
        why = extraction.refusal or "no answer found"
        return Verdict(Outcome.UNREADABLE, extraction.how, why), []
    if not any(readable(reference) for reference in problem.references):
        why = "the reference is empty or too long"
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", why, extraction.answer), []
    expected = hints(problem.question)
    judgements: list[Judgement] = []
    for reference in problem.references:
        judgements.append(judge(reference, extraction, expected, problem.question))
        if judgements[-1].same:
            break
    return _concluded(judgements, extraction.answer), judgements


def _concluded(judgements: list[Judgement], answer: str) -> Verdict:
    last = judgements[-1]
    if last.same:
        return Verdict(Outcome.CORRECT, last.rule, "the answer says what the reference says", answer, last.understood)
    unreadable = next((j for j in judgements if j.unreadable), None)
    if unreadable is not None:
        why = f"the answer cannot be read: {unreadable.unreadable}"
        return Verdict(Outcome.UNREADABLE, unreadable.rule, why, answer)
    if all(j.same is False for j in judgements):
        return Verdict(Outcome.INCORRECT, last.rule, "the answer differs from the reference", answer, last.understood)
    why = "no rule could tell whether the answer says what the reference says"
    return Verdict(Outcome.UNDECIDABLE, "no_rule", why, answer, last.understood, passed_on=True)


def last_resort(problem: Problem, verdict: Verdict) -> Verdict:
    """What `verify` passed on, by computer algebra. Unbounded: only in a process that can be killed."""
    if verdict.answer is None:
        return verdict
    refuted = True
    for reference in problem.references:
        same = symbolic.settle(reference, verdict.answer)
        if same:
            return Verdict(Outcome.CORRECT, "symbolic", "equal by computer algebra", verdict.answer, verdict.understood)
        refuted = refuted and same is False
    if refuted:
        return Verdict(
            Outcome.INCORRECT, "symbolic", "different by computer algebra", verdict.answer, verdict.understood
        )
    return verdict
