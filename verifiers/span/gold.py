"""References of document questions: a text, a JSON array of spans, DROP's answer object, or "no answer".

Rule 1: one reference is one gold answer; several references are alternatives.
Rule 2: the empty reference means "no answer" in SQuAD's style only. Elsewhere it is a hole in the data.
"""

import json
import re
from typing import NamedTuple

MAX_REFERENCE_CHARS = 20_000
"""Longest gold answer: spans are sentences at most, and some lists run to hundreds of names."""

_NO_ANSWER = re.compile(
    r"(?:(?:the |this )?question (?:is|cannot be|can't be) )?(?:un ?answerable|answered)"
    r"|(?:there is )?no answer(?: (?:is )?(?:found|given|possible"
    r"|available|exists?|in the (?:passage|text|context|document|article|paragraph)))?"
    r"|(?:it |this |the answer |that )?(?:is )?(?:not|n't) (?:mentioned|stated|given|specified"
    r"|provided|answerable|in the (?:passage|text|context))"
    r"(?: in the (?:passage|text|context|document|article|paragraph))?"
    r"|(?:it |this |the question |the answer )?(?:can ?not|can't|could not) be (?:answered|determined|found|inferred)"
    r"(?: (?:from|by|based on|with|using|in) (?:the )?(?:given |provided |above )?(?:passage|text"
    r"|context|document|article|paragraph|information))?"
    r"|(?:the )?(?:given |provided |above )?(?:passage|text|context|document|article|paragraph)"
    r" (?:does not|doesn't|never)"
    r" (?:say|mention|state|specify|tell|provide|contain|give|answer|include|reveal|discuss)s?"
    r"(?: (?:the|this|that|any|an|enough|such) (?:answer|information|question|detail)s?"
    r"(?: to answer (?:the|this) question| about (?:it|this|that))?"
    r"| (?:who|what|when|where|which|why|how|whether)\b[^.;,!?]{0,120})?"
    r"|(?:there is )?(?:not enough|insufficient|no) information"
    r"(?: (?:is )?(?:given|provided|available))?(?: in the (?:passage|text|context|document|article|paragraph))?"
    r"(?: to (?:answer|determine)(?: (?:the|this) question| this| it)?)?|n/a"
    r"|(?:文中|文章|原文|材料)?(?:没有|未|无法|不能|并未)(?:提到|提及|说明|给出|回答|答案|确定|得知)|无答案|无法回答",
    re.IGNORECASE,
)
_DATE_PARTS = ("day", "month", "year")


class Gold(NamedTuple):
    """One gold answer: its spans, none where the question has no answer; `structured` when it was JSON."""

    spans: tuple[str, ...]
    structured: bool = False


def says_no_answer(text: str) -> bool:
    """Whether a text says that there is no answer.

    >>> says_no_answer("Unanswerable."), says_no_answer("The passage does not say."), says_no_answer("nobody")
    (True, True, False)
    """
    return _NO_ANSWER.fullmatch(text.strip(" .!。\"'*\n").replace("n’t", "n't")) is not None


def read(reference: str, style: str) -> Gold | None:
    """The gold answer of a reference, None where it cannot be read.

    >>> read('["Denver", "Oakland"]', "auto"), read('{"number": "3", "date": {}, "spans": []}', "auto")
    (Gold(spans=('Denver', 'Oakland'), structured=True), Gold(spans=('3',), structured=True))
    """
    text = reference.strip()
    if len(text) > MAX_REFERENCE_CHARS:
        return None
    if not text:
        return Gold(()) if style == "squad" else None
    if text[0] in "[{":
        try:
            return _from_json(json.loads(text))
        except (ValueError, RecursionError):
            return Gold((text,))
    return Gold(()) if says_no_answer(text) else Gold((text,))


def _from_json(value: object) -> Gold | None:
    if isinstance(value, list):
        if not all(isinstance(item, str | int | float) and str(item).strip() for item in value):
            return None
        return Gold(tuple(str(item) for item in value), structured=True) if value else None
    return _from_drop(value) if isinstance(value, dict) else None


def _from_drop(answer: dict[str, object]) -> Gold | None:
    """DROP's own object: the first of number, spans and date that is filled."""
    number, spans, date = answer.get("number"), answer.get("spans"), answer.get("date")
    if number not in (None, ""):
        return Gold((str(number),), structured=True)
    if isinstance(spans, list) and spans:
        return _from_json(spans)
    if isinstance(date, dict):
        parts = [str(date[part]).strip() for part in _DATE_PARTS if date.get(part)]
        return Gold((" ".join(parts),), structured=True) if any(parts) else None
    return None
