"""What may be wrong with a reference before any response meets it.

Rule 1: a reference is its own answer: what does not verify against itself, bare or in a box, can reward nobody.
Rule 2: a finding says what to do. None of them changes a verdict.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.reader import readings
from verifiers.math_answer.tree import Quantity, Seq
from verifiers.math_answer.values.walk import preorder
from verifiers.problem import Problem
from verifiers.routing import Router, is_prose
from verifiers.verdict import Outcome

if TYPE_CHECKING:
    from verifiers.registry import Verifier

MAX_READ_CHARS = 2_000
"""A longer reference is not looked at for several readings."""

READS_ONLY = frozenset(("instructions", "code"))
"""Tasks whose reference is no answer but what an answer is tested by."""


class Kind(StrEnum):
    """What was found."""

    BAD_ROW = "bad row"
    BAD_OPTIONS = "bad options"
    UNREADABLE = "unreadable"
    NOT_ITSELF = "not itself"
    SENTENCE = "sentence"
    TWO_READINGS = "two readings"
    ALTERNATIVES = "alternatives"
    UNIT = "unit"


ADVICE: Mapping[Kind, str] = {
    Kind.BAD_ROW: "the row cannot be used: fix it",
    Kind.BAD_OPTIONS: "the task does not take these options: fix them",
    Kind.UNREADABLE: "the task cannot read the reference: every response stays undecided",
    Kind.NOT_ITSELF: "the reference as an answer is not accepted: no response will be",
    Kind.SENTENCE: "a sentence: rules pass most answers on; use a model stage, exact_text or span",
    Kind.TWO_READINGS: "read in two ways (1,234 is a number or a list): write it plainly",
    Kind.ALTERNATIVES: "offers alternatives: give them as a list of references",
    Kind.UNIT: "has a unit and no question that says whether it is asked for: add the question",
}


class Finding(NamedTuple):
    """One thing to fix, and what it was found in."""

    kind: Kind
    what: str


def lint(task: str, verifier: "Verifier", problem: Problem) -> list[Finding]:
    """What may be wrong with an item's references; its response is not looked at."""
    if isinstance(verifier, Router):
        chosen = verifier.choose(problem)
        if chosen is None:
            return [Finding(Kind.UNREADABLE, "no task fits the reference and the options; name the task")]
        task, verifier = chosen.task, verifier.verifiers[chosen.task]
    complaint = verifier.check_options(problem.options)
    if complaint is not None:
        return [Finding(Kind.BAD_OPTIONS, complaint)]
    return [finding for text in problem.references for finding in _one(task, verifier, text, problem)]


def _one(task: str, verifier: "Verifier", text: str, problem: Problem) -> list[Finding]:
    if not verifier.readable(text):
        return [Finding(Kind.UNREADABLE, _cut(text) or "it is empty")]
    if task in READS_ONLY:
        return []
    found = _shape(text, problem.question) if task == "math" else []
    if not any(finding.kind is Kind.SENTENCE for finding in found):
        found += _itself(task, verifier, text, problem)
    return found


def _itself(task: str, verifier: "Verifier", text: str, problem: Problem) -> list[Finding]:
    verdict = None
    for answer in (text, f"\\boxed{{{text}}}"):
        verdict = verifier.verify(Problem(answer, (text,), problem.question, problem.options))
        if verdict.outcome is Outcome.CORRECT:
            return []
        if verdict.rule == "unread_reference":
            return [Finding(Kind.UNREADABLE, f"{_cut(text)}: {verdict.reason}")]
    assert verdict is not None
    if task == "tools" and verdict.outcome is Outcome.UNREADABLE:
        return []  # a list of allowed values is no call itself
    return [Finding(Kind.NOT_ITSELF, f"{_cut(text)}: {verdict.reason}")]


def _shape(text: str, question: str | None) -> list[Finding]:
    """What the reader sees in a reference to mathematics."""
    if is_prose(text):
        return [Finding(Kind.SENTENCE, _cut(text))]
    try:
        trees = readings(text) if len(text) <= MAX_READ_CHARS else ()
    except Unparsable:
        return []
    found = [Finding(Kind.TWO_READINGS, _cut(text))] if len(trees) > 1 else []
    nodes = list(preorder(trees[0])) if trees else []
    if any(isinstance(node, Seq) and node.joint == "or" for node in nodes):
        found.append(Finding(Kind.ALTERNATIVES, _cut(text)))
    if question is None and any(isinstance(node, Quantity) for node in nodes):
        found.append(Finding(Kind.UNIT, _cut(text)))
    return found


def _cut(text: str) -> str:
    return text if len(text) <= 120 else text[:120] + "…"
