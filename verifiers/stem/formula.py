r"""Chemical formulas: text to composition, charge and structure; when two of them name the same.

Rule 1: composition counts atoms; a written isotope is an atom of its own. Charge is part of the formula.
Rule 2: "SO42-" may be read as SO4 2- or SO42 -: every reading is kept, and one that fits is enough.
Rule 3: a reference that is a bare composition (each element once, C2H6O) is met by any formula of that composition.
        One that shows structure (CH3CH2OH) is met by the same text only; the same composition otherwise spelt is
        passed on, and a bare composition does not say enough.
"""

import re
import unicodedata
from collections import Counter
from functools import lru_cache
from typing import NamedTuple

MAX_FORMULA_CHARS = 200
"""Longest formula read: a hydrated double salt with its LaTeX takes 60."""

MAX_COUNT = 100_000
"""Largest index: a polymer's is a letter, not a number."""

MAX_NESTING = 8
CACHE_SIZE = 2048

_ELEMENTS = frozenset(
    "H He Li Be B C N O F Ne Na Mg Al Si P S Cl Ar K Ca Sc Ti V Cr Mn Fe Co Ni Cu Zn Ga Ge As Se Br Kr Rb "
    "Sr Y Zr Nb Mo Tc Ru Rh Pd Ag Cd In Sn Sb Te I Xe Cs Ba La Ce Pr Nd Pm Sm Eu Gd Tb Dy Ho Er Tm Yb Lu "
    "Hf Ta W Re Os Ir Pt Au Hg Tl Pb Bi Po At Rn Fr Ra Ac Th Pa U Np Pu Am Cm Bk Cf Es Fm Md No Lr Rf Db "
    "Sg Bh Hs Mt Ds Rg Cn Nh Fl Mc Lv Ts Og D T".split()
)
_PARTICLES = {"e": "e", "e^-": "e", "n": "n", "p": "p", "α": "α", "β": "β", "γ": "γ", "ν": "ν"}
_STATE = re.compile(
    r"\s*(?:_\s*\{?\s*)?\(\s*(?:s|l|g|aq|aqueous|solid|liquid|gas|conc\.?|dil\.?|稀|浓|固|液|气)\s*\)\s*\}?",
    re.IGNORECASE,
)
_COMMAND = re.compile(
    r"\\(?:ce|text|mathrm|textrm|rm|mbox|mathbf|textbf|left|right|displaystyle)(?![A-Za-z])\s*"
    r"|\\[,;:! ]|[$~]|\\(?:uparrow|downarrow)|[↑↓]"
)
_HTML = re.compile(r"<su([bp])>\s*([\d+-]{1,6})\s*</su\1>")
_WRAPPED = re.compile(r"\{((?:[^{}]|\{[^{}]*\})*)\}")
_NUCLIDE = re.compile(r"\A([A-Z][a-z]?)-(\d{1,3})\Z")
_DOT = re.compile(r"\s*(?:·|⋅|•|∙|\\cdot(?![A-Za-z])|\*|\.(?=\s*\d*\s*[A-Z(]))\s*")
_SUPER = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-")
_SUPER_RUN = re.compile(r"[⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻]+")
_CHARGE = re.compile(r"\^\s*(?:\{\s*)?([+-]?\d{0,2}[+-]?)(?:\s*\})?\s*\Z")
_TAIL_CHARGE = re.compile(r"\s*\(?(\d{0,2})([+-])\)?\Z|\s+(?:([+-])(\d{1,2}))\Z")
_SIGNED = re.compile(r"([+-]?)(\d{0,2})([+-]?)")
_ATOM = re.compile(
    r"(?:\^\s*\{?\s*(?P<mass>\d{1,3})\s*\}?)?(?:_\s*\{?\s*-?\d{1,3}\s*\}?)?(?P<symbol>[A-Z][a-z]?)|(?P<open>[(\[{])|(?P<close>[)\]}])"
)
_INDEX = re.compile(r"\s*_?\s*\{?\s*(\d{1,6})\s*\}?")


class Reading(NamedTuple):
    """One reading of a formula: atoms with their counts, and the charge."""

    atoms: tuple[tuple[str, int], ...]
    charge: int


class Formula(NamedTuple):
    """`readings`, the likeliest first; `text` is the formula without markup; `bare` when each element stands once."""

    readings: tuple[Reading, ...]
    text: str
    bare: bool


@lru_cache(CACHE_SIZE)
def read(text: str) -> Formula | None:
    r"""The formula that a whole text writes, None where it writes none.

    >>> read("\\ce{SO4^2-}").readings == read("SO₄²⁻").readings, read("Water")
    (True, None)
    """
    if len(text) > MAX_FORMULA_CHARS:
        return None
    tidy = _tidy(text)
    if not tidy:
        return None
    particle = _particle(tidy)
    if particle is not None:
        return particle
    readings = tuple(dict.fromkeys(reading for body, charge in _charged(tidy) if (reading := _composed(body, charge))))
    if not readings:
        return None
    symbols = re.findall(r"[A-Z][a-z]?", tidy)
    bare = len(symbols) == len(set(symbols)) and not re.search(r"[(\[.·]", tidy)
    return Formula(readings, re.sub(r"[\s_{}^]", "", tidy), bare)


def _tidy(text: str) -> str:
    text = text.replace("−", "-").replace("–", "-").replace("＋", "+")
    text = _SUPER_RUN.sub(lambda raised: f"^{raised[0].translate(_SUPER)}", text)
    text = "".join(
        unicodedata.normalize("NFKC", mark) if mark in "₀₁₂₃₄₅₆₇₈₉（）［］" or "０" <= mark <= "９" else mark
        for mark in text
    )
    text = _HTML.sub(lambda tag: f"{'_' if tag[1] == 'b' else '^'}{{{tag[2]}}}", text)
    text = _COMMAND.sub("", text).strip(" .,;。")
    if (wrapped := _WRAPPED.fullmatch(text)) is not None:
        text = wrapped[1]
    text = _NUCLIDE.sub(r"^{\2}\1", text)
    text = re.sub(r"(?<![_^])\{([^{}^_]*)\}", r"\1", text)
    text = re.sub(r"\^\{\{?([^{}]*)\}?\}", r"^{\1}", text)
    return _DOT.sub("·", _STATE.sub("", text).strip())


def _particle(tidy: str) -> Formula | None:
    bare = (
        re.sub(r"[\s{}]", "", tidy)
        .replace("\\alpha", "α")
        .replace("\\beta", "β")
        .replace("\\gamma", "γ")
        .replace("\\nu", "ν")
    )
    found = re.fullmatch(r"(?:\^(?P<mass>\d))?(?:_(?P<number>-?\d))?(?P<name>[enpαβγν])(?:\^?(?P<charge>[+-]))?", bare)
    if found is None:
        return None
    name = found["name"]
    charge = {"e": -1, "p": 1, "β": -1, "α": 0}.get(name, 0)
    if found["charge"] and name in "eβ":
        charge = 1 if found["charge"] == "+" else -1
    if found["number"] and name == "e":
        charge = int(found["number"])
    symbol = "e" if name == "β" else name
    if name == "α":
        return Formula((Reading((("4He", 1),), 0),), "α", bare=True)
    return Formula((Reading(((symbol, 1),), charge),), symbol, bare=True)


def _charged(tidy: str) -> list[tuple[str, int]]:
    """The body and charge of a formula, in every way its end can be read."""
    raised = _CHARGE.search(tidy)
    if raised is not None and raised.start():
        charge = _signed(raised[1])
        return [(tidy[: raised.start()], charge)] if charge is not None else []
    tail = _TAIL_CHARGE.search(tidy)
    if tail is None or not tail.start():
        return [(tidy, 0)]
    if tail[3]:
        return [(tidy[: tail.start()], int(tail[3] + tail[4]))]
    sign, figures, body = (1 if tail[2] == "+" else -1), tail[1], tidy[: tail.start()]
    if tail[0][0] in " (" and figures:
        return [(body, sign * int(figures))]
    found = [(body + figures, sign)]
    if figures:
        # Fe3+ is an ion of charge 3 where one atom stands alone; NO3- and SO42- count atoms first.
        alone = re.fullmatch(r"[A-Z][a-z]?", body) is not None
        split = (body + figures[:-1], sign * int(figures[-1]))
        found = [split, *found] if alone or len(figures) > 1 else [*found, split]
    return found


def _signed(text: str) -> int | None:
    found = _SIGNED.fullmatch(text)
    if found is None or bool(found[1]) == bool(found[3]):
        return None
    return int(f"{found[1] or found[3]}{found[2] or 1}")


def _composed(body: str, charge: int) -> Reading | None:
    atoms: Counter[str] = Counter()
    for piece in body.split("·"):
        multiple = re.match(r"\s*(\d{0,3})\s*", piece)
        assert multiple is not None  # it matches the empty string
        counted = _counted(piece[multiple.end() :].strip())
        if counted is None or (multiple[1] and "·" not in body):
            return None
        for symbol, count in counted.items():
            atoms[symbol] += count * int(multiple[1] or 1)
    return Reading(tuple(sorted(atoms.items())), charge) if atoms else None


def _counted(body: str) -> Counter[str] | None:
    """The atoms of one formula unit, None where it is none."""
    stack: list[Counter[str]] = [Counter()]
    at = 0
    while at < len(body):
        token = _ATOM.match(body, at)
        if token is None:
            return None
        at = token.end()
        if token["open"]:
            if len(stack) > MAX_NESTING:
                return None
            stack.append(Counter())
            continue
        index = _INDEX.match(body, at)
        count, at = (int(index[1]), index.end()) if index else (1, at)
        if not 0 < count <= MAX_COUNT:
            return None
        if token["close"]:
            if len(stack) == 1:
                return None
            for symbol, times in stack.pop().items():
                stack[-1][symbol] += times * count
            continue
        symbol = token["symbol"]
        if symbol not in _ELEMENTS:
            return None
        stack[-1][{"D": "2H", "T": "3H"}.get(symbol, symbol) if not token["mass"] else token["mass"] + symbol] += count
    return stack[0] if len(stack) == 1 and stack[0] else None


def same(reference: Formula, answer: Formula) -> bool | None:
    """Whether two formulas name the same substance; None where only their structure could tell.

    >>> same(read("C2H6O"), read("CH3CH2OH")), same(read("CH3CH2OH"), read("C2H6O"))
    (True, False)
    >>> same(read("C2H5OH"), read("CH3CH2OH")) is None
    True
    """
    if not set(reference.readings) & set(answer.readings):
        return False
    if reference.bare or reference.text == answer.text:
        return True
    if answer.bare:
        return False
    return True if re.sub(r"[()\[\]]", "", reference.text) == re.sub(r"[()\[\]]", "", answer.text) else None
