"""Two candidates side by side, always in both orders: for the finest distinctions, and never for position.

Rule 1: both orders of a pair are asked; unless both name the same candidate, the pair is a tie.
Rule 2: up to ALL_PAIRS candidates meet each other all; above, each meets its next two on a ring whose order is a
        digest of the texts, 2n comparisons in all.
Rule 3: the outcome is the share of comparisons won, ties half: relative to this group only. A pair with an unread
        order is left out; a candidate with no pair left has no score.
Rule 4: `sharpness` is the share of a candidate's pairs on which both orders agree.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

from grm.asking import Ask, Policy, Reading, Unread, Vote
from grm.backend import Reply
from grm.judgement import Case
from grm.protocols.fields import COMMENT_CHARS, OWN_ANSWER_CHARS, record, text
from grm.protocols.wording import DATA_RULE, opening, show_candidate, shown_texts, temperature
from grm.replies import read_json

PROMPT_VERSION = "pairwise-1"
DESCRIPTION = "Two responses side by side, always in both orders."
CANDIDATES = (2, 32)
ALL_PAIRS = 5
NAMES = ("A", "B")
TIE = "tie"
NO_WINNER = "order_disagreement"

SYSTEM = f"""\
You compare two responses to one question, A and B. The order in which they stand means nothing.

First own_answer: what a right and good answer must say, briefly. Then flaws_of_A and flaws_of_B: what each gets \
wrong or leaves out, measured against the question (and the rubric or reference where there is one). Then better: \
the one that does better what the question asks, or tie where neither does.
A right result outweighs everything else where the question has one. What was not asked for is a flaw. Length, \
polish, confidence and politeness earn nothing by themselves.

{DATA_RULE}
Reply with one JSON object with these fields, in their order, and nothing else."""

CLOSING = "Those were the responses. Compare them as described at the start. Reply with the JSON object only."

SCHEMA: Mapping[str, Any] = record(
    {
        "own_answer": text(OWN_ANSWER_CHARS),
        "flaws_of_A": text(2 * COMMENT_CHARS),
        "flaws_of_B": text(2 * COMMENT_CHARS),
        "better": {"type": "string", "enum": ["A", "B", TIE]},
    }
)


def asks(case: Case, so_far: Sequence[Reading], policy: Policy) -> tuple[Ask, ...]:
    """Both orders of every pair, once."""
    if so_far:
        return ()
    return tuple(
        _ask(case, order, swapped, policy)
        for one, other in pairs(case)
        for order, swapped in (((one, other), False), ((other, one), True))
    )


def pairs(case: Case) -> list[tuple[int, int]]:
    """Who meets whom."""
    count = len(case.candidates)
    if count <= ALL_PAIRS:
        return list(combinations(range(count), 2))
    ring = sorted(range(count), key=lambda index: digest(case, str(index), case.candidates[index].response))
    met = {tuple(sorted((ring[place], ring[(place + step) % count]))) for place in range(count) for step in (1, 2)}
    return sorted((one, other) for one, other in met)


def digest(case: Case, *parts: str) -> str:
    """A seed that depends on the content only, so that the same request is asked in the same way."""
    return hashlib.sha256("\0".join((case.question, *parts)).encode("utf-8", "surrogatepass")).hexdigest()


def read(case: Case, ask: Ask, reply: Reply, policy: Policy) -> Mapping[int, Vote] | Unread:
    """The winner of one order: 1 and 0, or a half each."""
    found = read_json(
        reply.text,
        SCHEMA,
        verdict=("better",),
        finish_reason=reply.finish_reason,
        shown=shown_texts(case, ask.shown),
    )
    if isinstance(found, Unread):
        return found
    better = found.value["better"]
    points = (0.5, 0.5) if better == TIE else (1.0, 0.0) if better == NAMES[0] else (0.0, 1.0)
    return {index: Vote(outcome=point) for index, point in zip(ask.shown, points, strict=True)}


def combine(case: Case, readings: Sequence[Reading], policy: Policy) -> Mapping[int, Sequence[Vote]]:
    """One vote per candidate: its share of the pairs whose two orders were read."""
    points: dict[int, list[float]] = {}
    agreed: dict[int, list[bool]] = {}
    for pair, both in _both_orders(readings).items():
        same = both[0] == both[1]
        for index in pair:
            points.setdefault(index, []).append(both[0][index] if same else 0.5)
            agreed.setdefault(index, []).append(same)
    return {
        index: [
            Vote(
                outcome=sum(mine) / len(mine),
                sharpness=sum(agreed[index]) / len(mine),
                flags=() if all(agreed[index]) else (NO_WINNER,),
            )
        ]
        for index, mine in points.items()
    }


def _both_orders(readings: Sequence[Reading]) -> dict[tuple[int, int], list[dict[int, float]]]:
    seen: dict[tuple[int, int], list[dict[int, float]]] = {}
    for reading in readings:
        if reading.votes:
            one, other = sorted(reading.ask.shown)
            said = {index: vote.outcome or 0.0 for index, vote in reading.votes.items()}
            seen.setdefault((one, other), []).append(said)
    return {pair: both for pair, both in seen.items() if len(both) == 2}


def _ask(case: Case, order: tuple[int, int], swapped: bool, policy: Policy) -> Ask:
    prompt = opening(case, policy)
    for name, index in zip(NAMES, order, strict=True):
        show_candidate(prompt, f"Response {name}", case.candidates[index], policy, with_reasoning=False)
    prompt.say(CLOSING)
    return Ask(
        order,
        prompt.messages(SYSTEM),
        0,
        policy.max_tokens,
        temperature(0, policy),
        policy.seed,
        schema=SCHEMA,
        names=NAMES,
        swapped=swapped,
    )
