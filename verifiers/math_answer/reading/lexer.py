"""Normalised text to tokens. One pass, linear time; no grammar here.

Rule 1: a token keeps where it began, so that errors can point and words can be cut from the source.
Rule 2: letters are told apart here and nowhere else: function name, constant, word, or single symbols side by side.
"""

import re
from functools import lru_cache
from typing import NamedTuple

from verifiers.math_answer.quantities import units
from verifiers.math_answer.reading import vocabulary as v
from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.limits import MAX_ANSWER_CHARS, MAX_LITERAL_DIGITS, MAX_TOKENS
from verifiers.math_answer.tree import Num


class Token(NamedTuple):
    """`kind` is one of: num sym const func word rel setop joint cmd begin end, or the character itself for
    + - * / ^ _ ( ) [ ] { } | , ; : ! % ' $ & and `\\{ \\}` as `lbrace rbrace`, `\\\\` as `newline`, `dots`, `pm`.
    """

    kind: str
    value: object
    at: int
    to: int


_TOKEN = re.compile(
    r"""
    (?P<space>[\s~]+)
  | (?P<num>
      (?:\d{1,3}(?:(?:\{,\}|,\\!|\\,|\\!|\{\\,\})\d{3}(?!\d))+ | \d+\{,\}\d+ | \d+(?:_\d{3}(?!\d))*)
      (?:\.\d+)? (?:[eE][+-]?\d+(?![A-Za-z\d]))?
    | \.\d+)
  | (?P<cmd>\\(?:[A-Za-z]+\*?|.|$))
  | (?P<letters>[A-Za-z]+)
  | (?P<word>[\u00c0-\u024f\u0370-\u03ff\u0400-\u04ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+)
  | (?P<dots>\.\.\.+)
  | (?P<rel><=|>=|!=|==|=<|->|=>|<|>|=)
  | (?P<power>\*\*)
  | (?P<char>[-+*/^_()\[\]{}|,;:!%'$&.¥€£"?\#@])
    """,
    re.X,
)

_FUNCTION_RUN = re.compile(
    "|".join(
        sorted(
            v.PLAIN_FUNCTIONS | v.GREEK | {"pi", "infty"} - {"nu", "mu", "xi", "eta", "chi"},
            key=len,
            reverse=True,
        )
    )
    + "|[A-Za-z]"
)
MAX_RUN_LETTERS = 12
"""Longer runs of letters are words; `arcsinhx` and `sqrtabc` are the longest glued forms seen."""
MAX_EXPONENT = 10_000
"""Decimal exponent in `1e400`-like literals; larger ones stay unreadable rather than cost memory."""


def tokens(text: str, prose: bool = False) -> list[Token]:
    """All tokens of normalised text. Raises Unparsable for text that is too large or holds an unknown character.

    In `prose` (the inside of `\\text{}`) a run of letters is a word, never a product of symbols.
    """
    if len(text) > MAX_ANSWER_CHARS:
        raise Unparsable(f"the answer has more than {MAX_ANSWER_CHARS} characters", text="", at=0)
    found: list[Token] = []
    at, size = 0, len(text)
    match = _TOKEN.match
    while at < size:
        m = match(text, at)
        if m is None:
            raise Unparsable("unknown character", text=text, at=at)
        kind = m.lastgroup
        to = m.end()
        if kind == "num":
            found.append(Token("num", number(m.group()), at, to))
        elif kind == "letters":
            _letters(m.group(), at, found, prose)
        elif kind == "cmd":
            to = _command(text, m.group()[1:], at, to, found)
        elif kind != "space":
            found.append(Token(*_sign(str(kind), m.group()), at, to))
        if len(found) > MAX_TOKENS:
            raise Unparsable(f"the answer has more than {MAX_TOKENS} tokens", text="", at=0)
        at = to
    return found


_VALUE_ENDS = frozenset({"num", ")", "]", "}", "const", "sym"})
_CURRENCY_CODES = {"USD": "USD", "EUR": "EUR", "GBP": "GBP", "CNY": "CNY", "RMB": "CNY"}


def _sign(kind: str, text: str) -> tuple[str, object]:
    """Kind and value of a token that is neither number, letter nor command."""
    if kind == "rel":
        return "rel", v.RELATIONS[text]
    if kind == "word":
        joint = v.CONNECTIVES.get(text)
        return ("joint", joint) if joint else ("word", text)
    if kind == "power":
        return "^", "^"
    if kind == "dots":
        return "dots", "..."
    # A dot that is no part of a number ends a sentence or is stray: `(-1/2, \\sqrt{2}.]`.
    return ("stop" if text == "." else text), text


def number(literal: str) -> Num:
    """A literal as written: `1{,}234.50` is (123450, 100, 2); `1.5e3` is exactly 1500 with its 1 decimal moved away.

    >>> number("0.50")
    Num(num=50, den=100, decimals=2)
    """
    if literal.isdigit():
        if len(literal) > MAX_LITERAL_DIGITS:
            raise Unparsable(f"a number has more than {MAX_LITERAL_DIGITS} digits", text="", at=0)
        return Num(_integer(literal))
    if "{,}" in literal and _DECIMAL_COMMA.fullmatch(literal):
        literal = literal.replace("{,}", ".")
    literal = _GROUPING.sub("", literal)
    mantissa, _, exponent = literal.replace("E", "e").partition("e")
    whole, _, decimals = mantissa.partition(".")
    value = Num(_integer(whole + decimals or "0"), 10 ** len(decimals), len(decimals) if decimals else None)
    if not exponent:
        return value
    power = int(exponent)
    if abs(power) > MAX_EXPONENT:
        raise Unparsable("an exponent is too large", text="", at=0)
    # Scientific notation states its precision; keep it as decimals, which may be negative: 1.04e6 is good to 10^4.
    shifted = len(decimals) - power
    num, den = (value.num, 10**shifted) if shifted > 0 else (value.num * 10**-shifted, 1)
    return Num(num, den, shifted)


_GROUPING = re.compile(r"\{\\,\}|,\\!|\{,\}|\\,|\\!|_")
_DECIMAL_COMMA = re.compile(r"\d+\{,\}(?:\d{1,2}|\d{4,})")
_CHUNK = 4_000


def _integer(digits: str) -> int:
    # int() refuses more than 4,300 digits by default (a guard against quadratic time); chunks stay below it.
    if len(digits) <= _CHUNK:
        return int(digits)
    if len(digits) > MAX_LITERAL_DIGITS:
        raise Unparsable(f"a number has more than {MAX_LITERAL_DIGITS} digits", text="", at=0)
    half = len(digits) // 2
    high, low = _integer(digits[:-half]), _integer(digits[-half:])
    return high * int(10**half) + low


def _letters(run: str, at: int, found: list[Token], prose: bool) -> None:
    """Append the token(s) of a run of letters."""
    to = at + len(run)
    last = found[-1].kind if found else ""
    if run in ("U", "u") and last in (")", "]", "rbrace"):
        # `(-oo, -1) U (1, oo)`: a union sign made of a letter.
        found.append(Token("setop", "union", at, to))
    elif len(run) == 1:
        found.append(Token("sym", run, at, to))
    elif prose:
        known = ("func", v.FUNCTIONS[run]) if run in v.FUNCTIONS else _known(run)
        found.append(Token(*(known if known and known[0] != "currency" else ("word", run)), at, to))
    else:
        found.extend(Token(kind, value, at + a, at + b) for kind, value, a, b in _split_run(run, last in _VALUE_ENDS))


@lru_cache(maxsize=4096)
def _split_run(run: str, after_value: bool) -> tuple[tuple[str, object, int, int], ...]:
    size = len(run)
    lower = run.lower()
    whole = _known(run) or _known(lower)
    if whole and not (after_value and (whole[0] == "currency" or run == "min")):
        return ((*whole, 0, size),)
    if lower in v.SHORT_WORDS or size > MAX_RUN_LETTERS:
        return (("word", run, 0, size),)
    if after_value and (lower in v.AFTER_VALUES or units.canonical(run) is not None):
        return (("word", run, 0, size),)
    pieces = [(m.group(), m.start(), m.end()) for m in _FUNCTION_RUN.finditer(run)]
    singles = sum(b - a == 1 for _, a, b in pieces)
    if singles < size and singles <= 2:
        return tuple((*(_known(piece) or ("sym", piece)), a, b) for piece, a, b in pieces)
    # `xy` and `abc` are products; `Paolo` and `candies` are words; `ABCD` names a figure.
    if size <= 3 and not (size == 3 and run[0].isupper() and run[1:].islower()):
        return tuple(("sym", char, k, k + 1) for k, char in enumerate(run))
    return (("word", run, 0, size),)


def _known(run: str) -> tuple[str, object] | None:
    if run in v.CONNECTIVES:
        return "joint", v.CONNECTIVES[run]
    if run in _CURRENCY_CODES:
        return "currency", _CURRENCY_CODES[run]
    if run == "mod":
        return "mod", run
    if run in v.PLAIN_FUNCTIONS:
        return "func", v.FUNCTIONS[run]
    if run in ("pi", "Pi"):
        return "const", "pi"
    if run in ("inf", "infinity", "infty", "oo"):
        return "const", "inf"
    if run in v.GREEK and len(run) > 2:
        return "sym", v.GREEK_ALIAS.get(run, run)
    return None


_NEGATED = re.compile(r"\s*(=|\||\\(?:equiv|in|mid)(?![A-Za-z]))")
_TEXT_ARGUMENT = re.compile(r"\s*\{([^{}]*)\}")
_ENVIRONMENT = re.compile(r"\s*\{\s*([a-zA-Z]+\*?)\s*\}(?:\s*\{[lcr|@ ]*\})?")


def _command(text: str, name: str, at: int, to: int, found: list[Token]) -> int:
    """Append the token(s) of one LaTeX command; returns where reading goes on."""
    simple = v.COMMANDS.get(name)
    if simple is not None:
        found.append(Token(*simple, at, to))
        return to
    if name in ("left", "right", "middle") and text[to : to + 1] == ".":
        return to + 1
    if name in v.SPACES or name in v.IGNORED:
        return to
    if name in v.TEXT_COMMANDS:
        return _text(text, at, to, found)
    if name in ("begin", "end"):
        m = _ENVIRONMENT.match(text, to)
        if m is None:
            raise Unparsable(f"\\{name} without a name", text=text, at=at)
        found.append(Token(name, m.group(1).rstrip("*"), at, m.end()))
        return m.end()
    if name == "not" and (m := _NEGATED.match(text, to)) is not None:
        found.append(Token("rel", v.NEGATIONS[m.group(1)], at, m.end()))
        return m.end()
    if name in v.DROPPED:
        m = _TEXT_ARGUMENT.match(text, to)
        return m.end() if m else to
    found.append(Token("cmd", name, at, to))
    return to


def _text(text: str, at: int, to: int, found: list[Token]) -> int:
    """`\\text{...}` and its kin: letters inside are words, but for functions, single letters and named sets."""
    m = _TEXT_ARGUMENT.match(text, to)
    if m is None:
        return to
    start = m.start(1)
    after_value = bool(found) and found[-1].kind in _VALUE_ENDS
    for kind, value, begin, end in tokens(m.group(1).replace("~", " "), prose=True):
        # A single letter in upright type after a value is a unit: `5\text{ m}`; but not the constants e and i.
        unit = after_value and (value == "min" or (kind == "sym" and value not in ("e", "i") and end - begin == 1))
        found.append(Token("word" if unit else kind, value, start + begin, start + end))
    return m.end()
