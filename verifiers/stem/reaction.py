r"""Reaction equations: balanced, the same species on each side, up to one factor.

Rule 1: species on a side have no order; states, conditions over the arrow, precipitate and gas arrows are left out.
Rule 2: every element and the charge balance, or the nucleons and the atomic numbers where isotopes are written.
        A reference that does not balance is a fault in the data, an answer that does not is incorrect.
Rule 3: the direction counts: the reverse reaction is another one. `=` is an arrow where chemistry is balanced on it.
"""

import re
from fractions import Fraction
from functools import lru_cache
from math import gcd, lcm
from typing import NamedTuple

from verifiers.stem import formula
from verifiers.stem.formula import Formula

MAX_REACTION_CHARS = 600
"""Longest equation read."""

MAX_SPECIES = 20
"""Species on one side."""

_ARROWS = re.compile(
    r"=+\s*[\u4e00-\u9fffΔ△]{1,8}\s*=+|\\x(?:right|left|rightleft)\w*(?:\[[^\[\]]{0,60}\])?\{(?:[^{}]|\{[^{}]*\}){0,60}\}|\\(?:long)?(?:rightarrow|leftrightarrow|rightleftharpoons)"
    r"|\\(?:to|rightleftharpoons|leftrightharpoons|longrightleftharpoons)(?![A-Za-z])|\\overset\{[^{}]{0,60}\}\{\\(?:long)?rightarrow\}"
    r"|\\stackrel\{[^{}]{0,60}\}\{\\(?:long)?rightarrow\}|<?(?:--?|==?)>(?:\[[^\[\]]{0,60}\]){0,2}|<=>>?(?:\[[^\[\]]{0,60}\]){0,2}|[→⟶⇌⇄⇋↔⟹⇒]|={2,}|═+"
)
_EQUALS = re.compile(r"(?<![<>=])=(?![=>])|\\rightleftharpoons")
_TAIL = re.compile(
    r"[\s,;，；]+(?:\\?[ΔδQqT]|\\Delta|ΔH|with|where|heat|at|in the).*\Z|\s+\+\s+(?:heat|energy"
    r"|热量?|Q|\\text\{heat\})\s*\Z",
    re.DOTALL,
)
_ENERGY = re.compile(r"\+\s*(?:heat|energy|热量?|\\text\{\s*(?:heat|energy)\s*\}|\d+(?:\.\d+)?\s*kJ)")
_COEFFICIENT = re.compile(
    r"\s*(?:\\[dt]?frac\{(\d{1,4})\}\{(\d{1,4})\}|(\d{1,4})/(\d{1,4})|(\d{1,4})(?!\d)(?:\.(\d{1,4}))?)?\s*(?:\\,|\*|·)?\s*"
)
_SPACED_PLUS = re.compile(r"\s+\+\s*")
_PLUS = re.compile(r"(?<=[\w)\]}+↑↓-])\+\s*(?=\d*\s*(?:[A-Z\\({\[^]|e\b|e\^))")
_OUTER = re.compile(
    r"\\(?:ce|text|mathrm|rm|displaystyle)(?![A-Za-z])|\$|\\(?:left|right)(?![A-Za-z])|\\\[|\\\]|\\\(|\\\)|\\quad"
)
_NUCLEAR = re.compile(
    r"\^\s*\{?\s*(\d{1,3})\s*\}?\s*(?:_\s*\{?\s*(-?\d{1,3})\s*\}?)?\s*(?:\\text|\\mathrm)?\s*\{?\s*([A-Z][a-z]?|[npeαβγ]|\\(?:alpha|beta|gamma|nu))"
)


class Species(NamedTuple):
    """One side's item: what it is, how many."""

    formula: Formula
    times: Fraction


class Reaction(NamedTuple):
    """The two sides; `conserved` says that atoms (or nucleons) and charge balance."""

    left: tuple[Species, ...]
    right: tuple[Species, ...]
    conserved: bool


@lru_cache(2048)
def read(text: str) -> Reaction | None:
    r"""The reaction that a text writes, None where it writes none.

    >>> read("2H2 + O2 -> 2H2O").conserved, read("H_2 + O_2 \\rightarrow H_2O").conserved, read("F = ma")
    (True, False, None)
    """
    if len(text) > MAX_REACTION_CHARS:
        return None
    text = " ".join(_OUTER.sub(" ", text).replace("{}", "").split()).strip(" .。,")
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1]
    arrows = list(_ARROWS.finditer(text))
    arrow = arrows[0] if len(arrows) == 1 else None
    signs = list(_EQUALS.finditer(text)) if not arrows else []
    at = arrow or (signs[0] if len(signs) == 1 else None)
    if at is None:
        return None
    left, right = _side(text[: at.start()]), _side(_TAIL.sub("", text[at.end() :]))
    if left is None or right is None:
        return None
    conserved = _conserved(left, right) if "^" not in text or not _NUCLEAR.search(text) else _nuclear(text, at)
    reaction = Reaction(left, right, conserved)
    # "P = UI" is physics: without an arrow only what balances is a reaction, and something must react.
    return reaction if arrow is not None or (conserved and len(left) + len(right) > 2) else None


def _side(text: str) -> tuple[Species, ...] | None:
    text = _ENERGY.sub("", text).strip(" {}")
    # With spaces around one plus sign, the others are charges: "Fe2+ + 2e-".
    pieces = (_SPACED_PLUS if _SPACED_PLUS.search(text) else _PLUS).split(text)
    if not 0 < len(pieces) <= MAX_SPECIES:
        return None
    found = []
    for piece in pieces:
        coefficient = _COEFFICIENT.match(piece)
        assert coefficient is not None  # it matches the empty string
        named = formula.read(_balanced_braces(piece[coefficient.end() :]))
        if named is None:
            return None
        found.append(Species(named, _count(coefficient)))
    return tuple(found) if all(one.times > 0 for one in found) else None


def _balanced_braces(text: str) -> str:
    if text.count("}") > text.count("{"):
        return text.rstrip().removesuffix("}")
    return text.removeprefix("{") if text.count("{") > text.count("}") else text


def _count(found: re.Match[str]) -> Fraction:
    top, bottom = found[1] or found[3], found[2] or found[4]
    if top:
        return Fraction(int(top), int(bottom)) if int(bottom) else Fraction(0)
    return Fraction(f"{found[5]}.{found[6] or 0}") if found[5] else Fraction(1)


def _conserved(left: tuple[Species, ...], right: tuple[Species, ...]) -> bool:
    """Whether atoms and charge balance, in the likeliest reading of each formula."""
    charge = Fraction(0)
    balance: dict[str, Fraction] = {}
    for side, sign in ((left, 1), (right, -1)):
        for one in side:
            reading = one.formula.readings[0]
            charge += sign * one.times * reading.charge
            for atom, times in reading.atoms:
                if atom != "e":
                    balance[atom] = balance.get(atom, Fraction(0)) + sign * one.times * times
    return charge == 0 and not any(balance.values())


def _nuclear(text: str, arrow: re.Match[str]) -> bool:
    """Whether nucleons balance, and atomic numbers where all are written."""
    masses, numbers = [0, 0], [0, 0]
    numbered = True
    for found in _NUCLEAR.finditer(text):
        side = 0 if found.start() < arrow.start() else 1
        before = re.search(r"(\d{1,3})\s*\{?\}?\s*\Z", text[: found.start()])
        times = int(before[1]) if before else 1
        masses[side] += times * int(found[1])
        numbered = numbered and found[2] is not None
        numbers[side] += times * int(found[2] or 0)
    return masses[0] == masses[1] and (not numbered or numbers[0] == numbers[1])


def same(reference: Reaction, answer: Reaction) -> bool | None:
    """Whether two reactions are one; None where only the structure of a species could tell.

    >>> same(read("2H2 + O2 -> 2H2O"), read("1/2 O2 + H2 = H2O"))
    True
    >>> same(read("H2 + Cl2 -> 2HCl"), read("2HCl -> H2 + Cl2"))
    False
    """
    if not answer.conserved or len(reference.left) != len(answer.left) or len(reference.right) != len(answer.right):
        return False
    counts, others = _whole(reference), _whole(answer)
    left = _matched(reference.left, answer.left, counts[0], others[0])
    right = _matched(reference.right, answer.right, counts[1], others[1])
    return False if False in (left, right) else None if None in (left, right) else True


def _whole(reaction: Reaction) -> tuple[list[int], list[int]]:
    """Coefficients as whole numbers without a common factor."""
    counts = [one.times for one in (*reaction.left, *reaction.right)]
    scale = lcm(*(count.denominator for count in counts))
    whole = [int(count * scale) for count in counts]
    divisor = gcd(*whole)
    whole = [count // divisor for count in whole]
    return whole[: len(reaction.left)], whole[len(reaction.left) :]


def _matched(
    wanted: tuple[Species, ...], given: tuple[Species, ...], counts: list[int], others: list[int]
) -> bool | None:
    """Species paired by formula and coefficient; an unsure pair is taken only where no sure one is left."""
    free = list(range(len(given)))
    unsure = False
    for place, one in enumerate(wanted):
        verdicts = {
            other: formula.same(one.formula, given[other].formula) for other in free if others[other] == counts[place]
        }
        partner = next((other for other, verdict in verdicts.items() if verdict), None)
        if partner is None:
            partner = next((other for other, verdict in verdicts.items() if verdict is None), None)
            unsure = True
        if partner is None:
            return False
        free.remove(partner)
    return None if unsure else True
