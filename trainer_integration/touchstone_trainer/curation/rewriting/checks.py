"""What a rewritten question must keep and must not show, whoever wrote it. The first reason counts."""

import re
from collections import Counter
from collections.abc import Callable

from touchstone_trainer.curation.rewriting.drafts import Draft, Reason
from touchstone_trainer.curation.rewriting.offered import in_text
from touchstone_trainer.curation.rewriting.values import numbers

_MENTIONED = re.compile(
    r"(?i)\bwhich (?:one )?of (?:the following|these)\b|\b(?:the|these|given|above|following) (?:options|choices|"
    r"alternatives)\b"
    r"|\boptions? [A-J]\b|\banswer choices?\b|\btrue or false\b|选项|下列|以下哪|对还是错|是否正确"
)
_LABEL = re.compile(r"(?:^|\s)(?:[(（][A-J][)）]|[A-J][.)．、])(?=\s|$)")
_PROOF = re.compile(r"(?i)\b(?:prove|show that)\b|证明")


def failed(draft: Draft) -> Reason | None:
    """Why the text cannot be used; None where nothing is wrong with it."""
    return next((reason for check in CHECKS if (reason := check(draft)) is not None), None)


def label_left(draft: Draft) -> Reason | None:
    """Options, or the label of one, are still there."""
    listed = in_text(draft.question)
    left = Counter(_LABEL.findall(draft.question)) - Counter(_LABEL.findall(draft.old))
    return Reason.LABEL_LEFT if left or (listed is not None and listed.certain) else None


def options_mentioned(draft: Draft) -> Reason | None:
    """The question speaks of options that are gone, or asks for true or false."""
    return Reason.OPTIONS_MENTIONED if _MENTIONED.search(draft.question) else None


def gold_leaked(draft: Draft) -> Reason | None:
    """A right answer stands in the question, and did not before."""
    for gold in draft.references:
        bare = gold.strip("$ ")
        part = re.compile(rf"(?<![\w.]){re.escape(bare)}(?![\w]|\.\d)", re.I)
        if part.search(draft.question) and not part.search(draft.old):
            return Reason.GOLD_LEAKED
    return None


def number_lost(draft: Draft) -> Reason | None:
    """A number of the old question is missing."""
    return Reason.NUMBER_LOST if Counter(numbers(draft.old)) - Counter(numbers(draft.question)) else None


def became_proof(draft: Draft) -> Reason | None:
    """The question now asks for a proof, which has no value."""
    return Reason.BECAME_PROOF if _PROOF.search(draft.question) and not _PROOF.search(draft.old) else None


CHECKS: tuple[Callable[[Draft], Reason | None], ...] = (
    label_left,
    options_mentioned,
    gold_leaked,
    number_lost,
    became_proof,
)
