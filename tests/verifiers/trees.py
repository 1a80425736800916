"""Short constructors of answer trees for tests that are not about reading."""

from verifiers.math_answer.tree import Add, Call, Const, Div, Mul, Neg, Node, Num, Percent, Pow, Sym

x, y, z, a, n, k, e, i, C = (Sym(name) for name in ("x", "y", "z", "a", "n", "k", "e", "i", "C"))
pi = Const("pi")
inf = Const("inf")


def num(text: str) -> Node:
    """A number as written: `3`, `-2`, `2/3`, `0.50`, `6.67%`."""
    if text.startswith("-"):
        return Neg(num(text[1:]))
    if text.endswith("%"):
        return Percent(num(text[:-1]))
    if "/" in text:
        top, bottom = text.split("/")
        return Div(Num(int(top)), Num(int(bottom)))
    whole, point, decimals = text.partition(".")
    if not point:
        return Num(int(whole))
    return Num(int(whole + decimals), 10 ** len(decimals), len(decimals))


def node(value: "Node | int | str") -> Node:
    """A number or a tree."""
    return value if isinstance(value, Node) else num(str(value))


def add(*terms: "Node | int | str") -> Node:
    return Add(tuple(map(node, terms)))


def mul(*factors: "Node | int | str") -> Node:
    return Mul(tuple(map(node, factors)))


def div(top: "Node | int | str", bottom: "Node | int | str") -> Node:
    return Div(node(top), node(bottom))


def power(base: "Node | int | str", exponent: "Node | int | str") -> Node:
    return Pow(node(base), node(exponent))


def neg(value: "Node | int | str") -> Node:
    return Neg(node(value))


def call(name: str, *args: "Node | int | str", sub: "Node | int | None" = None) -> Node:
    return Call(name, tuple(map(node, args)), None if sub is None else node(sub))


def sqrt(value: "Node | int | str") -> Node:
    return call("sqrt", value)
