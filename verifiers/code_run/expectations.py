"""Whether an output is the expected one. Pure, and only ever outside the sandbox.

lines    line by line, without trailing space and empty lines at the end; the default, as most judges do it
tokens   word by word, however they are spread over lines
float    word by word; numbers within a relative or absolute tolerance, whole numbers exactly
exact    every character
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from verifiers.code_run.options import Compare

_WHOLE: Final = re.compile(r"[+-]?\d{1,4000}")
_NUMBER: Final = re.compile(r"[+-]?(?:\d{1,400}(?:\.\d{0,400})?|\.\d{1,400})(?:[eE][+-]?\d{1,5})?")
MAX_DEPTH: Final = 450
"""Of a value that came out of a program; deeper than what its reader lets through."""


def same_text(expected: str, given: str, how: Compare, tolerance: float) -> bool:
    """Whether a program printed what it should.

    >>> same_text("1 2\\n", "1 2  \\n\\n", Compare.LINES, 0), same_text("0.333333", "0.33333334", Compare.FLOAT, 1e-6)
    (True, True)
    """
    match how:
        case Compare.EXACT:
            return expected == given
        case Compare.LINES:
            return _lines(expected) == _lines(given)
        case Compare.TOKENS:
            return expected.split() == given.split()
        case Compare.FLOAT:
            wanted, tokens = expected.split(), given.split()
            return len(wanted) == len(tokens) and all(
                _same_token(one, other, tolerance) for one, other in zip(wanted, tokens, strict=True)
            )


def _lines(text: str) -> list[str]:
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").split("\n")]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _same_token(expected: str, given: str, tolerance: float) -> bool:
    if expected == given:
        return True
    if _WHOLE.fullmatch(expected) and _WHOLE.fullmatch(given):
        return int(expected) == int(given)
    if _NUMBER.fullmatch(expected) and _NUMBER.fullmatch(given):
        return _close(float(expected), float(given), tolerance)
    return False


def _close(expected: float, given: float, tolerance: float) -> bool:
    # Infinite on either side: equal or not, never close.
    if expected == given:
        return True
    return abs(expected - given) <= tolerance * max(1.0, abs(expected)) and abs(given) != float("inf")


def same_value(expected: Any, given: Any, tolerance: float | None, depth: int = 0) -> bool:
    """Whether a function returned what it should. `expected` is JSON: a tuple counts as a list, and a key of a
    dictionary as its text; numbers as Python compares them, or within `tolerance`.

    >>> same_value([1, 2], (1, 2), None), same_value({"1": 2}, {1: 2}, None), same_value([1], {1}, None)
    (True, True, False)
    """
    if depth > MAX_DEPTH:
        return False
    if isinstance(expected, str) or isinstance(given, str):
        return isinstance(expected, str) and isinstance(given, str) and expected == given
    if isinstance(expected, Sequence):
        if not isinstance(given, (list, tuple)) or len(given) != len(expected):
            return False
        return all(same_value(one, other, tolerance, depth + 1) for one, other in zip(expected, given, strict=True))
    if isinstance(expected, Mapping):
        return _same_mapping(expected, given, tolerance, depth)
    if isinstance(expected, (int, float)) and isinstance(given, (int, float)):
        if expected == given:
            return True
        decimal = isinstance(expected, float) or isinstance(given, float)
        return tolerance is not None and decimal and _close(*_floats(expected, given), tolerance)
    return expected is None and given is None


def _floats(one: float, other: float) -> tuple[float, float]:
    try:
        return float(one), float(other)
    except OverflowError:
        return 0.0, float("inf")


def _same_mapping(expected: Mapping[str, Any], given: Any, tolerance: float | None, depth: int) -> bool:
    if not isinstance(given, dict) or len(given) != len(expected):
        return False
    plain = (str, int, float, bool, type(None))
    named = {_key(key): value for key, value in given.items() if isinstance(key, plain)}
    return len(named) == len(expected) and all(
        key in named and same_value(value, named[key], tolerance, depth + 1) for key, value in expected.items()
    )


def _key(key: Any) -> str:
    """A key as JSON writes it."""
    if key is None or isinstance(key, bool):
        return {None: "null", True: "true", False: "false"}[key]
    return str(key)
