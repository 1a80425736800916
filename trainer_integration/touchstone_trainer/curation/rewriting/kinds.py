"""What kind of question a row is: open, multiple choice, answered by yes or no, or broken."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from touchstone_trainer.curation.rewriting import claims
from touchstone_trainer.curation.rewriting.acceptance import LABELS
from touchstone_trainer.curation.rewriting.drafts import Reason, Refusal
from touchstone_trainer.curation.rewriting.offered import Offered, gold_labels, in_columns, in_text
from touchstone_trainer.curation.rows import Row, references

CHOICE_TASK = "choice"


@dataclass(frozen=True)
class Claim:
    """A question that is answered by yes or no."""

    question: str
    holds: bool


Kind = Offered | Claim | Refusal | None
"""None: an open question."""


def kind_of(row: Row, index_from: int | None = None) -> Kind:
    """What kind of question a row is. `index_from`: references that are numbers count the options from there."""
    given = references(row)
    choices, listed = in_columns(row), in_text(row["question"])
    options = choices or (listed.options if listed else None)
    stem = listed.stem if listed and options else row["question"].strip()
    if listed and listed.certain and not options:
        return Refusal(Reason.OPTIONS_UNCLEAR)
    if options:
        if index_from is not None:
            given = [_by_index(text, options, index_from) for text in given]
        elif row.get("choices") and any(_ambiguous(text, options) for text in given):
            return Refusal(Reason.GOLD_AMBIGUOUS)
        gold = _gold(given, options)
        said = [claims.truth(text) for text in options.values()]
        if len(options) == 2 and set(said) == {True, False}:
            holds = claims.truth(options[gold[0]]) if len(gold) == 1 else None
            return Refusal(Reason.GOLD_NOT_AN_OPTION) if holds is None else Claim(stem, holds)
        if gold:
            return Offered(stem, options, gold)
        if choices or row.get("task") == CHOICE_TASK or (listed and listed.certain):
            return Refusal(Reason.GOLD_NOT_AN_OPTION)
    if len(given) == 1 and (holds := claims.truth(given[0])) is not None:
        return Claim(row["question"], holds)
    if row.get("task") == CHOICE_TASK or any(_letter(text) for text in given):
        return Refusal(Reason.OPTIONS_MISSING)
    return None


def _gold(given: Sequence[str], options: Mapping[str, str]) -> tuple[str, ...]:
    """The labels that the references name together; () where any of them names none."""
    named = [gold_labels(text, options) for text in given]
    return tuple(dict.fromkeys(label for labels in named for label in labels)) if all(named) else ()


def _letter(text: str) -> bool:
    bare = text.strip().strip("()（）.。 ")
    return len(bare) == 1 and bare in LABELS


def _by_index(text: str, options: Mapping[str, str], first: int) -> str:
    """The label at that place; the text itself where there is none."""
    at = int(text) - first if text.strip().isdecimal() else -1
    return list(options)[at] if 0 <= at < len(options) else text


def _ambiguous(text: str, options: Mapping[str, str]) -> bool:
    """Whether a number may be an option's text or its place, and these are not the same option."""
    if not text.strip().isdecimal() or not gold_labels(text, options):
        return False
    readings = {_by_index(text, options, first) for first in (0, 1)} - {text}
    return bool(readings - set(gold_labels(text, options)))
