"""The name layer of the parser: symbols with subscripts and primes, applied functions, number sets.

Rule 1: a subscript that is a name or a literal belongs to the name (`x_1`); one to compute is an index (`a_{n+1}`).
"""

from verifiers.math_answer.reading.literals import Literals, is_whole, literal
from verifiers.math_answer.tree import Apply, Call, Group, Mul, NamedSet, Node, Num, Sym

_FUNCTION_LETTERS = frozenset({"f", "g", "h", "F", "G", "P", "Q", "phi", "psi"})

_INVERSE = ["^", "{", "-", "num", "}", "("]
"""`f^{-1}(x)` is the inverse function."""


class Names(Literals):
    """Names on top of literals."""

    __slots__ = ()

    def named(self, symbol: Sym) -> Node:
        """A name with its subscript, as a function where a bracket follows a function letter."""
        name = symbol.name
        if self.kind == "_":
            self.at += 1
            subscript = self._extreme() or self.argument()
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

    def _extreme(self) -> Node | None:
        """`n_{\\min}`: a function's name as a subscript."""
        braced = self.kind == "{"
        token = self.toks[self.at + braced]
        if token.kind != "func" or (braced and self.toks[self.at + 2].kind != "}"):
            return None
        self.at += 3 if braced else 1
        return Sym(str(token.value))

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
        if [token.kind for token in self.toks[self.at : self.at + 6]] == _INVERSE and self.toks[
            self.at + 3
        ].value == Num(1):
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
                    marks += str(token.value) if token.kind != "num" else str(literal(token.value).num)
                self.expect("}")
            else:
                token = self.take()
                marks = str(token.value) if token.kind != "num" else str(literal(token.value).num)
            if not subscript and marks.isdigit():
                raise self.error("a power of a set")
            name += {">0": "+", "<0": "-", ">=0": "0+", "0": "0", "++": "+"}.get(marks, marks)
        return NamedSet(name)


def _flat(subscript: Node) -> str | None:
    """A subscript that is part of the name (`x_1`, `a_n`, `T_{max}`); None where it is an index to compute."""
    if isinstance(subscript, Sym):
        return subscript.name
    if isinstance(subscript, Num) and is_whole(subscript):
        return str(subscript.num)
    if isinstance(subscript, Mul) and all(isinstance(x, Sym | Num) for x in subscript.factors):
        return "".join(_flat(x) or "" for x in subscript.factors)
    return None
