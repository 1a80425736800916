"""Words, sentences and paragraphs: how they are counted. Every count in the task goes through here.

word        a run of letters, digits and underscores (IFEval's own rule); a Chinese or Japanese character is a word
sentence    ends at . ! ? … 。 ！ ？ and closing quotes, before a space, a line end or a Chinese character; not after
            an abbreviation, an initial or inside a number. A text without any such end is one sentence. A new line
            alone ends none, as in the tokenizer that IFEval uses
paragraph   between the dividers that the instruction names: `***`, or an empty line
"""

import re

_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff]|(?:(?![\u3400-\u9fff\uf900-\ufaff\u3040-\u30ff])\w)+")
_TOKEN = re.compile(r"\w+(?:[-'’]\w+)*")
_END = re.compile(r"(?:[。！？]+|[.!?…]+)[\"'”’»)\]*_」』]{0,4}(?=\s|\Z|(?<=[。！？])|(?<=[。！？][”’」』]))")
_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof sr jr st vs etc e.g i.e fig no vol pp ca cf al inc ltd co corp dept est approx gen col capt lt "
    "sgt rev hon jan feb mar apr jun jul aug sep sept oct nov dec a.m p.m u.s u.k u.n ph.d".split()
)
_NEEDS_MORE = frozenset("etc a.m p.m u.s u.k u.n inc ltd co corp ph.d jr sr".split())
"""Abbreviations that do end a sentence when a capital letter follows."""

MAX_LIST_MARK_CHARS = 20
"""Before the number of a list item: indentation, quote marks, emphasis."""


def words(text: str) -> list[str]:
    """The words of a text.

    >>> len(words("It's 3.5 well-known words")), len(words("你好，world"))
    (7, 3)
    """
    return _WORD.findall(text)


def tokens(text: str) -> list[str]:
    """Words with their hyphens and apostrophes inside, as capital words are counted.

    >>> tokens("NASA's COVID-19 UNIT")
    ["NASA's", 'COVID-19', 'UNIT']
    """
    return _TOKEN.findall(text)


def count_sentences(text: str) -> int:
    """How many sentences a text has.

    >>> count_sentences('Dr. Smith paid $3.50. "Really?" he asked!'), count_sentences("你好。再见！")
    (2, 2)
    """
    count, start = 0, 0
    for end in _END.finditer(text):
        if _is_end(text, start, end):
            count += bool(re.search(r"\w", text[start : end.end()]))
            start = end.end()
    return count + bool(re.search(r"\w", text[start:]))


def _is_end(text: str, start: int, end: re.Match[str]) -> bool:
    following = text[end.end() : end.end() + 40].lstrip()
    if end[0] == ".":
        before = text[max(start, end.start() - 12) : end.start()].split()
        word = before[-1].lstrip("\"'“‘([*_").lower() if before else ""
        if word in _ABBREVIATIONS:
            return word in _NEEDS_MORE and (not following or following[0].isupper())
        if (len(word) == 1 and word.isalpha() and word != "i") or (word.isdigit() and _opens_line(text, end, word)):
            return False  # an initial, or the number of a list item
    return not following or not (end[0][-1] in "\"'”’»)" and following[0].islower())


def _opens_line(text: str, end: re.Match[str], word: str) -> bool:
    at = end.start() - len(word)
    before = text[max(0, at - MAX_LIST_MARK_CHARS) : at]
    if "\n" not in before and at > MAX_LIST_MARK_CHARS:
        return False
    return len(word) <= 3 and not before.rpartition("\n")[2].strip(" \t*_#>-")


def first_word(paragraph: str) -> str:
    """The first word in lower case, quotes before it dropped, up to the first mark behind it.

    >>> first_word('"Dogs, of course')
    'dogs'
    """
    start = paragraph.split(maxsplit=1)[0].lstrip("'\"“‘") if paragraph.strip() else ""
    return re.split(r"[.,?!'\"”’]", start, maxsplit=1)[0].lower()
