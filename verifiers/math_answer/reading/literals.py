"""The literal layer of the parser: numbers with what is written around them, and values with units.

Rule 1: a literal keeps what its notation says: a period, a base, a unit. What it equals is for the rules.
"""

from verifiers.math_answer.quantities import number_words, units
from verifiers.math_answer.quantities.unit_table import SCALES
from verifiers.math_answer.reading.brackets import Brackets
from verifiers.math_answer.tree import Based, Mul, Node, Num, Percent, Quantity

LARGEST_BASE = 36
_UNIT_TOKENS = frozenset({"word", "/", "*", "^", "num", "-", "sym", "{", "}"})
MAX_UNIT_TOKENS = 8
"""`kg * m ^ 2 / s ^ 2` has nine; the last is always a number that the unit before it carries."""


class Literals(Brackets):
    """Numbers and quantities on top of brackets."""

    __slots__ = ()

    def literal(self, literal: Num) -> Node:
        """A number, a number in a base (`4343_6`), or a repeating decimal (`0.1\\overline{6}`)."""
        token = self.toks[self.at]
        if token.kind == "_":
            return self.based(literal)
        if token.kind == "cmd" and token.value in ("overline", "dot", "bar") and literal.decimals is not None:
            return self._repeating(literal)
        if token.kind == "stop" and token.at == self.toks[self.at - 1].to and literal.decimals is None:
            # `0.\overline{3}`: the lexer takes the dot for a full stop.
            following = self.toks[self.at + 1]
            if following.kind == "cmd" and following.value in ("overline", "dot", "bar"):
                self.at += 1
                return self._repeating(Num(literal.num, 1, 0))
        if token.kind in ("(", "stop") and token.at == self.toks[self.at - 1].to:
            return self._bracketed_period(literal)
        if token.kind == "dots" and literal.decimals and literal.decimals >= 3:
            return self._elliptic(literal)
        return literal

    def _repeating(self, head: Num) -> Node:
        name = self.toks[self.at].value
        digits = ""
        while self.kind == "cmd" and self.toks[self.at].value == name:
            self.at += 1
            braced = self.accept("{")
            token = self.expect("num")
            if braced:
                self.expect("}")
                digits += self.text[token.at : token.to]
            else:
                # `0.1\dot6`: the lexer read all following digits as one number; a dot covers one digit.
                digits += self.text[token.at : token.to]
            if name == "dot" and self.kind == "num":
                digits += self.text[self.toks[self.at].at : self.toks[self.at].to]
                self.at += 1
        if not digits.isdigit():
            raise self.error("a repeating decimal without digits")
        nines = 10 ** len(digits) - 1
        return Num(head.num * nines + int(digits), head.den * nines)

    def _bracketed_period(self, literal: Num) -> Node:
        """`0.(3)` and `0.1(6)`; a bracket after a whole number is a factor."""
        start = self.at
        whole = self.accept("stop")
        if whole == (literal.decimals is None) and self.kind == "(" and self.toks[self.at + 2].kind == ")":
            token = self.toks[self.at + 1]
            digits = self.text[token.at : token.to]
            if token.kind == "num" and digits.isdigit():
                self.at += 3
                nines = 10 ** len(digits) - 1
                return Num(literal.num * nines + int(digits), literal.den * nines)
        self.at = start
        return literal

    def _elliptic(self, head: Num) -> Node:
        """`0.333...` states a period when its decimals end in one block three times or one digit three times."""
        decimals = self.text[self.toks[self.at - 1].at : self.toks[self.at - 1].to].partition(".")[2]
        for size in range(1, len(decimals) // 3 + 1):
            block = decimals[-size:]
            if decimals.endswith(block * 3):
                self.at += 1
                kept = len(decimals) - size
                nines = 10**size - 1
                return Num(head.num // 10**size * nines + int(block), 10**kept * nines)
        self.at += 1
        return head

    def based(self, digits: Node) -> Node:
        """`4343_6`, `(1011)_2`, `{1011}_2`: digits in a base."""
        end = self.toks[self.at - 1]
        self.at += 1
        base = self._worded_base() or self.argument()
        if not (isinstance(digits, Num) and digits.decimals is None and digits.den == 1 and is_whole(base)):
            raise self.error("a subscript on something that is no name")
        return based(str(digits.num) if end.kind != "num" else self.text[end.at : end.to], literal(base).num)

    def quantity(self, value: Node) -> Node | None:
        """The value with the unit or percent sign that follows; None (nothing consumed) when the words are no unit."""
        if self.accept("%"):
            return Percent(value)
        first = self.at
        spelt = ""
        best: tuple[int, str] | None = None
        for at in range(first, min(first + MAX_UNIT_TOKENS, len(self.toks))):
            token = self.toks[at]
            after = self.toks[at - 1].kind
            if token.kind not in _UNIT_TOKENS or (token.kind == "num" and after not in ("^", "-", "{")):
                break
            glue = " " if spelt and token.kind == "word" and self.toks[at - 1].kind == "word" else ""
            spelt += glue + (str(literal(token.value).num) if token.kind == "num" else str(token.value))
            unit = units.canonical(spelt)
            if unit is not None:
                best = (at + 1, unit)
        if best is None or (best[1] == "in" and self.toks[best[0]].kind == "word"):
            # "4343 in base 6" measures nothing.
            return None
        self.at = best[0]
        return quantity(value, best[1])

    def _worded_base(self) -> Node | None:
        """`4343_{\\text{six}}`"""
        if [token.kind for token in self.toks[self.at : self.at + 3]] != ["{", "word", "}"]:
            return None
        value = number_words.exact(str(self.toks[self.at + 1].value).lower())
        if value is None:
            return None
        self.at += 3
        return Num(value.numerator, value.denominator)


def based(digits: str, base: int) -> Based:
    """Digits in a base; without a value where they are none of that base."""
    valid = 2 <= base <= LARGEST_BASE and digits.isalnum() and all(int(digit, 36) < base for digit in digits)
    return Based(digits.upper(), base, int(digits, base) if valid else None)


def quantity(value: Node, unit: str) -> Node:
    """The value with its unit; `1.2 million` is a number, `3 million USD` a sum of money."""
    scale, _, rest = unit.partition(" ")
    if scale in SCALES:
        value = Mul((value, Num(SCALES[scale])))
        return Quantity(value, rest) if rest else value
    return Percent(value) if unit == "%" else Quantity(value, unit)


def is_whole(node: object) -> bool:
    return isinstance(node, Num) and node.den == 1 and node.decimals is None


def literal(value: object) -> Num:
    assert isinstance(value, Num)
    return value
