"""JSON out of a response: the last complete value that stands in the text, read as it is written.

Rule 1: nothing is repaired. A trailing comma, single quotes, a key written twice, NaN or a text cut short make the
        value unreadable, and the reason says which.
Rule 2: the last value of the wanted kind is the answer. Where that one is broken, an earlier one does
        not take its place.
Rule 3: one pass over the text: a value that was read, or that is broken, is never entered again.
"""

import json
import re
from math import isfinite
from typing import Any, NamedTuple

MAX_DEPTH = 64
"""Lists and objects inside each other. An answer has a handful; Python's own reader gives up near 1,000."""
MAX_DIGITS = 400
"""Of one whole number: more than a double can hold."""

MAX_VALUES = 5_000
"""Objects and lists in one text; a response of a million characters is otherwise read as 140,000 of them."""

_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_FENCE = re.compile(r"^[ \t]*(?:```+|~~~+)[^\n`]*$", re.MULTILINE)
_OBJECT = r"(?<!\\)\{(?=\s{0,200}[\"'])|(?<![\\\w}^_$])\{(?=\s{0,200}(?:\}|[A-Za-z_]\w{0,60}\s{0,20}:[\s\"']))"
_LIST = r"(?<![\\\w\])}])\[(?=\s{0,200}(?:[\[{\"'\]]|-?\d|true\b|false\b|null\b))"
_START = re.compile(f"{_OBJECT}|{_LIST}")


class NotJsonError(ValueError):
    """Why a text holds no readable JSON."""


class Found(NamedTuple):
    """A value and where it stands in the text. `flaw` says why a broken one cannot be read."""

    value: Any
    start: int
    end: int
    flaw: str | None = None


class _Flaws:
    """What the reader met that JSON does not allow or that we do not take, noted while reading goes on."""

    def __init__(self) -> None:
        self.first: str | None = None
        self.decoder = json.JSONDecoder(
            object_pairs_hook=self._object, parse_constant=self._constant, parse_int=self._int, parse_float=self._float
        )

    def _note(self, flaw: str) -> None:
        self.first = self.first or flaw

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1) if len(names) < 1_000 else "…"
            self._note(f"the key {twice[:80]!r} is there twice")
        return found

    def _constant(self, name: str) -> float:
        self._note(f"{name} is not a JSON number")
        return 0.0

    def _int(self, digits: str) -> int:
        if len(digits) <= MAX_DIGITS:
            return int(digits)
        self._note("a number is too long")
        return 0

    def _float(self, text: str) -> float:
        value = float(text) if len(text) <= MAX_DIGITS else float("inf")
        if isfinite(value):
            return value
        self._note("a number is too large")
        return 0.0


def read_json(text: str) -> Any:
    """The one value that a text is. Raises NotJsonError."""
    found = _read(text, len(text) - len(text.lstrip()))
    if text[found.end :].strip():
        raise NotJsonError("text follows the JSON value")
    return found.value


def last_json(text: str, wanted: type = dict) -> Found:
    """The last object (or list) in a text. Raises NotJsonError.

    >>> last_json('First {"a": 1}, rather:\\n```json\\n{"a": 2}\\n```').value
    {'a': 2}
    """
    opening, name = ("{", "object") if wanted is dict else ("[", "list")
    for found in json_values(text)[::-1]:
        if text[found.start] != opening:
            continue
        if found.flaw is not None:
            raise NotJsonError(f"the last JSON {name} cannot be read: {found.flaw}")
        return found
    raise NotJsonError(f"no JSON {name} in the response")


def json_values(text: str) -> list[Found]:
    """Every object and list that stands by itself, in order, broken ones too. Raises NotJsonError for too many."""
    found: list[Found] = []
    fences = [fence.start() for fence in _FENCE.finditer(text)] + [len(text)]
    at, fence = 0, 0
    while match := _START.search(text, at):
        start = match.start()
        if len(found) == MAX_VALUES:
            raise NotJsonError(f"more than {MAX_VALUES} JSON values")
        try:
            found.append(_read(text, start))
        except NotJsonError as error:
            while fences[fence] <= start:
                fence += 1
            found.append(Found(None, start, _extent(text, start, fences[fence]), str(error)))
        at = found[-1].end
    return found


def _read(text: str, start: int) -> Found:
    flaws = _Flaws()
    try:
        value, end = flaws.decoder.raw_decode(text, start)
    except json.JSONDecodeError as error:
        raise NotJsonError(_advice(text, error)) from None
    except RecursionError:
        raise NotJsonError("nested too deeply") from None
    if flaws.first is not None:
        raise NotJsonError(flaws.first)
    if _deeper_than(value, MAX_DEPTH):
        raise NotJsonError("nested too deeply")
    if _ESCAPED_SURROGATE.search(text, start, end) and not _is_unicode(value):
        raise NotJsonError("it holds half a surrogate pair, which is no text")
    return Found(value, start, end)


def _is_unicode(value: object) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _advice(text: str, error: json.JSONDecodeError) -> str:
    at = error.pos
    if at >= len(text.rstrip()):
        return "it is cut off"
    if text[at] == "'":
        return "single quotes are not JSON"
    # Python 3.13 points at the comma, those before it at the bracket.
    around = text[max(0, at - 40) : at].rstrip()[-1:] + text[at : at + 40]
    if re.match(r"[^,]?,\s*[}\]]", around):
        return "a comma before a closing bracket is not JSON"
    return f"{error.msg[:1].lower()}{error.msg[1:]} at line {error.lineno}, column {error.colno}"


_BRACKET_OR_TEXT = re.compile(r'[{}\[\]]|"(?:[^"\\\n]|\\.)*+"')


def _extent(text: str, start: int, limit: int) -> int:
    """Where a broken value ends: its closing bracket, or the end of its code block or text."""
    depth = 0
    for token in _BRACKET_OR_TEXT.finditer(text, start, limit):
        if token[0] in "{[":
            depth += 1
        elif token[0] in "}]":
            depth -= 1
            if depth <= 0:
                return token.end()
    return max(limit, start + 1)


def _deeper_than(value: object, limit: int) -> bool:
    pending = [(value, 1)]
    while pending:
        current, depth = pending.pop()
        parts = list(current.values()) if isinstance(current, dict) else current if isinstance(current, list) else []
        if parts and depth > limit:
            return True
        pending.extend((part, depth + 1) for part in parts if isinstance(part, dict | list))
    return False
