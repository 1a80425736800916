"""The spans that a response answers with.

Rule 1: the answer is the box, else what is announced, else a first line by itself, else the last statement: what it
        quotes or prints bold, else what follows its "is", else all of it.
Rule 2: exactly one reading is scored, never the best of several, and its length is bounded: writing the whole
        passage earns nothing.
Rule 3: an answer is cut into spans only where the gold answer has several.
"""

import json
import re

from verifiers.answer_text import Found
from verifiers.math_answer.extraction.markup import clean, says_something
from verifiers.math_answer.extraction.prose import sentences
from verifiers.normalisation import unmarked
from verifiers.span.gold import says_no_answer

MAX_FIRST_LINE_WORDS = 12
"""Words of a first line that is an answer by itself, with an explanation below it."""

MIN_SENTENCE_WORDS = 3
"""Of a text from which the question's words are cut: two words are an answer."""

MAX_ITEM_WORDS = 4
"""Words of a line that is an item among lines, all as short."""

MAX_SENTENCE_CHARS = 1_000
"""Longest closing statement that is looked into."""

_QUOTED = re.compile(r"\"([^\"\n]{1,300})\"|“([^”\n]{1,300})”|「([^」\n]{1,300})」|\*\*([^*\n]{1,300})\*\*")
_COPULA = re.compile(
    r"\b(?:is|are|was|were|has been|have been|will be|equals?)\b(?:\s+(?:called|named|known as|about"
    r"|approximately|actually|indeed|therefore|likely|simply))*[:\s]\s*"
    r"|[:：]\s+|应该是|就是|是|为(?!了|什么)|[:：](?=[\u4e00-\u9fff])",
    re.IGNORECASE,
)
_PREPOSITION = re.compile(
    r"(?:in|on|at|by|from|during)\s+(?=\d{3,4}\b|(?:January|February|March|April|May|June|July|August|September|October|November|December)\b)",
    re.IGNORECASE,
)
_DATE_AT_END = re.compile(
    r"\s(?:in|on|at|by|from|during|since)\s+((?:\d{1,2}(?:st|nd|rd|th)?\s+)?(?:(?:January|February|March|April|May|June|July|August|September|October"
    r"|November|December)\s*(?:\d{1,2}(?:st|nd|rd|th)?)?,?\s*)?(?:\d{4})?)\Z",
    re.IGNORECASE,
)
_DATE_AT_END_HAN = re.compile(r"[于在](\d{1,4}年(?:\d{1,2}月(?:\d{1,2}[日号])?)?)\Z")
_SUM = re.compile(r"[\d\s+*/×÷().,$€£%-]+=\s*([-$€£]?[\d.,]+%?(?:\s+[a-z]+)?)\Z")
_LEAD = re.compile(
    r"(?:(?:so|thus|hence|therefore|in conclusion|overall|finally|answer"
    r"|according to (?:the )?(?:passage|text|article|context|document))\b[,:]?\s*"
    r"|(?:因此|所以|综上所述|答|根据(?:文章|原文|材料))[,，:：]?\s*)+",
    re.IGNORECASE,
)
_REASON = re.compile(
    r"(?:,?\s+\b(?:because|since|as (?:stated|mentioned|described|the passage|it)|according to"
    r"|which (?:is|was|means)|based on|and not|not|rather than|instead of)\b|,?\s*（|，(?:因为|根据|正如)).*\Z",
    re.IGNORECASE | re.DOTALL,
)
_YES_OR_NO = re.compile(r"\W{0,3}(yes|no)\b\W{0,2}[,.;!:–—]", re.IGNORECASE)
_ASKS_YES_OR_NO = re.compile(
    r"\s*(?:is|are|was|were|do|does|did|has|have|had|can|could|will|would|should|may|might|must)\b", re.IGNORECASE
)
_WORDS = re.compile(r"[^\W_]+")
_NEGATED = re.compile(r"\b(?:not|never|no|nothing|nobody|neither|nor|without|unlike|rather)\b|n['’]t\b", re.IGNORECASE)
_SMALL = frozenset("it he she they we this that the a an was is were are been be by to did had has".split())
_BULLET = re.compile(r"\s*(?:[-*•]\s+|\d{1,2}[.)、]\s*)")
_STRONG = re.compile(r"\s*(?:;|；|、|，|\n|(?<!\d),|,(?!\d{3}(?!\d)))\s*(?:and\s+|和)?")
_SEPARATOR = re.compile(r"\s*(?:,?\s*\band\b\s+|;|；|、|，|\n|(?<!\d),|,(?!\d{3}(?!\d))|\s+&\s+|以及|和|与)\s*")


def answer_text(found: Found, question: str | None = None) -> str | None:
    """The answer as one text, None where the response gives none.

    >>> answer_text(Found(None, "nothing", "The winner of the match was Denver, because it scored twice."))
    'Denver'
    """
    if found.how == "box" and found.text is not None:
        return _without_reason(unmarked(found.text))
    closing = [sentence for line in found.final.split("\n")[-2:] for sentence in sentences(line)]
    if closing and says_no_answer(closing[-1]):
        return closing[-1]
    if found.text is not None:
        return _without_reason(unmarked(found.text))
    lines = [line.strip() for line in found.final.split("\n") if line.strip()]
    if not lines:
        return None
    if all(_BULLET.match(line) for line in lines[-2:]) and len(lines) > 1:
        return "\n".join(_items_at_end(lines))
    if len(lines) > 1 and all(len(line.split()) <= MAX_ITEM_WORDS and not _COPULA.search(line) for line in lines):
        return "\n".join(map(clean, lines))
    first = clean(lines[0])
    alone = len(lines) > 1 and len(first.split()) <= MAX_FIRST_LINE_WORDS and len(first) <= 100
    if alone and not _COPULA.search(first) and not lines[0].rstrip("*").endswith((":", "：", "?", "？")):
        return _without_reason(first)
    last = (sentences(lines[-1]) or [""])[-1]
    if len(last) > MAX_SENTENCE_CHARS:
        return last
    return _polar(last, question) or _stated(last, question)


def _items_at_end(lines: list[str]) -> list[str]:
    items: list[str] = []
    for line in reversed(lines):
        mark = _BULLET.match(line)
        if mark is None:
            break
        items.append(clean(line[mark.end() :]))
    return items[::-1]


def _polar(sentence: str, question: str | None) -> str | None:
    """Yes or no at the head of an answer to a question that asks for it."""
    said = _YES_OR_NO.match(sentence) if question and _ASKS_YES_OR_NO.match(question.rpartition("\n")[2]) else None
    return said[1] if said and not re.search(r"\b(?:yes|no)\b", sentence[said.end() :], re.IGNORECASE) else None


def _beyond(question: str | None, body: str) -> str:
    """A sentence without the words of the question that begin or end it: "It was discovered by Newton"."""
    asked = {word[:5] for word in _WORDS.findall((question or "").casefold())}
    words = body.split()
    known = [_repeats(word, asked) for word in words]
    if len(words) < MIN_SENTENCE_WORDS or _NEGATED.search(body):
        return body
    start = next((place for place, one in enumerate(known) if one is None), 0)
    stop = len(words) - next((place for place, one in enumerate(known[::-1]) if one is None), 0)
    lead, tail = known[:start], known[stop:]
    start, stop = start if True in lead else 0, stop if tail and tail[0] and start == 0 else len(words)
    return " ".join(words[start:stop])


def _repeats(word: str, asked: set[str]) -> bool | None:
    """Whether a word is of the question; False for a small word that may stand beside, None for a new one."""
    bare = "".join(_WORDS.findall(word.casefold()))
    if bare in _SMALL:
        return False
    return True if bare[:5] in asked or (len(bare) > 4 and bare[:4] in {one[:4] for one in asked}) else None


def _stated(sentence: str, question: str | None = None) -> str | None:
    body = _LEAD.sub("", clean(sentence), count=1).strip()
    quotes = [next(filter(None, quote.groups())) for quote in _QUOTED.finditer(sentence)]
    if len(quotes) == 1:
        return clean(quotes[0])
    body = _without_reason(body)
    if (total := _SUM.match(body)) is not None:
        return total[1]
    copula = _COPULA.search(body)
    dated = _DATE_AT_END.search(body) or _DATE_AT_END_HAN.search(body)
    if dated is not None:
        return dated[1]
    stated = clean(body[copula.end() :]) if copula else ""
    answer = stated if says_something(stated) else body
    answer = clean(_beyond(question, answer))
    return answer if says_something(answer) else None


def _without_reason(text: str) -> str:
    trimmed = clean(_REASON.sub("", text))
    dated = _PREPOSITION.sub("", trimmed, count=1) if _PREPOSITION.match(trimmed) else trimmed
    return dated or text


def spans(text: str, parts: tuple[str, ...], wanted: int) -> tuple[str, ...]:
    """The answer's spans: one, unless the gold answer has several or the answer is a JSON array.

    >>> spans("Denver, Oakland and Dallas", (), 3), spans("Serbia, Bosnia and Herzegovina", (), 2)
    (('Denver', 'Oakland', 'Dallas'), ('Serbia', 'Bosnia and Herzegovina'))
    """
    if text[:1] == "[":
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            value = None
        if isinstance(value, list) and value:
            return tuple(item if isinstance(item, str) else json.dumps(item) for item in value)
    if wanted < 2:
        return (text,)
    if len(parts) > 1:
        return tuple(clean(part) for part in parts)
    strong = [clean(item) for item in _STRONG.split(text)]
    pieces = strong if len(strong) == wanted else _SEPARATOR.split(text)
    return tuple(piece for item in pieces if (piece := clean(item)))
