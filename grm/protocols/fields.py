"""Pieces of the schemas that judges write, and how they become values."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from grm.asking import SCALE
from grm.backend import Reply
from grm.judgement import CriterionScore, ProcessError
from grm.quotes import Quotable, is_blank
from grm.replies import Found
from grm.voting import expected_digit

QUOTE_CHARS = 200
COMMENT_CHARS = 240
OWN_ANSWER_CHARS = 400
MAX_ERRORS = 6
TOP_LOGPROBS = 20
SCORE: Mapping[str, Any] = {"type": "integer", "minimum": 0, "maximum": SCALE}
ERROR_KINDS = (
    "calculation",
    "logic",
    "unsupported",
    "circular",
    "contradiction",
    "irrelevant",
    "missing_case",
    "misread_question",
)


def text(limit: int) -> dict[str, Any]:
    """A bounded text."""
    return {"type": "string", "maxLength": limit}


def record(members: Mapping[str, Any]) -> dict[str, Any]:
    """An object with exactly these members, in this order."""
    return {
        "type": "object",
        "properties": dict(members),
        "required": list(members),
        "additionalProperties": False,
    }


def errors_schema(steps: int = 0) -> dict[str, Any]:
    """A list of wrong steps; with `steps`, each says which step."""
    members: dict[str, Any] = {"step": {"type": "integer", "minimum": 1, "maximum": steps}} if steps else {}
    members |= {"quote": text(QUOTE_CHARS), "kind": {"type": "string", "enum": list(ERROR_KINDS)}}
    return {"type": "array", "maxItems": MAX_ERRORS, "items": record(members)}


def read_errors(items: Sequence[Mapping[str, Any]], response: Quotable) -> tuple[ProcessError, ...]:
    """The errors, each with its quote's place."""
    return tuple(
        ProcessError(item["kind"], item["quote"], response.find(item["quote"]), item.get("step")) for item in items
    )


def read_finding(name: str, item: Mapping[str, Any], response: Quotable) -> CriterionScore:
    """One criterion's score with its evidence."""
    quote = "" if is_blank(item["quote"]) else item["quote"]
    at = response.find(quote) if quote else None
    return CriterionScore(name, item["score"] / SCALE, quote, at, item.get("comment", ""))


def founded_share(criteria: Sequence[CriterionScore], errors: Sequence[ProcessError]) -> float:
    """Share of the quotes that are there; 1 where nothing is quoted."""
    places = [score.at for score in criteria if score.quote] + [error.at for error in errors if error.quote.strip()]
    return sum(place is not None for place in places) / len(places) if places else 1.0


class Digits:
    """The scores of a reply, finer than the digits written where the server gives probabilities."""

    def __init__(self, found: Found, reply: Reply) -> None:
        self._found = found
        self._reply = reply
        self.masses: list[float] = []
        self.sharpness: list[float] = []

    def score(self, name: str) -> float:
        """The member's score in [0, 1]: the expected digit, else the digit written."""
        written = float(self._found.value[name])
        read = self._expected(name, written)
        if read is None:
            return written / SCALE
        mean, mass, sharp = read
        self.masses.append(mass)
        self.sharpness.append(sharp)
        return mean / SCALE

    def _expected(self, name: str, written: float) -> tuple[float, float, float] | None:
        reply = self._reply
        if len(reply.tokens) != len(reply.top_logprobs) or not reply.tokens:
            return None
        places = list(re.finditer(rf'"{re.escape(name)}"\s*:\s*(\d)(?!\d|\.)', self._found.text))
        start = reply.text.rfind(self._found.text)
        if not places or start < 0 or float(places[-1][1]) != written:
            return None
        position = _token_at(reply, start + places[-1].start(1))
        if position is None:
            return None
        read = expected_digit(reply.top_logprobs[position])
        # Rounding to the digit written must be possible: a distribution elsewhere belongs to another token.
        return read if read is not None and read[1] > 0.0 else None


def _token_at(reply: Reply, place: int) -> int | None:
    """The position of the token that is the one character at `place`.

    Counted from the end: the tokens of other alphabets before it may not join to the text they print.
    """
    left = len(reply.text) - place
    for position in range(len(reply.tokens) - 1, -1, -1):
        token = reply.tokens[position]
        if token in ("<|im_end|>", "</s>", "<|endoftext|>", "<|eot_id|>", "<end_of_turn>"):
            continue
        left -= len(token)
        if left <= 0:
            return position if left == 0 and token.strip() == reply.text[place] else None
    return None
