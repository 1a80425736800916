"""The steps of one candidate, numbered: which is the first wrong one, and what is wrong with it.

Rule 1: the steps are ours: cut at blank lines, at lines, or at sentences, whichever gives steps.
Rule 2: a first wrong step k of n caps the process at (k - 1) / n: what follows from an error is not support.
Rule 3: "no wrong step" beside a list of errors, or a wrong step beside a perfect score, contradicts itself.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from grm.asking import Ask, Policy, Reading, Unread, Vote
from grm.backend import Reply
from grm.judgement import Candidate, Case, Reason
from grm.protocols import pointwise
from grm.protocols.fields import (
    COMMENT_CHARS,
    OWN_ANSWER_CHARS,
    SCORE,
    TOP_LOGPROBS,
    Digits,
    errors_schema,
    founded_share,
    read_errors,
    record,
    text,
)
from grm.protocols.wording import (
    DATA_RULE,
    EVIDENCE_RULE,
    SCALE_RULE,
    opening,
    response_text,
    shown_texts,
    temperature,
)
from grm.quotes import Quotable
from grm.replies import read_json
from grm.rubric import INVENTED
from grm.voting import differ

PROMPT_VERSION = "process-1"
DESCRIPTION = "Numbered steps: the first wrong one, and what is wrong."
CANDIDATES = (1, 64)
MAX_STEPS = 40
"""More steps than that are joined: judges lose count."""
STEP_CHARS = 1_500

SYSTEM = f"""\
You examine the steps of a solution, in order, one after the other. Each step must follow from the question, from \
known facts or from steps before it, and must bring the solution forward.

A step is wrong where it has a calculation error, does not follow, assumes what it should show, contradicts an \
earlier step, claims a check that is not carried out, forgets a case, misreads the question or says nothing. A \
right final result does not make its steps right, and a step that only repeats a wrong one is not the first wrong \
one. A style that you would not choose is no error.

Fields, in this order: own_answer: your own short solution. notes: what you found in going through. \
first_wrong_step: its number, or 0 where every step is sound. errors: the wrong steps, each with a quote; empty \
where every step is sound. process_score: how well the steps support the result. outcome_score, where asked for: \
9 for a right final result, 0 for a wrong one or none.

{EVIDENCE_RULE}

{SCALE_RULE}

{DATA_RULE}
Reply with one JSON object with the fields asked for, in their order, and nothing else."""

CLOSING = (
    "Those were the steps. Examine them as described at the start. Reply with the JSON object only, with these fields: "
)

_BLANK_LINES = re.compile(r"\n\s*\n")
_SENTENCES = re.compile(r"(?<=[.!?;])\s+(?=\S)|(?<=[。！？；])")


def split_steps(response: str) -> list[str]:
    """The steps of a solution, at most MAX_STEPS.

    >>> split_steps("Add: 2. Double: 4.")
    ['Add: 2.', 'Double: 4.']
    """
    pieces = [response]
    for cut in (_BLANK_LINES.split, str.splitlines, _SENTENCES.split):
        pieces = [piece.strip() for piece in cut(response) if piece.strip()]
        if len(pieces) > 1:
            break
    while len(pieces) > MAX_STEPS:
        pieces = ["\n".join(pieces[index : index + 2]) for index in range(0, len(pieces), 2)]
    return pieces


def asks(case: Case, so_far: Sequence[Reading], policy: Policy) -> tuple[Ask, ...]:
    """The first votes of every candidate at once, then one more for each that is still in dispute."""
    wanted: list[Ask] = []
    for index in range(len(case.candidates)):
        mine = [reading for reading in so_far if reading.ask.shown == (index,)]
        values = [reading.votes[index].process or 0.0 for reading in mine if index in reading.votes]
        if not mine:
            wanted += [_ask(case, index, vote, policy) for vote in range(policy.votes)]
        elif len(mine) < policy.max_votes and differ(values, policy.spread):
            wanted.append(_ask(case, index, len(mine), policy))
    return tuple(wanted)


def read(case: Case, ask: Ask, reply: Reply, policy: Policy) -> Mapping[int, Vote] | Unread:
    """The reply as one vote."""
    (index,) = ask.shown
    candidate = case.candidates[index]
    steps = split_steps(response_text(candidate))
    found = read_json(
        reply.text,
        _schema(candidate, len(steps)),
        verdict=("first_wrong_step", "process_score", "outcome_score"),
        finish_reason=reply.finish_reason,
        shown=shown_texts(case, ask.shown),
    )
    if isinstance(found, Unread):
        return found
    errors = read_errors(found.value["errors"], Quotable(response_text(candidate)))
    first, score = int(found.value["first_wrong_step"]), int(found.value["process_score"])
    if trouble := _contradiction(first, score, len(errors)):
        return Unread(Reason.CONTRADICTORY, trouble)
    digits = Digits(found, reply)
    process = digits.score("process_score")
    if first:
        process = min(process, (first - 1) / len(steps))
    outcome = digits.score("outcome_score") if "outcome_score" in found.value else None
    founded = founded_share((), errors)
    flags = (INVENTED,) if founded < 1.0 else ()
    sharpness = sum(digits.sharpness) / len(digits.sharpness) if digits.sharpness else None
    mass = min(digits.masses) if digits.masses else None
    return {index: Vote(outcome, process, (), errors, first or None, sharpness, mass, founded, flags)}


combine = pointwise.combine


def _contradiction(first: int, score: int, errors: int) -> str | None:
    if first == 0 and errors:
        return f"no wrong step, but {errors} errors"
    if first and score == SCORE["maximum"]:
        return f"step {first} is wrong, but the process is perfect"
    return None


def _ask(case: Case, index: int, vote: int, policy: Policy) -> Ask:
    candidate = case.candidates[index]
    steps = split_steps(response_text(candidate))
    schema = _schema(candidate, len(steps))
    prompt = opening(case, policy)
    numbered = "\n\n".join(f"Step {number}. {step}" for number, step in enumerate(steps, start=1))
    prompt.show("Steps of the solution", numbered, policy.max_response_chars)
    prompt.say(CLOSING + ", ".join(schema["properties"]) + ".")
    return Ask(
        (index,),
        prompt.messages(SYSTEM),
        vote,
        policy.max_tokens,
        temperature(vote, policy),
        policy.seed + vote,
        TOP_LOGPROBS,
        schema,
    )


def _schema(candidate: Candidate, steps: int) -> dict[str, Any]:
    members: dict[str, Any] = {
        "own_answer": text(OWN_ANSWER_CHARS),
        "notes": text(2 * COMMENT_CHARS),
        "first_wrong_step": {"type": "integer", "minimum": 0, "maximum": steps},
        "errors": errors_schema(steps),
        "process_score": SCORE,
    }
    if candidate.known_outcome is None:
        members["outcome_score"] = SCORE
    return record(members)
