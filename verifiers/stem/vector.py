r"""Vectors and lists of amounts: (3.0, -4.0) m/s, 3\hat{i} + 4\hat{j}, "v = 3 m/s, t = 2 s".

Rule 1: components are compared in order, each at the reference's written precision; a zero by its share of the whole.
Rule 2: labels, where both sides have all of them, give the order.
"""

import re
from dataclasses import replace
from fractions import Fraction

from verifiers.stem.quantity import Quantity, Tolerance, agree, amount, plain, same_dimension, stated
from verifiers.stem.units import Unit, read

MAX_TEXT_CHARS = 2_000
"""Longest text read as a vector or list: MAX_PARTS amounts with their units."""

MAX_PARTS = 24
"""Amounts in one answer."""

ZERO_SHARE = Fraction(1, 1000)
"""Of the largest component, up to which a component counts as zero."""

_BRACKETED = re.compile(
    r"(?:[^=]{0,40}=\s*)?(?:\(|\[|<|\\langle|⟨|\\begin\{[pb]matrix\})(.+?)(?:\)|\]|>|\\rangle|⟩|\\end\{[pb]matrix\})\s*([^()\[\]<>]*)"
)
_AXIS = (
    r"(?:\\(?:hat|vec|mathbf|boldsymbol|bm)\s*\{?\s*\\?(?:mathbf|math|boldsymbol)?\s*\{?\s*([ijkxyz])(?:math)?\s*\}?\s*\}?"
    r"|([ijk])(?![A-Za-z])|([ijkxyz])\u0302|([îĵ]))"
)
_TERM = re.compile(
    r"\s*([+-])?\s*\(?([\d.]+(?:\s*(?:e|×\s*10\^|\\times\s*10\^)\s*\{?[+-]?\d+\}?)?)?\s*\)?\s*" + _AXIS + r"\s*"
)
_HAT = re.compile(r"\\(?:hat|vec|mathbf|boldsymbol|bm)|\u0302|[îĵ]")
_AXES = {"i": 0, "x": 0, "î": 0, "j": 1, "y": 1, "ĵ": 1, "k": 2, "z": 2}
_CUT = re.compile(r"\s*(?:;|；|\n|\\\\|，|、|,(?!\d{3}(?!\d))|\band\b|和)\s*")
_LABEL = re.compile(r"\s*([A-Za-zΔα-ω\\][\w\\{}^']{0,20}(?:\([\w ]{1,12}\))?)\s*(?:=|≈|:)\s*(.+)", re.DOTALL)


def amounts(text: str) -> tuple[list[Quantity], tuple[str, ...]] | None:
    """The amounts of a vector or list with their labels; None for anything else.

    >>> [float(q.value) for q in amounts("(3.0, -4.0) m/s")[0]], amounts("5 m")
    ([3.0, -4.0], None)
    """
    if len(text) > MAX_TEXT_CHARS:
        return None
    text = plain(text)
    found = _unit_vectors(text) or _bracketed(text)
    if found is not None:
        return found, ()
    pieces = [piece for piece in _CUT.split(text) if piece]
    if not 2 <= len(pieces) <= MAX_PARTS:
        return None
    labels, values = [], []
    for piece in pieces:
        labelled = _LABEL.fullmatch(piece)
        one = stated(labelled[2] if labelled else piece)
        if one is None or len(one) != 1:
            return None
        labels.append(labelled[1] if labelled else "")
        values.append(one[0])
    return values, tuple(labels) if all(labels) and len(set(labels)) == len(labels) else ()


def _bracketed(text: str) -> list[Quantity] | None:
    whole = _BRACKETED.fullmatch(text)
    if whole is None:
        return None
    pieces = [piece.strip() for piece in re.split(r",(?!\d{3}(?!\d))|\\\\|;|，|&", whole[1])]
    unit = read(whole[2]) if whole[2].strip(" .") else None
    if not 2 <= len(pieces) <= MAX_PARTS or (whole[2].strip(" .") and unit is None):
        return None
    found = [amount(piece) for piece in pieces]
    if any(one is None or (one.unit is not None and unit is not None) for one in found):
        return None
    return [_in(one, unit) for one in found if one is not None]


def _in(one: Quantity, unit: Unit | None) -> Quantity:
    return one if unit is None else replace(one, unit=unit)


def _unit_vectors(text: str) -> list[Quantity] | None:
    """Components along i, j, k."""
    body = re.sub(r"\A[^=]{1,30}=\s*", "", text).strip()
    bracketed = re.fullmatch(r"\((.+)\)\s*(.*)", body)
    unit_text = ""
    if bracketed is not None:
        body, unit_text = bracketed[1], bracketed[2]
    components: dict[int, Quantity] = {}
    at = 0
    while at < len(body) and (term := _TERM.match(body, at)):
        figure = amount(f"{term[1] or ''}{term[2] or '1'}")
        axis = next((name for name in term.groups()[2:] if name), None)
        if figure is None or axis is None or _AXES[axis] in components or (components and not term[1]):
            return None
        components[_AXES[axis]] = figure
        at = term.end()
    unit_text = unit_text or body[at:]
    # "4.7 k" may be kilo: a lone component needs its hat.
    if not components or (len(components) == 1 and not _HAT.search(body)) or (bracketed is not None and at < len(body)):
        return None
    unit = read(unit_text) if unit_text.strip(" .") else None
    if unit_text.strip(" .") and unit is None:
        return None
    zero = Quantity(Fraction(0), unit, 1, 0, whole=False, exact=True)
    size = max(components) + 1
    return [_in(components.get(axis, zero), unit) for axis in range(max(size, 2))]


def agree_all(
    reference: tuple[list[Quantity], tuple[str, ...]],
    answer: tuple[list[Quantity], tuple[str, ...]],
    tolerance: Tolerance,
    *,
    bare_allowed: bool,
) -> bool:
    """Whether all components agree in order; a missing third one is zero."""
    wanted, given = list(reference[0]), list(answer[0])
    if reference[1] and answer[1] and set(reference[1]) == set(answer[1]):
        given = [given[answer[1].index(label)] for label in reference[1]]
    while len(wanted) < len(given) and given[-1].value == 0:
        given.pop()
    while len(given) < len(wanted) and wanted[-1].value == 0:
        wanted.pop()
    if len(wanted) != len(given):
        return False
    largest = max((abs(one.si()) for one in wanted), default=Fraction(0))
    return all(
        _agree(first, second, tolerance, largest, bare_allowed) for first, second in zip(wanted, given, strict=True)
    )


def _agree(reference: Quantity, answer: Quantity, tolerance: Tolerance, largest: Fraction, bare_allowed: bool) -> bool:
    if reference.unit is not None and answer.unit is None and reference.unit.dimension and not bare_allowed:
        return False
    bare = reference.unit is None or answer.unit is None
    if not bare and not same_dimension(reference, answer):
        return False
    if bare:
        reference = Quantity(reference.value, None, reference.digits, reference.place, False, reference.trailing)
        answer = Quantity(answer.value, None, answer.digits, answer.place, False, answer.trailing)
    if reference.value == 0:
        return abs(answer.si()) <= ZERO_SHARE * largest
    return agree(reference, answer, tolerance)
