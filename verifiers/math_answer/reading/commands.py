"""The command layer of the parser: known functions, fractions, sums and integrals, decorated names."""

from verifiers.math_answer.reading.lexer import Token, number
from verifiers.math_answer.reading.literals import literal
from verifiers.math_answer.reading.names import Names
from verifiers.math_answer.tree import BigOp, Call, Div, Group, Mul, Neg, Node, Num, Pow, SetOf, Sym

_INVERTIBLE = frozenset({"sin", "cos", "tan", "cot", "sec", "csc"})
_BIG = {"sum": "sum", "prod": "prod", "int": "int", "lim": "lim"}
_DECORATIONS = frozenset({"vec", "overrightarrow", "hat", "tilde", "bar", "dot", "widehat", "overline"})
_ANGLE_MARKS = frozenset({"angle", "triangle", "measuredangle"})
_UNIT_VECTORS = frozenset({Sym("i"), Sym("j"), Sym("k")})
_NEGATIONS = frozenset({"neg", "lnot"})
_ARGUMENT_STARTS = frozenset({"num", "sym", "const", "func", "cmd", "(", "[", "{", "lbrace", "|", "^", "word"})


class Commands(Names):
    """Functions and commands on top of names."""

    __slots__ = ()

    def function(self) -> Node:
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
            sub = literal(self.take().value)
        while self.kind in ("_", "^"):
            if self.take().kind == "_":
                if name == "log" and self.toks[self.at + 1].kind not in _ARGUMENT_STARTS:
                    self._one_digit()  # `\log_23` is the logarithm of 3, as TeX sets it
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
        return Call("sqrt", (radicand,)) if index is None or index == Num(2) else Call("root", (radicand, index))

    def _arguments(self, name: str) -> tuple[Node, ...]:
        self.descend()
        try:
            if self.kind in ("(", "[") or (self.kind == "{" and name in ("gcd", "lcm", "max", "min", "binom")):
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
        while self.kind in ("num", "sym", "const", "{", "cmd") or (self.kind == "/" and self._plain_quotient()):
            if self.accept("/"):
                factors = [Div(product_of(factors), self.power())]
            elif self.kind == "cmd" and self.toks[self.at].value != "frac":
                break
            else:
                factors.append(self.power())
        return product_of(factors)

    def _plain_quotient(self) -> bool:
        # `\sin x/2` is ambiguous; `\sin \pi/3` and `cos 2pi/7` mean the quotient.
        return self.toks[self.at - 1].kind == "const" and self.toks[self.at + 1].kind == "num"

    def command(self) -> Node:
        token = self.take()
        name = str(token.value)
        if name == "frac":
            top = self._fraction_part()
            return Div(top, self._fraction_part())
        if name == "binom":
            upper = self._fraction_part()
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
        if name in _NEGATIONS:
            return Call("not", (self.power(),))
        self.at -= 1
        raise self.error(f"unknown command \\{name}")

    def _fraction_part(self) -> Node:
        self._one_digit()
        return self.argument()

    def _one_digit(self) -> None:
        """`\\frac12`: an unbraced argument is one digit."""
        token = self.toks[self.at]
        if token.kind == "num" and token.to - token.at > 1 and self.text[token.at : token.to].isdigit():
            digit = self.text[token.at]
            rest = self.text[token.at + 1 : token.to]
            self.toks[self.at] = Token("num", Num(int(digit)), token.at, token.at + 1)
            self.toks.insert(self.at + 1, Token("num", number(rest), token.at + 1, token.to))

    def _decorated(self, name: str) -> Node:
        inside = self.argument()
        if name in ("vec", "overrightarrow"):
            return Call("vec", (inside,))
        if name in ("bar", "overline") and not isinstance(inside, Num):
            return Call("conj", (inside,))
        if name == "hat" and inside in _UNIT_VECTORS:
            return Call("hat", (inside,))
        if isinstance(inside, Sym):
            return self.named(Sym(f"{inside.name}^{name}"))
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


def product_of(factors: list[Node]) -> Node:
    return factors[0] if len(factors) == 1 else Mul(tuple(factors))


def _differential(body: Node) -> tuple[str | None, Node]:
    """The variable of an integral whose body ends in `dx`."""
    if isinstance(body, Mul) and len(body.factors) >= 2:
        *rest, d, x = body.factors
        if d == Sym("d") and isinstance(x, Sym):
            return x.name, product_of(rest) if rest else Num(1)
    return None, body
