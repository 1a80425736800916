"""Whether a row can be trained on: checks of its text, then the service's word on its reference.

Rule 1: a check gives a reason or None, and the first reason counts; a reason says what is wrong with the row itself.
Rule 2: a reference has to verify as the answer to itself, bare or in a box: what does not can reward nobody.
Rule 3: a wrong answer has to be told apart from it: where the service cannot, the row goes, under a reason of its own.
        Without a model stage that takes most references in prose.
"""

import re
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Any

from touchstone_client import Client
from touchstone_trainer.curation.likeness.words import words
from touchstone_trainer.curation.rewriting.acceptance import boxed
from touchstone_trainer.curation.rows import Row, references

MIN_WORDS = 4
"""Shorter than `Solve x + 1 = 2` asks nothing."""
MAX_CHARACTERS = 6_000
"""Longer texts are documents with a question, or several questions in one."""
MAX_REFERENCE_CHARACTERS = 1_000
WRONG = "-8675309.25"
"""An answer that every verifier can read and no reference has."""
TESTED_BY = frozenset({"code", "instructions"})
"""Tasks whose reference is no answer but what an answer is tested by; the service cannot verify it against itself."""


class Flaw(StrEnum):
    """Why a row is left out."""

    SHORT = "short"
    LONG = "long"
    REFERENCE_MISSING = "reference_missing"
    REFERENCE_LONG = "reference_long"
    BROKEN_LATEX = "broken_latex"
    BROKEN_TEXT = "broken_text"
    LINK = "link"
    FIGURE = "figure"
    PROOF = "proof"
    SEVERAL_QUESTIONS = "several_questions"
    REFERENCE_REFUSED = "reference_refused"
    REFERENCE_UNDECIDED = "reference_undecided"


ESCAPED = re.compile(r"\\[\\{}$]")
COMMAND_LEFT, COMMAND_RIGHT = re.compile(r"\\left(?![a-zA-Z])"), re.compile(r"\\right(?![a-zA-Z])")
ENVIRONMENT = re.compile(r"\\(begin|end)\{([^}]*)\}")
PRICE = re.compile(r"(?<![\\\w$])\$\s?\d[\d,]*(?:\.\d+)?(?=[\s.,;:?!)]|$)(?!\s*(?:[=+*/^<>\\]|-\s?\d))")
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffd]")
LINKED = re.compile(r"https?://|www\.|!\[|<img")
FIGURE_SHOWN = re.compile(
    r"\b(?:in|as|see) (?:shown )?(?:in )?the (?:figure|diagram|picture|graph|table) (?:below|above|shown|to the)|"
    r"\b(?:figure|diagram) (?:below|above|shows|shown)|as shown in the (?:figure|diagram|picture)|(?:如|见|右|下)图",
    re.IGNORECASE,
)
PROVE = re.compile(r"^\W*(?:prove|show) that\b|(?:[.:?!]\s+|\band )(?:prove|show) that\b|证明|求证", re.IGNORECASE)
PARTS = (re.compile(r"(?<!\w)\(a\).+(?<!\w)\(b\)", re.DOTALL), re.compile(r"[(（][1ⅰ][)）].+[(（][2ⅱ][)）]", re.DOTALL))


def flaw(row: Row) -> Flaw | None:
    """The first thing wrong with a row's texts."""
    return next((found for check in CHECKS if (found := check(row)) is not None), None)


def _length(row: Row) -> Flaw | None:
    question = row["question"]
    if len(question) > MAX_CHARACTERS:
        return Flaw.LONG
    return Flaw.SHORT if len(words(question)) < MIN_WORDS else None


def _reference(row: Row) -> Flaw | None:
    given = references(row)
    if not any(text.strip() for text in given):
        return Flaw.REFERENCE_MISSING
    tested = row.get("task") in TESTED_BY
    return Flaw.REFERENCE_LONG if not tested and max(map(len, given)) > MAX_REFERENCE_CHARACTERS else None


def _latex(row: Row) -> Flaw | None:
    return None if all(map(sound_latex, (row["question"], *_answers(row)))) else Flaw.BROKEN_LATEX


def _text(row: Row) -> Flaw | None:
    return Flaw.BROKEN_TEXT if any(map(CONTROL.search, (row["question"], *_answers(row)))) else None


def _answerable(row: Row) -> Flaw | None:
    question = row["question"]
    if LINKED.search(question):
        return Flaw.LINK
    if FIGURE_SHOWN.search(question) and "[asy]" not in question:
        return Flaw.FIGURE
    if row.get("task") in TESTED_BY:
        return None
    if PROVE.search(question):
        return Flaw.PROOF
    return Flaw.SEVERAL_QUESTIONS if any(parts.search(question) for parts in PARTS) else None


CHECKS: tuple[Callable[[Row], Flaw | None], ...] = (_length, _reference, _text, _latex, _answerable)


def sound_latex(text: str) -> bool:
    """Whether dollars, braces, \\left and \\right, and environments are in pairs. Prices are no formulas.

    >>> sound_latex("$5 is the price of $x$"), sound_latex("\\\\frac{1}{2"), sound_latex("Find $x")
    (True, False, False)
    """
    bare = ESCAPED.sub(" ", text)
    depth = 0
    for sign in bare:
        depth += (sign == "{") - (sign == "}")
        if depth < 0:
            return False
    # A half-open interval is written \left[ ... \right), so only their numbers can be compared.
    paired = len(COMMAND_LEFT.findall(text)) == len(COMMAND_RIGHT.findall(text))
    dollars = bare.count("$") % 2 == 0 or PRICE.sub(" ", bare).count("$") % 2 == 0
    return depth == 0 and paired and dollars and _environments(text)


def _environments(text: str) -> bool:
    open_: list[str] = []
    for kind, name in ENVIRONMENT.findall(text):
        if kind == "begin":
            open_.append(name)
        elif not open_ or open_.pop() != name:
            return False
    return not open_


def verified(client: Client, rows: Sequence[Row]) -> list[Flaw | None]:
    """For each row whether its references verify as the answers to themselves."""
    asked: list[int] = []
    items: list[dict[str, Any]] = []
    for at, row in enumerate(rows):
        for item in () if row.get("task") in TESTED_BY else _items(row):
            asked.append(at)
            items.append(item)
    rewards: dict[int, list[float | None]] = {}
    for at, result in zip(asked, client.verify(items) if items else [], strict=True):
        rewards.setdefault(at, []).append(result.reward)
    return [_reading(rewards.get(at)) for at in range(len(rows))]


def _reading(rewards: Sequence[float | None] | None) -> Flaw | None:
    """The first flaw of any reference; each was asked about bare, boxed and with an answer that is wrong."""
    for bare, box, wrong in zip(rewards[::3], rewards[1::3], rewards[2::3], strict=True) if rewards else ():
        if wrong != 0.0:
            return Flaw.REFERENCE_UNDECIDED
        if 1.0 not in (bare, box):
            return Flaw.REFERENCE_UNDECIDED if None in (bare, box) else Flaw.REFERENCE_REFUSED
    return None


def _items(row: Row) -> list[dict[str, Any]]:
    about: Row = {name: row[name] for name in ("task", "question", "options") if name in row}
    return [
        {**about, "reference": text, "response": response}
        for text in references(row)
        for response in (text, boxed(text), boxed(WRONG))
    ]


def _answers(row: Row) -> list[str]:
    return [] if row.get("task") in TESTED_BY else references(row)
