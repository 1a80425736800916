"""One value of a structured answer against the value it should be, by a named comparison.

Rule 1: without a name values are compared as JSON has them: 1 is 1.0, but neither "1" nor true. A looser comparison
        is always asked for by the item.
Rule 2: a comparison says yes, no, or None where it cannot tell (only `math` may).
"""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

from verifiers import math_answer
from verifiers.normalisation import folded
from verifiers.problem import Problem
from verifiers.verdict import Outcome

Comparison = Callable[[Any, Any, float], bool | None]

_NUMBER = re.compile(r"[+-]?(?:\d{1,3}(?:,\d{3})+|\d{1,60})(?:\.\d{1,60})?(?:[eE][+-]?\d{1,3})?|[+-]?\.\d{1,60}")
RELATIVE = Fraction(1, 10**9)
"""Two doubles that print alike to nine digits are one number: 0.1 + 0.2 is 0.3."""


def exact(wanted: Any, given: Any, tol: float = 0.0) -> bool:
    """The same JSON value: types count, the order of keys does not.

    >>> exact({"a": 1}, {"a": 1.0}), exact(1, True), exact(1, "1")
    (True, False, False)
    """
    if isinstance(wanted, dict):
        if not isinstance(given, dict) or wanted.keys() != given.keys():
            return False
        return all(exact(value, given[key], tol) for key, value in wanted.items())
    if isinstance(wanted, list):
        if not isinstance(given, list) or len(wanted) != len(given):
            return False
        return all(exact(*pair, tol) for pair in zip(wanted, given, strict=True))
    if isinstance(wanted, bool) or isinstance(given, bool):
        return wanted is given
    if isinstance(wanted, int | float) and isinstance(given, int | float):
        return _near(Fraction(wanted), Fraction(given), tol)
    return type(wanted) is type(given) and bool(wanted == given)


def text(wanted: Any, given: Any, tol: float = 0.0) -> bool:
    """The same text but for case, width and spaces; inside lists and objects too.

    >>> text("New  York", "new york"), text(["A"], ["a"]), text("A", "a.")
    (True, True, False)
    """
    if isinstance(wanted, str) and isinstance(given, str):
        return wanted == given or folded(wanted) == folded(given)
    if isinstance(wanted, dict) and isinstance(given, dict):
        return wanted.keys() == given.keys() and all(text(value, given[key], tol) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(given, list):
        return len(wanted) == len(given) and all(text(*pair, tol) for pair in zip(wanted, given, strict=True))
    return exact(wanted, given, tol)


def number(wanted: Any, given: Any, tol: float = 0.0) -> bool:
    """The same number, written as a number or as a text, give or take `tol`.

    >>> number(1200, "1,200"), number(3.14, 3.1416, 0.01), number(3, "three")
    (True, True, False)
    """
    first, second = _fraction(wanted), _fraction(given)
    return first is not None and second is not None and _near(first, second, tol)


def maths(wanted: Any, given: Any, tol: float = 0.0) -> bool | None:
    """The same by the rules of the math task."""
    del tol
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return False
    verdict = math_answer.verify(Problem(str(given), (str(wanted),)))
    if verdict.outcome is Outcome.UNDECIDABLE:
        return None
    return verdict.outcome is Outcome.CORRECT


def same_set(wanted: Any, given: Any, tol: float = 0.0) -> bool:
    """Two lists with the same members, in any order, repetitions folded; texts as `text` has them.

    >>> same_set(["a", "B"], ["b", "A", "a"]), same_set([1], [1, 2])
    (True, False)
    """
    del tol
    if not isinstance(wanted, list) or not isinstance(given, list):
        return False
    return {_key(item) for item in wanted} == {_key(item) for item in given}


def ignore(wanted: Any, given: Any, tol: float = 0.0) -> bool:
    """Anything will do."""
    del wanted, given, tol
    return True


COMPARISONS: Mapping[str, Comparison] = {
    "exact": exact,
    "text": text,
    "number": number,
    "math": maths,
    "set": same_set,
    "ignore": ignore,
}


def check_comparison(name: object) -> str | None:
    """What is wrong with the name of a comparison."""
    if isinstance(name, str) and name in COMPARISONS:
        return None
    return f"no such comparison {name!r}; the known ones: {', '.join(COMPARISONS)}"


def _near(wanted: Fraction, given: Fraction, tol: float) -> bool:
    gap = abs(wanted - given)
    return gap <= Fraction(tol) or gap <= RELATIVE * min(abs(wanted), abs(given))


def _fraction(value: object) -> Fraction | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return Fraction(value)
    if isinstance(value, str) and len(value) <= 200 and _NUMBER.fullmatch(value.strip()):
        return Fraction(value.strip().replace(",", ""))
    return None


def _key(value: object) -> object:
    """A hashable that two members share when they are the same."""
    if isinstance(value, str):
        return folded(value)
    if isinstance(value, bool) or value is None:
        return (type(value), value)
    if isinstance(value, dict):
        return ("object", frozenset((key, _key(part)) for key, part in value.items()))
    if isinstance(value, list):
        return ("list", tuple(_key(part) for part in value))
    return ("number", value)
