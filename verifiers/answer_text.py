"""Where a response states an answer in words: its box, else what it announces, else nothing.

Rule 1: only the final section is searched, never thinking, comments, struck-out text or talk to a grader.
Rule 2: two different finals contradict; an alternative offered beside or behind the final is a hedge. Neither is
        ever rewarded, and each task says so by INCORRECT.
Rule 3: what a response without box and announcement means is the task's own business: `final` is there to read.
"""

import re
from typing import NamedTuple

from verifiers.math_answer.extraction.box import CORRECTION, NEAR_CHARS, PART_LABEL, last_box
from verifiers.math_answer.extraction.marker import Marked, marked
from verifiers.math_answer.extraction.markup import says_something, squeeze
from verifiers.math_answer.extraction.section import final_section
from verifiers.normalisation import worded

MAX_RESPONSE_CHARS = 1_000_000
"""Longer responses are refused: far above any context window's answer."""

MAX_TAIL_CHARS = 400
"""Of the text behind an answer that is searched for alternatives."""

_OTHERWISE = re.compile(
    r"[\s.,;:)\]}$*。，；]*(?:(?:or|alternatively|maybe|perhaps|possibly|otherwise)\b"
    r"|(?:but |and |though |although )?(?:it|this|that|the answer|another(?: possible)? answer)"
    r" (?:could|might|may|can)(?: also| well| possibly| instead)* be\b|another (?:possible |valid )?answer\b"
    r"|no[,.!:](?! because)|(?:oops|sorry|correction|scratch that|actually,? (?:no|it'?s|it is|the answer))\b"
    r"|或者?|也可能|也许|可能是|要么)",
    re.IGNORECASE,
)
_ANSWER_TAG = re.compile(r"<answer>([^<]{1,2000})</answer>")
_STOPPED = re.compile(r"[.!;\n。！；]")
_ALTERNATIVE = re.compile(
    r"\b(?:or|either|maybe|perhaps|possibly|one of|any of|and/or)\b|或|要么|可能|也许", re.IGNORECASE
)


class Found(NamedTuple):
    """`text` is the answer as written, None where none is announced. `how` names what found it, `refusal` says why
    nothing may be rewarded, `contradicting` that the response itself disagrees. `final` is the text searched.
    """

    text: str | None
    how: str
    final: str
    parts: tuple[str, ...] = ()
    refusal: str | None = None
    contradicting: bool = False


def searched(response: str, question: str | None) -> Found:
    """The final section, without the question where the response repeats it."""
    if len(response) > MAX_RESPONSE_CHARS:
        return Found(None, "nothing", "", refusal="response too long")
    section = final_section(response, question)
    if section.refusal is not None:
        return Found(None, "nothing", "", refusal=section.refusal)
    text = section.text.strip()
    asked = (question or "").strip()
    if len(asked) >= 4 and asked in text:
        text = text.replace(asked, " ", 1).strip()
    if not says_something(text):
        return Found(None, "nothing", text, refusal="no answer")
    return Found(None, "nothing", text)


def announced(response: str, question: str | None = None) -> Found:
    r"""The answer in a box or behind an announcement.

    >>> announced("So the answer is Paris, because it is the seat.").text
    'Paris'
    >>> announced("The answer is Paris. Or London.").contradicting
    True
    """
    found = searched(response, question)
    if found.refusal is not None:
        return found
    text, asked = found.final, squeeze(question or "")
    tagged = list(_ANSWER_TAG.finditer(text))[-2:] if "<answer>" in text else []
    differ = len(tagged) > 1 and worded(tagged[0][1]) != worded(tagged[1][1])
    if differ and not corrected(text[tagged[0].end() : tagged[1].start()]):
        return _refused(found, "tag", "contradicting finals")
    box = last_box(text, question)
    if box is not None:
        if box.answer is None:
            return _refused(found, "box", box.refusal or "no answer")
        if _disagrees(box.answer, text[box.end :], asked):
            return _refused(found, "box", "contradicting finals")
        return found._replace(text=box.answer, how="box", parts=box.parts)
    marker = marked(text, asked)
    if marker is None:
        return found
    if marker.answer is None:
        return _refused(found, "marker", marker.refusal or "no answer")
    if _OTHERWISE.match(text[marker.end : marker.end + MAX_TAIL_CHARS]) or _said_otherwise(marker, text, asked):
        return _refused(found, "marker", "contradicting finals")
    return found._replace(text=marker.answer, how=marker.how, parts=marker.parts)


def _refused(found: Found, how: str, why: str) -> Found:
    return found._replace(text=None, how=how, refusal=why, contradicting=why == "contradicting finals")


def _disagrees(answer: str, tail: str, asked: str) -> bool:
    """Whether the text behind a box offers or announces something else."""
    if _OTHERWISE.match(tail[:MAX_TAIL_CHARS]):
        return True
    again = marked(tail, asked) if len(tail) > 8 else None
    return again is not None and (again.answer is None or worded(again.answer) != worded(answer))


def _said_otherwise(marker: Marked, text: str, asked: str) -> bool:
    """Whether another answer is announced shortly before, with no word of correction and no part labels."""
    at = text.rfind(str(marker.answer), 0, marker.end)
    if at < 0 or marker.parts:
        return False
    before = text[max(at - NEAR_CHARS, 0) : at]
    earlier = marked(before, asked)
    if earlier is None or earlier.answer is None:
        return False
    gap = before[max(earlier.end - 1, 0) :]
    # Without an end between them, the earlier one is the lead of this announcement itself.
    if not _STOPPED.search(gap) or CORRECTION.search(gap) or PART_LABEL.search(before):
        return False
    first, last = set(worded(earlier.answer).split()), set(worded(str(marker.answer)).split())
    return not (first <= last or last <= first)


def hedges(answer: str, reference: str) -> bool:
    """Whether an answer offers alternatives in words that the reference does not use itself.

    >>> hedges("Paris or London", "Paris"), hedges("to be or not to be", "To be, or not to be")
    (True, False)
    """
    said = {word.lower() for word in _ALTERNATIVE.findall(answer)}
    return bool(said - {word.lower() for word in _ALTERNATIVE.findall(reference)})


def corrected(text: str) -> bool:
    """Whether a word of correction stands between two answers."""
    return CORRECTION.search(text) is not None
