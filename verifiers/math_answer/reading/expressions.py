"""The expression layer: operator precedence over tokens (Pratt's method), functions and atoms.

Rule 1: it reads one expression and stops at the first token that is not its own; the caller decides what that means.
Precedence, loosest first: set operations; + - pm; juxtaposition, * and /; sign; ^ and postfix; atom.
`1/2x` reads from left to right, as (1/2)x. `\\sin 2x \\cos x` is (sin 2x)(cos x).
"""

from collections.abc import Callable

from verifiers.math_answer.reading.commands import Commands, product_of
from verifiers.math_answer.reading.literals import is_whole, literal
from verifiers.math_answer.tree import (
    Add,
    Call,
    Const,
    Div,
    Dots,
    Group,
    Matrix,
    Neg,
    Node,
    Num,
    PlusMinus,
    Pow,
    Quantity,
    Rel,
    SetOf,
    SetOp,
    Sym,
)

_ATOMS = frozenset({"num", "sym", "const", "func", "cmd", "{", "lbrace", "begin", "set", "langle", "blank"})
_VALUE_STARTS = _ATOMS | {"(", "-", "+", "[", "|"}
_AFTER_DOTS = frozenset({"*", "(", "num", "sym", "{"})
_TIME_LETTERS = frozenset({Sym("h"), Sym("m"), Sym("s")})
"""Units in `2 h 30 min`, where a number follows; alone they may be variables."""
_CURRENCIES = {"$": "USD", "¥": "CNY", "€": "EUR", "£": "GBP"}


class Expressions(Commands):
    """Precedence on top of commands: the whole expression parser."""

    __slots__ = ()

    def expression(self) -> Node:
        """Sets joined by union, intersection or difference; usually just a sum."""
        left = self.sum()
        if self.accept("over"):
            return Div(left, self.sum())
        if self.accept("choose"):
            return Call("binom", (left, self.sum()))
        while self.kind == "setop":
            op = self.take().value
            right = self.sum()
            joined = (*left.args, right) if isinstance(left, SetOp) and left.op == op != "minus" else (left, right)
            left = SetOp(op, joined)  # type: ignore[arg-type] # the lexer makes no other operation
        return left

    def sum(self) -> Node:
        """Terms with + - and pm."""
        terms = [self._term()]
        while True:
            kind = self.toks[self.at].kind
            if kind in ("+", "-", "pm"):
                terms.append(self._term())
            elif kind == "dots" and self.toks[self.at + 1].kind in ("+", "-"):
                self.at += 1
                terms.append(Dots())
            else:
                return terms[0] if len(terms) == 1 else Add(tuple(terms))

    def _term(self) -> Node:
        """A product with its sign."""
        kind = self.toks[self.at].kind
        if kind == "-":
            self.at += 1
            return Neg(self._term_after_sign())
        if kind == "pm":
            upper = bool(self.take().value)
            return PlusMinus(self._term_after_sign(), upper)
        if kind == "+":
            self.at += 1
            return self._term_after_sign()
        return self.product()

    def _term_after_sign(self) -> Node:
        self.descend()
        term = self._term()
        self.depth -= 1
        return term

    def product(self) -> Node:
        """Factors side by side or joined by * and /."""
        factors = [self.power()]
        while True:
            kind = self.kind
            if kind in ("*", "/", "mod"):
                if not self._joined(kind, factors):
                    break
            elif kind in ("word", "%"):
                quantity = self.quantity(product_of(factors))
                if quantity is None:
                    break
                factors = [quantity]
            elif not self._juxtaposed(kind, factors):
                break
        return product_of(factors)

    def _joined(self, sign: str, factors: list[Node]) -> bool:
        """Take a sign and the factor behind it into `factors`; False where the sign belongs to the caller."""
        if sign == "mod" and self.toks[self.at].value == "pmod":
            return False
        self.at += 1
        if sign == "*":
            factors.append(Dots() if self.accept("dots") else self._factor())
            return True
        left = product_of(factors)
        right = self._factor()
        factors[:] = [Div(left, right) if sign == "/" else Call("mod", (left, right))]
        return True

    def _juxtaposed(self, kind: str, factors: list[Node]) -> bool:
        """Take the factor that stands directly behind the last one; False where none does."""
        if kind == "num" and len(factors) == 2 and factors[1] in _TIME_LETTERS and isinstance(factors[0], Num):
            factors[:] = [Quantity(factors[0], factors[1].name)]
        if kind == "num" and _is_quantity(factors[-1]):
            return self._compound(factors)
        if kind == "(":
            start = self.at
            if self.toks[start + 1].kind == "mod":
                return False
            factor = self.power()
            if isinstance(factor, Rel):
                # `n\\pi (n \\in Z)`: a side condition, not a factor.
                self.at = start
                return False
            factors.append(factor)
        elif kind in _ATOMS or (kind == "|" and not self.bars and not self.braces):
            mixed = self._mixed(factors)
            if mixed is None:
                factors.append(self.power())
            else:
                factors[:] = [mixed]
        elif kind == "[" and self.toks[self.at + 1].kind in _VALUE_STARTS:
            factors.append(self._square_bracketed())
        elif kind == "dots" and self.toks[self.at + 1].kind in _AFTER_DOTS:
            self.at += 1
            factors.append(Dots())
        else:
            return False
        return True

    def _compound(self, factors: list[Node]) -> bool:
        """`2 hours 30 minutes`, `5^\\circ 30'`: quantities side by side are added."""
        start = self.at
        value = self.power()
        part = value if isinstance(value, Quantity) else self.quantity(value)
        if not isinstance(part, Quantity):
            self.at = start
            return False
        *before, last = factors
        parts = last.terms if isinstance(last, Add) else (last,)
        factors[:] = [*before, Add((*parts, part))]
        return True

    def _square_bracketed(self) -> Node:
        """`2[x + (y + 1)]`: square brackets around one item group like round ones."""
        group = self.bracketed()
        if not (isinstance(group, Group) and len(group.items) == 1 and group.right == "]"):
            raise self.error("a square bracket after a factor")
        return group.items[0]

    def _factor(self) -> Node:
        """A power that may carry its own sign: `2 * -3`."""
        if self.kind == "-":
            self.at += 1
            self.descend()
            factor = Neg(self._factor())
            self.depth -= 1
            return factor
        self.accept("+")
        return self.power()

    def _mixed(self, factors: list[Node]) -> Node | None:
        """`6 \\frac{1}{64}` and `1 1/2`: a whole number directly before a proper fraction of literals is mixed."""
        whole = factors[0]
        if len(factors) != 1 or not is_whole(whole):
            return None
        token = self.toks[self.at]
        start = self.at
        if token.kind == "cmd" and token.value == "frac":
            part: Node = self.power()
        elif token.kind == "num" and self.toks[self.at + 1].kind == "/" and self.toks[self.at + 2].kind == "num":
            part = Div(literal(self.take().value), literal(self.toks[self.at + 1].value))
            self.at += 2
        elif token.kind == "num":
            raise self.error("two numbers side by side")
        else:
            return None
        if isinstance(part, Div) and is_whole(part.top) and is_whole(part.bottom):
            top, bottom = literal(part.top).num, literal(part.bottom).num
            if 0 < top < bottom:
                return Num(literal(whole).num * bottom + top, bottom)
        self.at = start
        if token.kind == "num":
            raise self.error("two numbers side by side")
        return None

    def power(self) -> Node:
        """An atom with its exponents and postfix signs."""
        base = self.atom()
        while True:
            kind = self.toks[self.at].kind
            if kind == "^":
                base = self._raised(base)
            elif kind == "!":
                self.at += 1
                double = self.accept("!")
                base = Call("factorial2" if double else "factorial", (base,))
            elif kind == "degree":
                self.at += 1
                base = Quantity(base, "deg")
            elif kind == "'":
                self.at += 1
                if isinstance(base, Num):
                    base = Quantity(base, "arcsec" if self.accept("'") else "arcmin")
                    continue
                if not isinstance(base, Sym):
                    raise self.error("a prime after something that is no name")
                base = self.named(Sym(base.name + "'"))
            else:
                return base

    def _raised(self, base: Node) -> Node:
        self.at += 1
        following = self.toks[self.at]
        if following.kind == "circ" or (following.kind == "{" and self.toks[self.at + 1].kind == "circ"):
            self.at += 1 if following.kind == "circ" else 3
            scale = {"C": "degC", "F": "degF"}.get(str(self.toks[self.at].value), "deg")
            self.at += scale != "deg"
            return Quantity(base, scale)
        exponent = self.argument()
        if isinstance(base, Matrix) and exponent == Sym("T"):
            return Matrix(tuple(zip(*base.rows, strict=True)))
        return base if isinstance(base, Group) and exponent == Sym("T") else Pow(base, exponent)

    def argument(self) -> Node:
        """One argument of a command or an exponent: a braced group, or the next single token (`\\frac12`, `x^23`)."""
        token = self.toks[self.at]
        self.descend()
        try:
            if token.kind == "{":
                return self.curly("}")
            if token.kind in ("-", "+"):
                self.at += 1
                inner = self.argument()
                return Neg(inner) if token.kind == "-" else inner
            if token.kind == "*":
                # `R^*` marks a set without zero.
                self.at += 1
                return Sym("*")
            return self.atom()
        finally:
            self.depth -= 1

    def atom(self) -> Node:
        """A literal, a name, a function with its argument, or something in brackets."""
        begin = _BEGINNINGS.get(self.kind)
        if begin is None:
            raise self.error("expected a value")
        return begin(self)

    def _number(self) -> Node:
        return self.literal(literal(self.take().value))

    def _symbol(self) -> Node:
        name = str(self.take().value)
        return SetOf(()) if name == "empty" else self.named(Sym(name))

    def _constant(self) -> Node:
        return Const("pi" if self.take().value == "pi" else "inf")

    def _round_group(self) -> Node:
        group = self.bracketed()
        return self.based(group) if self.kind == "_" else group

    def _braced_group(self) -> Node:
        group = self.curly("}")
        return self.based(group) if self.kind == "_" else group

    def _set(self) -> Node:
        return self.curly("rbrace")

    def _number_set(self) -> Node:
        return self.named_set(str(self.take().value))

    def _money(self) -> Node:
        token = self.take()
        return Quantity(self._factor(), _CURRENCIES.get(token.kind) or str(token.value))

    def _dots(self) -> Node:
        self.at += 1
        return Dots()


def _is_quantity(node: Node) -> bool:
    return isinstance(node, Quantity) or (isinstance(node, Add) and all(isinstance(x, Quantity) for x in node.terms))


_BEGINNINGS: dict[str, Callable[[Expressions], Node]] = {
    "num": Expressions._number,
    "sym": Expressions._symbol,
    "const": Expressions._constant,
    "(": Expressions._round_group,
    "[": Expressions.bracketed,
    "langle": Expressions.bracketed,
    "{": Expressions._braced_group,
    "lbrace": Expressions._set,
    "func": Expressions.function,
    "cmd": Expressions.command,
    "|": Expressions.absolute,
    "norm": Expressions.absolute,
    "begin": Expressions.environment,
    "set": Expressions._number_set,
    "currency": Expressions._money,
    **dict.fromkeys(_CURRENCIES, Expressions._money),
    "]": Expressions.interval_from_the_right,
    "dots": Expressions._dots,
}
"""What the first token of an atom says about the rest of it."""
