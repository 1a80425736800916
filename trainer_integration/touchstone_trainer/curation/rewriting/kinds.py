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


def kind_of(row: Row) -> Kind:
    """What kind of question a row is."""
    given = references(row)
    choices, listed = in_columns(row), in_text(row["question"])
    options = choices or (listed.options if listed else None)
    stem = listed.stem if listed and options else row["question"].strip()
    if listed and listed.certain and not options:
        return Refusal(Reason.OPTIONS_UNCLEAR)
    if options:
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
