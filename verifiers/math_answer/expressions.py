"""The expression layer: operator precedence over tokens (Pratt's method), functions and atoms.

Rule 1: it reads one expression and stops at the first token that is not its own; the caller decides what that means.
Precedence, loosest first: set operations; + - pm; juxtaposition, * and /; sign; ^ and postfix; atom.
`1/2x` reads from left to right, as (1/2)x. `\\sin 2x \\cos x` is (sin 2x)(cos x).
"""

from verifiers.math_answer import units
from verifiers.math_answer.brackets import Brackets
from verifiers.math_answer.lexer import Token, number
from verifiers.math_answer.tree import (
    Add,
    Apply,
    Based,
    BigOp,
    Call,
    Const,
    Div,
    Dots,
    Group,
    Mul,
    NamedSet,
    Neg,
    Node,
    Num,
    Percent,
    PlusMinus,
    Pow,
    Quantity,
    Rel,
    SetOf,
    SetOp,
    Sym,
)

_ATOMS = frozenset(
    {"num", "sym", "const", "func", "cmd", "(", "{", "lbrace", "begin", "set", "langle", "blank"}
)
_FUNCTION_LETTERS = frozenset({"f", "g", "h", "F", "G", "P", "Q", "phi", "psi"})
_CURRENCIES = {"$": "USD", "¥": "CNY", "€": "EUR", "£": "GBP"}
_TRIG = frozenset({"sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh"})
_INVERTIBLE = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})
_BIG = {"sum": "sum", "prod": "prod", "int": "int", "lim": "lim"}
_DECORATIONS = frozenset({"vec", "overrightarrow", "hat", "tilde", "bar", "dot", "widehat", "overline"})
_ANGLE_MARKS = frozenset({"angle", "triangle", "measuredangle"})
_SCALES = {"hundred": 2, "thousand": 3, "million": 6, "billion": 9, "trillion": 12}
_LARGEST_BASE = 36
MAX_UNIT_TOKENS = 8
"""`kg * m ^ 2 / s ^ 2` has nine; the last is always a number that the unit before it carries."""


class Expressions(Brackets):
    """Expressions on top of brackets."""

    __slots__ = ()

    # -- precedence levels --------------------------------------------------------------------------------

    def expression(self) -> Node:
        """Sets joined by union, intersection or difference; usually just a sum."""
        left = self.sum()
        if self.accept("over"):
            return Div(left, self.sum())
        while self.kind == "setop":
            op = self.take().value
            right = self.sum()
            joined = (
                (*left.args, right) if isinstance(left, SetOp) and left.op == op != "minus" else (left, right)
            )
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
            kind = self.toks[self.at].kind
            if kind == "*":
                self.at += 1
                factors.append(Dots() if self.accept("dots") else self._factor())
            elif kind == "/":
                self.at += 1
                factors = [Div(_product(factors), self._factor())]
            elif kind == "mod" and self.toks[self.at].value != "pmod":
                self.at += 1
                factors = [Call("mod", (_product(factors), self._factor()))]
            elif kind == "(" and self.toks[self.at + 1].kind == "mod":
                return _product(factors)
            elif kind == "word" or kind == "%":
                quantity = self._quantity(_product(factors))
                if quantity is None:
                    return _product(factors)
                factors = [quantity]
            elif kind == "dots" and self.toks[self.at + 1].kind in ("*", "("):
                self.at += 1
                factors.append(Dots())
            elif kind == "[":
                factors.append(self._square_bracketed())
            elif kind == "(":
                start = self.at
                factor = self.power()
                if isinstance(factor, Rel):
                    # `n\\pi (n \\in Z)`: a side condition, not a factor.
                    self.at = start
                    return _product(factors)
                factors.append(factor)
            elif kind in _ATOMS or (kind == "|" and not self.bars and not self.braces):
                mixed = self._mixed(factors)
                if mixed is None:
                    factors.append(self.power())
                else:
                    factors = [mixed]
            else:
                return _product(factors)

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
        """`6 \\frac{1}{64}` and `1 1/2`: a whole number directly before a proper fraction of literals is a mixed number."""
        whole = factors[0]
        if len(factors) != 1 or not _is_whole(whole):
            return None
        token = self.toks[self.at]
        start = self.at
        if token.kind == "cmd" and token.value == "frac":
            part: Node = self.power()
        elif (
            token.kind == "num"
            and self.toks[self.at + 1].kind == "/"
            and self.toks[self.at + 2].kind == "num"
        ):
            part = Div(_number(self.take().value), _number(self.toks[self.at + 1].value))
            self.at += 2
        elif token.kind == "num":
            raise self.error("two numbers side by side")
        else:
            return None
        if isinstance(part, Div) and _is_whole(part.top) and _is_whole(part.bottom):
            top, bottom = _number(part.top).num, _number(part.bottom).num
            if 0 < top < bottom:
                return Num(_number(whole).num * bottom + top, bottom)
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
                if not isinstance(base, Sym):
                    raise self.error("a prime after something that is no name")
                base = self._named(Sym(base.name + "'"))
            else:
                return base

    def _raised(self, base: Node) -> Node:
        self.at += 1
        following = self.toks[self.at]
        if following.kind == "circ" or (following.kind == "{" and self.toks[self.at + 1].kind == "circ"):
            self.at += 1 if following.kind == "circ" else 3
            return Quantity(base, "deg")
        return Pow(base, self.argument())

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

    # -- atoms --------------------------------------------------------------------------------------------

    def atom(self) -> Node:
        """A literal, a name, a function with its argument, or something in brackets."""
        token = self.toks[self.at]
        kind = token.kind
        if kind == "num":
            self.at += 1
            return self._literal(_number(token.value))
        if kind == "sym":
            self.at += 1
            return SetOf(()) if token.value == "empty" else self._named(Sym(str(token.value)))
        if kind == "const":
            self.at += 1
            return Const(token.value)  # type: ignore[arg-type] # pi or inf, by the lexer
        if kind in ("(", "[", "langle"):
            group = self.bracketed()
            return self._based(group) if kind == "(" and self.kind == "_" else group
        if kind == "{":
            group = self.curly("}")
            return self._based(group) if self.kind == "_" else group
        if kind == "lbrace":
            return self.curly("rbrace")
        if kind == "func":
            return self._function()
        if kind == "cmd":
            return self._command()
        if kind in ("|", "norm"):
            return self.absolute()
        if kind == "begin":
            return self.environment()
        if kind == "set":
            self.at += 1
            return self.named_set(str(token.value))
        if kind in _CURRENCIES or kind == "currency":
            self.at += 1
            return Quantity(self._factor(), _CURRENCIES.get(kind) or str(token.value))
        if kind == "]":
            return self.interval_from_the_right()
        if kind == "dots":
            self.at += 1
            return Dots()
        raise self.error("expected a value")

    def _literal(self, literal: Num) -> Node:
        """A number, a number in a base (`4343_6`), or a repeating decimal (`0.1\\overline{6}`)."""
        token = self.toks[self.at]
        if token.kind == "_":
            return self._based(literal)
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

    def _based(self, digits: Node) -> Node:
        """`4343_6`, `(1011)_2`, `{1011}_2`: digits in a base."""
        end = self.toks[self.at - 1]
        self.at += 1
        base = self.argument()
        if not (isinstance(digits, Num) and digits.decimals is None and digits.den == 1 and _is_whole(base)):
            raise self.error("a subscript on something that is no name")
        return based(str(digits.num) if end.kind != "num" else self.text[end.at : end.to], _number(base).num)

    def _named(self, symbol: Sym) -> Node:
        """A name with its subscript, as a function where a bracket follows a function letter."""
        name = symbol.name
        if self.kind == "_":
            self.at += 1
            subscript = self.argument()
            if name in ("C", "A", "P") and self.kind == "^":
                return self._chosen(name, subscript)
            flat = _flat(subscript)
            if flat is None:
                return Apply(name, (subscript,))
            name = f"{name}_{flat}"
        elif name in ("C", "A") and self.kind == "^" and self._subscript_after_exponent():
            self.at += 1
            upper = self.argument()
            self.expect("_")
            return Call("binom" if name == "C" else "perm", (self.argument(), upper))
        return self._applied(name)

    def _subscript_after_exponent(self) -> bool:
        following = self.at + 2
        if self.toks[self.at + 1].kind == "{":
            following += 2
        return following < len(self.toks) and self.toks[following].kind == "_"

    def _chosen(self, name: str, lower: Node) -> Node:
        """`C_5^2` and `A_5^3`, the notation for combinations and arrangements in much of the world."""
        self.at += 1
        upper = self.argument()
        return Call("binom" if name == "C" else "perm", (lower, upper))

    def _applied(self, name: str) -> Node:
        head = name.partition("_")[0].rstrip("'")
        if head not in _FUNCTION_LETTERS:
            return Sym(name)
        if self.kind == "^" and self.toks[self.at + 1].kind == "{" and self.toks[self.at + 2].kind == "-":
            # f^{-1}(x) is the inverse function.
            if self.toks[self.at + 3].value == Num(1) and self.toks[self.at + 5].kind == "(":
                self.at += 5
                name += "^-1"
        if self.kind != "(":
            return Sym(name)
        inside = self.bracketed()
        return Apply(name, inside.items if isinstance(inside, Group) else (inside,))

    def named_set(self, name: str) -> Node:
        """R, Z^+, \\mathbb{R}_{>0}, N^*."""
        while self.kind in ("^", "_"):
            subscript = self.take().kind == "_"
            if self.accept("{"):
                marks = ""
                while self.kind not in ("}", "eof"):
                    token = self.take()
                    marks += str(token.value) if token.kind != "num" else str(_number(token.value).num)
                self.expect("}")
            else:
                token = self.take()
                marks = str(token.value) if token.kind != "num" else str(_number(token.value).num)
            if not subscript and marks.isdigit():
                raise self.error("a power of a set")
            name += {">0": "+", "<0": "-", ">=0": "0+", "0": "0", "++": "+"}.get(marks, marks)
        return NamedSet(name)

    # -- functions and commands ---------------------------------------------------------------------------

    def _function(self) -> Node:
        """A known function: its base or index, its power, its argument with or without brackets."""
        name = str(self.take().value)
        sub: Node | None = None
        power: Node | None = None
        if name in ("sqrt", "cbrt"):
            return self._root(name)
        token = self.toks[self.at]
        if (
            name == "log"
            and token.kind == "num"
            and self.toks[self.at + 1].kind == "("
            and token.at == self.toks[self.at - 1].to
        ):
            # `log2(8)`
            sub = _number(self.take().value)
        while self.kind in ("_", "^"):
            if self.take().kind == "_":
                sub = self.argument()
            else:
                power = self.argument()
        args = self._arguments(name)
        if name == "lg":
            name, sub = "log", Num(10)
        if power == Neg(Num(1)) and name in _INVERTIBLE:
            return Call(f"a{name}", args)
        call = Call(name, args, sub)
        return call if power is None else Pow(call, power)

    def _root(self, name: str) -> Node:
        index: Node | None = Num(3) if name == "cbrt" else None
        if self.kind == "[":
            self.at += 1
            self.descend()
            index = self.expression()
            self.depth -= 1
            self.expect("]")
        radicand = self.argument()
        return (
            Call("sqrt", (radicand,)) if index is None or index == Num(2) else Call("root", (radicand, index))
        )

    def _arguments(self, name: str) -> tuple[Node, ...]:
        self.descend()
        try:
            if self.kind in ("(", "[") or (
                self.kind == "{" and name in ("gcd", "lcm", "max", "min", "binom")
            ):
                inside = self.bracketed() if self.kind != "{" else self.curly("}")
                return inside.items if isinstance(inside, Group | SetOf) else (inside,)
            if self.kind == "lbrace":
                inside = self.curly("rbrace")
                return inside.items if isinstance(inside, SetOf) else (inside,)
            return (self._bare_argument(),)
        finally:
            self.depth -= 1

    def _bare_argument(self) -> Node:
        """What follows a function without brackets: factors side by side up to the next function, sign or relation."""
        if self.kind == "-":
            self.at += 1
            return Neg(self._bare_argument())
        if self.kind == "func":
            return self.power()
        factors = [self.power()]
        while self.kind in ("num", "sym", "const", "{", "cmd") or (
            self.kind == "/" and self._plain_quotient()
        ):
            if self.accept("/"):
                factors = [Div(_product(factors), self.power())]
            elif self.kind == "cmd" and self.toks[self.at].value != "frac":
                break
            else:
                factors.append(self.power())
        return _product(factors)

    def _plain_quotient(self) -> bool:
        # `\sin x/2` is ambiguous; `\sin \pi/3` and `cos 2pi/7` mean the quotient.
        return self.toks[self.at - 1].kind == "const" and self.toks[self.at + 1].kind == "num"

    def _command(self) -> Node:
        token = self.take()
        name = str(token.value)
        if name == "frac":
            top = self._fraction_part()
            return Div(top, self._fraction_part())
        if name == "binom":
            upper = self.argument()
            return Call("binom", (upper, self.argument()))
        if name == "mathbb":
            braced = self.accept("{")
            letter = self.take()
            if braced:
                self.expect("}")
            return self.named_set(str(letter.value))
        if name in _BIG:
            return self._big(_BIG[name])
        if name in ("lfloor", "lceil"):
            self.descend()
            inside = self.expression()
            self.depth -= 1
            self.expect("r" + name[1:])
            return Call("floor" if name == "lfloor" else "ceil", (inside,))
        if name in _DECORATIONS:
            return self._decorated(name)
        if name in _ANGLE_MARKS:
            return Call("angle" if name != "triangle" else "triangle", (self.product(),))
        if name == "neg" or name == "lnot":
            return Call("not", (self.power(),))
        self.at -= 1
        raise self.error(f"unknown command \\{name}")

    def _fraction_part(self) -> Node:
        # `\\frac12`: an unbraced argument is one digit.
        token = self.toks[self.at]
        if token.kind == "num" and token.to - token.at > 1 and self.text[token.at : token.to].isdigit():
            digit = self.text[token.at]
            rest = self.text[token.at + 1 : token.to]
            self.toks[self.at] = Token("num", Num(int(digit)), token.at, token.at + 1)
            self.toks.insert(self.at + 1, Token("num", number(rest), token.at + 1, token.to))
        return self.argument()

    def _decorated(self, name: str) -> Node:
        inside = self.argument()
        if name in ("vec", "overrightarrow"):
            return Call("vec", (inside,))
        if name in ("bar", "overline") and not isinstance(inside, Num):
            return Call("conj", (inside,))
        if isinstance(inside, Sym):
            return self._named(Sym(f"{inside.name}^{name}"))
        raise self.error(f"\\{name} over something that is no name")

    def _big(self, op: str) -> Node:
        lower: Node | None = None
        upper: Node | None = None
        var: str | None = None
        while self.kind in ("_", "^"):
            if self.take().kind == "_":
                var, lower = self._bound()
            else:
                upper = self.argument()
        self.descend()
        body = self.product()
        self.depth -= 1
        if op == "int":
            var, body = _differential(body)
        return BigOp(op, var, lower, upper, body)  # type: ignore[arg-type] # one of the four by _BIG

    def _bound(self) -> tuple[str | None, Node]:
        braced = self.accept("{")
        bound = self.relation() if braced else self.argument()
        if braced:
            self.expect("}")
        operands = getattr(bound, "operands", None)
        if operands and len(operands) == 2 and isinstance(operands[0], Sym):
            return operands[0].name, operands[1]
        return None, bound

    def _quantity(self, value: Node) -> Node | None:
        """The value with the unit or percent sign that follows; None (nothing consumed) when the words are no unit."""
        if self.accept("%"):
            return Percent(value)
        first = self.at
        spelt = ""
        best: tuple[int, str] | None = None
        for at in range(first, min(first + MAX_UNIT_TOKENS, len(self.toks))):
            token = self.toks[at]
            if token.kind not in ("word", "/", "*", "^", "num", "-", "sym", "{", "}"):
                break
            glue = " " if spelt and token.kind == "word" and self.toks[at - 1].kind == "word" else ""
            spelt += glue + (str(_number(token.value).num) if token.kind == "num" else str(token.value))
            unit = units.canonical(spelt)
            if unit is not None:
                best = (at + 1, unit)
        if best is None:
            return None
        self.at = best[0]
        scale, _, rest = best[1].partition(" ")
        if scale in _SCALES:
            value = Mul((value, Pow(Num(10), Num(_SCALES[scale]))))
            return Quantity(value, rest) if rest else value
        return Percent(value) if best[1] == "%" else Quantity(value, best[1])


def based(digits: str, base: int) -> Based:
    """Digits in a base; without a value where they are none of that base."""
    valid = 2 <= base <= _LARGEST_BASE and digits.isalnum() and all(int(digit, 36) < base for digit in digits)
    return Based(digits.upper(), base, int(digits, base) if valid else None)


def _product(factors: list[Node]) -> Node:
    return factors[0] if len(factors) == 1 else Mul(tuple(factors))


def _is_whole(node: object) -> bool:
    return isinstance(node, Num) and node.den == 1 and node.decimals is None


def _number(value: object) -> Num:
    assert isinstance(value, Num)
    return value


def _flat(subscript: Node) -> str | None:
    """A subscript that is part of the name: `x_1`, `a_n`, `T_{max}`; None where it is an index to compute (`a_{n+1}`)."""
    if isinstance(subscript, Sym):
        return subscript.name
    if isinstance(subscript, Num) and _is_whole(subscript):
        return str(subscript.num)
    if isinstance(subscript, Mul) and all(isinstance(x, Sym | Num) for x in subscript.factors):
        return "".join(_flat(x) or "" for x in subscript.factors)
    return None


def _differential(body: Node) -> tuple[str | None, Node]:
    """The variable of an integral whose body ends in `dx`."""
    if isinstance(body, Mul) and len(body.factors) >= 2:
        *rest, d, x = body.factors
        if d == Sym("d") and isinstance(x, Sym):
            return x.name, _product(rest) if rest else Num(1)
    return None, body
