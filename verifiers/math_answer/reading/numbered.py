"""Answers to a question in parts: "(1) 3; (2) x > 5", "(a) 12 (b) 30", "①4②7".

Rule 1: the marks are of one kind and count from the first on; the first one opens the answer. Anything else is no
        numbering: `f(1)`, `(1, 2)`, "①③".
"""

import re

MAX_CHARS = 2_000
MAX_PARTS = 9

_CIRCLED = "①②③④⑤⑥⑦⑧⑨"
_ROMAN_SIGNS = "ⅠⅡⅢⅣⅤⅥⅦⅧⅨ"
_ROMAN = ("i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix")
_MARK = re.compile(
    rf"(?<![A-Za-z0-9\\}}\])(（^_])(?:\\text\s*\{{\s*)?(?:[(（]\s*(?P<plain>[1-9]|[a-i]|[ivx]{{1,4}}|[IVX]{{1,4}}|[{_ROMAN_SIGNS}])\s*[)）]"
    rf"|(?P<dotted>[1-9]|[a-i])[.)、](?=\s))\s*\}}?|(?P<circled>[{_CIRCLED}])"
)
_AROUND = re.compile(r"^[\s,;:.，；：。、]+|(?:[\s,;.，；。、]|\\quad|\\\\|\band\b)+$")


def numbered(text: str) -> tuple[str, ...] | None:
    """The texts of the parts, None where the answer is not in numbered parts.

    >>> numbered("(1) $a = 3$; (2) 5"), numbered("f(1) = 2")
    (('$a = 3$', '5'), None)
    """
    text = text.strip()
    if len(text) > MAX_CHARS or not (first := _MARK.match(text)) or (kind := _kind(first)) is None:
        return None
    marks = [first]
    for mark in _MARK.finditer(text, first.end()):
        if _place(mark, kind) == len(marks):
            marks.append(mark)
    if not 2 <= len(marks) <= MAX_PARTS:
        return None
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    parts = tuple(_AROUND.sub("", text[mark.end() : end]) for mark, end in zip(marks, ends, strict=True))
    return parts if all(any(char.isalnum() for char in part) for part in parts) else None


_ORDERS = ("123456789", "abcdefghi", _ROMAN, tuple(map(str.upper, _ROMAN)), _ROMAN_SIGNS, _CIRCLED)


def _label(mark: re.Match[str]) -> str:
    return mark["plain"] or mark["dotted"] or mark["circled"]


def _kind(mark: re.Match[str]) -> int | None:
    """The order that the first mark opens."""
    return next((k for k, order in enumerate(_ORDERS) if _label(mark) == order[0]), None)


def _place(mark: re.Match[str], kind: int) -> int | None:
    order = tuple(_ORDERS[kind])
    return order.index(_label(mark)) if _label(mark) in order else None
