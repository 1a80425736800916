"""Final answers behind words that announce them: "The answer is", "Answer:", "####", "<answer>", "答案是", "故选".

Rule 1: the last announcement with a value wins; "The answer is correct because ..." announces nothing.
Rule 2: somebody else's answer ("a common wrong answer is", "the reference answer is") is no announcement.
Rule 3: two different values announced close together, with no word of correction and no part labels, contradict;
        of answer tags any two texts that differ.
"""

import re
from itertools import pairwise
from typing import NamedTuple

from verifiers.math_answer.extraction.box import CORRECTION, NEAR_CHARS, PART_LABEL
from verifiers.math_answer.extraction.chain import run_result
from verifiers.math_answer.extraction.items import leading_items, together
from verifiers.math_answer.extraction.markup import clean, says_something, squeeze
from verifiers.math_answer.extraction.number import differ, same
from verifiers.math_answer.extraction.prose import (
    MAX_LEAD_CHARS,
    counterfactual,
    disowned,
    is_bare,
    sentences,
    without_aside,
)
from verifiers.math_answer.extraction.sentence import stated_value

MAX_ANCHORS = 24  # announcements looked at, from the end
MAX_VALUE_CHARS = 2_000  # of a line; formulas over several lines may be longer

_ANCHORS = ("answer", "####", "ans:", "ans.", "final result", "result:", "ответ", "respuesta", "réponse", "antwort")
_ANCHORS_ASCII = tuple(anchor for anchor in _ANCHORS if anchor.isascii())
_ANCHORS_CJK = ("答案", "答：", "答:", "故选", "应选", "所以选", "因此选", "最终结果", "答え", "解答：")

_BE = r"(?:is|are|was|will be|would be|should be|must be|comes out to(?: be)?|turns out to be|equals|becomes)\b"
_ANNOUNCEMENT = re.compile(
    r"(?:(?:answers?|ans|final result|result)\b\"?(?:[ \t]*\(?(?:[a-h]|[ivx]{1,3}|\d{1,2})\)?(?=[ \t*]*[:：]))?"
    r"(?: (?:to|for|of|in|on) [^.:：=\n]{0,100}?)??[ \t*_]{0,8}(?:(?:\([^()\n]{0,60}\)[ \t*_]{0,4})?[:：=→]+>?"
    r"| " + _BE + r"(?: (?:therefore|thus|then|simply|just|exactly|clearly|indeed|in fact|approximately|about|actually"
    r"|equal to))*[ \t*_]{0,4}[:：]?"
    r"|(?=[*_#\s]{0,8}\n))"
    r"|ans\.(?=\s)|####(?!#)"
    r"|(?:最终)?(?:答案|结果)(?:应该|应当|应|就|也|则|即)?[ \t*]{0,4}(?:是|为|等于|选"
    r"|[:：=])[ \t*]{0,4}(?:选项)?[:：]?|答案(?=[*#\s]{0,8}\n)"
    r"|解?答[：:]|(?:故|应|所以|因此)(?:本题)?选择?[：:]?|答え(?:は|[:：])"
    r"|(?:ответ|respuesta|réponse|antwort)(?: final)?\s{0,2}(?:[:：]|\b(?:es|est|ist|lautet)\b))",
    re.IGNORECASE,
)
_SOMEBODY_ELSES = re.compile(
    r"(?:\b(?:wrong|incorrect|common|reference|candidate\W{0,2}s?|student\W{0,2}s?|your|their|his|her|given|model"
    r"|other|another|previous|expected|naive"
    r"|tempting|possible|typical|gold|standard|sample|same|no|any|an?|whose|which|what|partial|intermediate|initial"
    r"|first|rough|popular|usual"
    r"|assistant|an?other|this|that|multiple|not the|submitted|claimed|official|true)|标准|参考"
    r"|错误|错误的|常见|学生|学生的|别人的|他的"
    r"|她的|易错|对方的)[\s*_\"]{0,4}\Z",
    re.IGNORECASE,
)
_TALK = re.compile(
    r"(?:correct|right|wrong|incorrect|obvious|clear|clearly|given|shown|below|above|as follows|as above|found"
    r"|derived|computed|obtained|verified"
    r"|consistent|not\b(?! (?:possible|determin|defined|enough|exist))|the same|in (?:the|terms)|based|because"
    r"|therefore correct|reasonable|accurate|complete"
    r"|confirmed|marked|equivalent|as required|what|that\s+(?:of|the)|easy|simple|straightforward|正确|对的|错误|如下"
    r"|显然)\b(?![:：]\s*\S)",
    re.IGNORECASE,
)
_UNIT_WORDS = re.compile(r"(?<=[\d})$%])(?:\s*(?:\\text\s*\{[^{}]{0,80}\}|[A-Za-z]{2,20}))+\Z")
_TAG_ANSWER = re.compile(r"answer[>\]]\s{0,8}", re.IGNORECASE)
_JSON_ANSWER = re.compile(r"answer\"\s*:\s*(?:\"([^\"\n]{1,2000})\"|([^,}\n]{1,2000}))", re.IGNORECASE)


class Announced(NamedTuple):
    """A value behind a marker: where it was announced, where its text begins and ends."""

    at: int
    begin: int
    end: int
    value: str
    how: str
    parts: tuple[str, ...] = ()


class Marked(NamedTuple):
    """What the markers of a response say."""

    answer: str | None
    how: str
    parts: tuple[str, ...]
    refusal: str | None
    end: int


def marked(text: str, question_text: str = "") -> Marked | None:
    """The final answer by markers, None where there is none with a value."""
    found: list[Announced] = []
    for at in _anchor_positions(text):
        announced = _announced(text, at, question_text)
        if announced is None or (found and announced.end > found[-1].at):
            continue
        found.append(announced)
        if len(found) > 8 or found[0].at - announced.at > 4 * NEAR_CHARS:
            break
    if not found:
        return None
    last = found[0]
    parts = [last.value]
    for later, earlier in pairwise(found):
        gap = text[earlier.end : later.at]
        if squeeze(earlier.value) == squeeze(later.value):
            continue
        if _labelled(text, later) and _labelled(text, earlier):
            parts.append(earlier.value)
            continue
        if (
            len(gap) <= NEAR_CHARS
            and (differ(earlier.value, later.value) or _two_tags(earlier, later))
            and not CORRECTION.search(gap)
            and not PART_LABEL.search(gap)
        ):
            return Marked(None, "marker", (), "contradicting finals", last.end)
        break
    return Marked(last.value, last.how, tuple(parts[::-1]) if len(parts) > 1 else last.parts, None, last.end)


def _two_tags(earlier: Announced, later: Announced) -> bool:
    """Whether both stand in answer tags and are two texts, not two values of named things or one with a unit."""
    if not earlier.how == later.how == "answer_tag" or same(earlier.value, later.value):
        return False
    values = [squeeze(_UNIT_WORDS.sub("", announced.value)) for announced in (earlier, later)]
    (name, _, first), (other, _, last) = (value.rpartition("=") for value in values)
    return first != last and (name == other or not (name and other))


def _labelled(text: str, announced: Announced) -> bool:
    """Whether a part label ("(a)", "Part 2") stands in the announcement or before it in its line."""
    line_start = text.rfind("\n", max(announced.at - 80, 0), announced.at)
    return PART_LABEL.search(text, max(line_start, announced.at - 80, 0), announced.begin) is not None


def _anchor_positions(text: str) -> list[int]:
    """Where a marker may stand, the last first."""
    lowered = text.lower()
    if len(lowered) != len(text):  # a few letters change length with their case
        lowered = text
    positions: set[int] = set()
    for anchor in _ANCHORS_ASCII if text.isascii() else (*_ANCHORS, *_ANCHORS_CJK):
        if anchor not in lowered:  # several times faster than a search from the end
            continue
        before = len(lowered)
        for _ in range(MAX_ANCHORS):
            before = lowered.rfind(anchor, 0, before)
            if before < 0:
                break
            positions.add(before)
    return sorted(positions, reverse=True)[:MAX_ANCHORS]


def _announced(text: str, at: int, question_text: str) -> Announced | None:
    if tag := _TAG_ANSWER.match(text, at):
        if text[at - 1 : at] not in ("<", "_", "["):
            return None
        end = text.find("</" if tag[0][6] == ">" else "[/", tag.end())
        end = len(text) if end < 0 else end
        return _value(text, at, tag.end(), end, "answer_tag", question_text)
    if field := _JSON_ANSWER.match(text, at):
        value = clean(field[1] or field[2])
        return Announced(at, field.start(), field.end(), value, "marker") if says_something(value) else None
    marker = _ANNOUNCEMENT.match(text, at)
    if marker is None or (at and text[at - 1].isalpha() and text[at - 1].isascii() and text[at].isascii()):
        return None
    if _SOMEBODY_ELSES.search(text, max(at - 24, 0), at):
        return None
    if disowned(text[max(at - MAX_LEAD_CHARS, 0) : at] + (" would " if " would be" in marker[0] else "")):
        return None
    if " would be" in marker[0] and counterfactual(text[at : _line_end(text, marker.end(), len(text))]):
        return None
    return _value(text, at, marker.end(), len(text), "marker", question_text)


def _value(text: str, at: int, start: int, limit: int, how: str, question_text: str) -> Announced | None:
    begin, end = value_span(text, start, limit)
    lines = text[begin : min(limit, begin + MAX_VALUE_CHARS)].split("\n")
    if len(items := leading_items(lines)) > 1 and (listed := together(items)):
        return Announced(
            at, begin, begin + sum(len(line) + 1 for line in lines[: len(items)]), ", ".join(listed), how, listed
        )
    raw = _NEXT_CASE.split(text[begin:end], maxsplit=1)[0]
    value = clean(raw)
    if not value or _TALK.match(value) or not says_something(value):
        return None
    first = (sentences(value) or [""])[0]
    end = begin + raw.find(first) + len(first) if first else end
    value = _claim(clean(first), question_text)
    if not value or not says_something(value) or value.endswith("?"):
        return None
    return Announced(at, begin, end, value, how)


def _claim(statement: str, question_text: str) -> str:
    """The value in what follows a marker: all of it, unless it is a clause around a value."""
    trimmed = _OF_THE.sub(r"\1", _shouted(without_aside(_REASON.sub("", statement))))
    if is_bare(trimmed) or (trimmed.isascii() and len(trimmed.split()) <= 2):
        return clean(run_result(trimmed, question_text))
    if _LEADING_NUMBER.match(trimmed) and "=" not in trimmed:
        return clean(trimmed)  # "21, give or take 5": the value stands first, and is not the 5
    stated = stated_value(trimmed, question_text).text
    return clean(stated) if stated and any(char.isdigit() for char in stated) else clean(trimmed)


_REASON = re.compile(
    r"(?:,?\s+(?:because|since|as (?:desired|required|claimed|needed|we|the|shown|expected)|which (?:is|are|means"
    r"|gives|we|matches)|so that|instead of|rather than|unlike)\b"
    r"|,? not\b(?! (?:exist|possible|defined))|,\s+(?:as|and (?:that|this|we|so))\b|，(?:因为|而不是|不是)).*\Z",
    re.IGNORECASE | re.DOTALL,
)


_LEADING_NUMBER = re.compile(r"(?:(?:about|around|approximately|roughly|exactly|just)\s+)?\$?-?\d")
_NEXT_CASE = re.compile(r"[;,]\s+(?:if|when|otherwise|but)\b", re.IGNORECASE)
_OF_THE = re.compile(r"\A(\$?-?\d[\d./]*%?\$?) of (?:the|a|an|his|her|their|its|all)\b.*\Z", re.DOTALL)
_SHOUT = re.compile(r"(?:1[3-9]|[2-9]\d|\d{3,}|\d\.\d+)!\Z")


def _shouted(value: str) -> str:
    """In plain prose "42!" is an exclamation; the factorial of a small number stays."""
    return value[:-1] if _SHOUT.search(value) and re.fullmatch(r"[-\d.,]+!", value) else value


_BLANK = re.compile(r"[\s:：*_#>]*")
_DISPLAY = re.compile(r"(?:\*\*|__)?\s*(\$\$|\\\[|```\w{0,10}\n|\\begin\{(?:align|equation|gather)\*?\})")
_DISPLAY_CLOSE = {"$$": "$$", "\\[": "\\]"}


def value_span(text: str, start: int, limit: int) -> tuple[int, int]:
    """Where the value behind a marker stands: the rest of the line, else the next display formula or line."""
    line_end = _line_end(text, start, limit)
    if not text[start:line_end].strip(" \t:：*_#"):
        start = _BLANK.match(text, start, limit).end()  # type: ignore[union-attr]  # matches the empty string
        line_end = _line_end(text, start, limit)
    if display := _DISPLAY.match(text, start, limit):
        closing = _DISPLAY_CLOSE.get(display[1], "\\end{" if display[1].startswith("\\begin") else "```")
        end = text.find(closing, display.end(), limit)
        return display.end(), end if end >= 0 else limit
    return start, min(line_end, start + MAX_VALUE_CHARS)


def _line_end(text: str, start: int, limit: int) -> int:
    end = text.find("\n", start, limit)
    return limit if end < 0 else end
