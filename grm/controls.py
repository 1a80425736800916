"""Questions whose right answer is known to be no: does this judge still compare, or does it say yes to anything?

Rule 1: the empty control shows no answer at all; a judge that accepts it accepts anything for this question.
Rule 2: the wrong-reference control shows an accepted response beside a reference that was made wrong; a judge
        that still accepts it does not compare.
Rule 3: a control that could not be asked says nothing: it is UNTOLD, and fails nobody.
Rule 4: pure. Who asks, caches and samples lives elsewhere; `key` and `sampled` say by what.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from enum import StrEnum

from grm.asking import Policy
from grm.judgement import Candidate, Case, Judgement, Reason, Status

EMPTY_RESPONSE = "(no answer was given)"
"""Not the empty string: some templates drop an empty turn, and the model would judge the question itself."""
ACCEPTED_FROM = 0.5
"""A reward of at least this counts as accepted."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


class ControlKind(StrEnum):
    """Which control it is."""

    EMPTY = "empty_response"
    WRONG_REFERENCE = "wrong_reference"


class ControlOutcome(StrEnum):
    """HELD: the judge said no, as it must. FAILED: it accepted. UNTOLD: it could not be asked or read."""

    HELD = "held"
    FAILED = "failed"
    UNTOLD = "untold"


@dataclass(frozen=True, slots=True)
class Control:
    """A case to judge with `policy_for_controls`, whose one candidate must not be accepted."""

    kind: ControlKind
    case: Case


def empty_control(case: Case) -> Control:
    """The same question and reference, with nothing for an answer."""
    nobody = Candidate("control", EMPTY_RESPONSE, answer=EMPTY_RESPONSE)
    return Control(ControlKind.EMPTY, replace(case, candidates=(nobody,)))


def wrong_reference_control(case: Case, accepted: Candidate) -> Control | None:
    """The accepted response beside a wrong reference; None where there is no reference, or no safe way to spoil it."""
    spoiled = None if case.reference is None else spoil(case.reference)
    if spoiled is None:
        return None
    alone = replace(accepted, known_outcome=None)
    return Control(ControlKind.WRONG_REFERENCE, replace(case, reference=spoiled, alternatives=(), candidates=(alone,)))


def spoil(reference: str) -> str | None:
    """A reference that is surely another result, or None.

    Its last number is made another one; an option letter becomes the next. Words are left alone: there is no telling
    what is surely wrong.

    >>> spoil("\\\\frac{3}{8}"), spoil("C"), spoil("Canberra")
    ('\\\\frac{3}{17}', 'D', None)
    """
    letter = re.fullmatch(r"\(?([A-H])\)?\.?", reference.strip())
    if letter:
        return reference.replace(letter[1], chr(ord(letter[1]) + 1))
    numbers = list(_NUMBER.finditer(reference))
    if not numbers:
        return None
    last = numbers[-1]
    # Twice the number and one: never the same value, nor a rounding of it, whatever the unit.
    spoiled = str(2 * int(last[0]) + 1) if last[0].isdigit() else f"{2 * float(last[0]) + 1:g}"
    return reference[: last.start()] + spoiled + reference[last.end() :]


def policy_for_controls(policy: Policy) -> Policy:
    """One vote, and no gate: the control must reach the model."""
    return replace(policy, votes=1, max_votes=1, gate=False)


def outcome(judgement: Judgement) -> ControlOutcome:
    """How a control came out."""
    if judgement.status is not Status.SCORED or judgement.reward is None:
        return ControlOutcome.UNTOLD
    return ControlOutcome.FAILED if judgement.reward >= ACCEPTED_FROM else ControlOutcome.HELD


def after_failure(judgement: Judgement, kind: ControlKind) -> Judgement:
    """The judgement without its reward: its judge does not tell right from wrong here. A rejection stands."""
    if judgement.status is not Status.SCORED:
        return judgement
    detail = f"the {kind.value} control was accepted: this judge does not tell right from wrong here"
    return replace(judgement, status=Status.UNSCORED, reward=None, reason=Reason.CONTROL_FAILED, detail=detail)


def key(case: Case, protocol: str, prompt_version: str, model: str) -> str:
    """What an empty control's result may be cached by: question, reference, rubric, judge. Not the candidates."""
    rubric = "\1".join(f"{one.kind}\2{one.weight}\2{one.text}" for one in case.rubric)
    parts = (case.question, "\1".join(case.references) or "\0none", rubric, case.task, protocol, prompt_version, model)
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def sampled(case: Case, accepted: Candidate, share: float) -> bool:
    """Whether this accepted response is in the sample: decided by its content, so the same one always is."""
    digest = hashlib.sha256(f"{case.question}\0{accepted.response}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64
