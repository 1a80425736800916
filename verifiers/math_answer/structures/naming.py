"""Names before values: `x = 5`, `P(A) = 1/2`, `(x, y) = (1, 2)`, `w = 16, d = 3`, `Maximum: 2`. No comparison here.

Rule 1: a name is a thing that a value can be given to: a symbol, a function at arguments, a segment (`AB`), a length
        (`|AB|`), a tuple of names, or a label in words. `2x` and `x^2` are no names: `2x = 10` is an equation.
Rule 2: a name never occurs in its own value: `x = x` and `f(2) = f(3) + 4` name nothing.
"""

from collections.abc import Sequence
from typing import TypeAlias

from verifiers.math_answer.tree import (
    Apply,
    Call,
    Div,
    Group,
    Labelled,
    Logic,
    Mul,
    Node,
    Ratio,
    Rel,
    Seq,
    SetOp,
    Sym,
    Text,
)
from verifiers.math_answer.values.walk import preorder, symbols

Assignment: TypeAlias = tuple[Node, Node]
"""A name and its value."""

MAX_SEGMENT_LETTERS = 6
"""Capital letters written side by side that still name one thing: a hexagon `ABCDEF`."""

COMPUTES = frozenset(("=", "approx"))
"""Relations that give a value."""

FIGURES = frozenset(("abs", "norm", "vec", "det", "angle", "triangle", "arc"))
"""Calls that name a thing when they stand before points: `|AB|`, `\\angle ABC`. `|x|` alone is an expression."""

GENERIC_LABELS = frozenset(
    (
        "answer",
        "final answer",
        "the answer",
        "the final answer",
        "result",
        "the result",
        "solution",
        "the solution",
        "solutions",
        "value",
        "the value",
        "values",
        "ans",
        "答案",
        "最终答案",
        "答",
        "解",
        "结果",
    )
)
"""Labels that say nothing about which value follows."""


def is_name(node: Node) -> bool:
    """Whether a value can be given to it."""
    match node:
        case Sym() | Apply():
            return True
        case Call(name=name, args=(inner,)) if name in FIGURES:
            return is_segment(inner) or (
                isinstance(inner, Sym) if name != "abs" else isinstance(inner, Call) and is_name(inner)
            )
        case Group(items=items):
            return all(isinstance(item, Sym | Apply) for item in items)
        case SetOp(args=args):
            return all(isinstance(arg, Sym) for arg in args)
        case Div(top=top, bottom=bottom):
            return (is_segment(top) and is_segment(bottom)) or (_is_differential(top) and _is_differential(bottom))
        case Ratio(items=items):
            return all(map(is_segment, items))
        case _:
            return is_segment(node)


def _is_differential(node: Node) -> bool:
    """`dy` of `dy/dx`."""
    return isinstance(node, Mul) and len(node.factors) == 2 and node.factors[0] == Sym("d")


def is_segment(node: Node) -> bool:
    """`AB` or `ABC`: a product of capital letters, which names a segment or a polygon."""
    if not isinstance(node, Mul) or len(node.factors) > MAX_SEGMENT_LETTERS:
        return False
    return all(isinstance(factor, Sym) and factor.name[:1].isupper() for factor in node.factors)


def occurs(name: Node, node: Node) -> bool:
    """Whether a name, or the function that it names, is used in a node."""
    match name:
        case Sym(name=text):
            return text in symbols(node)
        case Apply(name=text):
            return any(isinstance(part, Apply) and part.name == text for part in preorder(node))
        case Group(items=items):
            return any(occurs(item, node) for item in items)
        case _:
            return any(part == name for part in preorder(node))


def named(node: Node) -> Assignment | None:
    """The name and the value where the node is one name given one value."""
    if isinstance(node, Labelled):
        return Text(node.label), node.x
    match node:
        case Mul(factors=(Sym(name=letter) as point, Group() as place)) if letter.isupper():
            return point, place
    if not isinstance(node, Rel) or not COMPUTES.issuperset(node.ops):
        return None
    first, rest = node.operands[0], rest_of(node)
    if is_name(first):
        return None if occurs(first, rest) else (_without_length_bars(first), rest)
    if node.ops == ("=",) and is_name(rest) and not occurs(rest, first):
        return rest, first
    return None


def _without_length_bars(name: Node) -> Node:
    """`|AB|` is the length of the segment that `AB` names, and both name the same number."""
    return name.args[0] if isinstance(name, Call) and name.name == "abs" else name


def rest_of(chain: Rel) -> Node:
    """What follows the first operand: one operand, or a shorter chain."""
    if len(chain.operands) == 2:
        return chain.operands[1]
    return Rel(chain.operands[1:], chain.ops[1:])


def label_words(name: Node) -> str | None:
    """The words of a label, None for a name in symbols."""
    return name.words if isinstance(name, Text) else None


def is_generic(name: Node) -> bool:
    """Whether the name is a label that fits any answer."""
    return isinstance(name, Text) and name.words in GENERIC_LABELS


def assignments(node: Node) -> tuple[Assignment, ...] | None:
    """Two or more different names, each with its value; None for anything else, also for `x = 1, x = 2`."""
    pairs = _pairs(node)
    if pairs is None or len(pairs) < 2 or len({name for name, _ in pairs}) < len(pairs):
        return None
    return tuple(pairs)


def _pairs(node: Node) -> list[Assignment] | None:
    match node:
        case Seq(items=items, joint="comma" | "and") | Logic(op="and", args=items):
            return _joined(items)
        case Rel(operands=(Group(items=names), Group(items=values)), ops=("=",)) if len(names) == len(
            values
        ) and is_name(node.operands[0]):
            return None if occurs(node.operands[0], node.operands[1]) else list(zip(names, values, strict=True))
        case Rel(operands=(*names, value), ops=ops) if len(names) > 1 and set(ops) == {"="}:
            if all(isinstance(name, Sym) for name in names) and not any(occurs(name, value) for name in names):
                return [(name, value) for name in names]
            return None
        case _:
            pair = named(node)
            return None if pair is None else [pair]


def _joined(items: Sequence[Node]) -> list[Assignment] | None:
    found: list[Assignment] = []
    if len(items) > 1 and all(map(_letter_before_colon, items)):
        # `A: 3, B: 4`
        return [(item.items[0], item.items[1]) for item in items if isinstance(item, Ratio)]
    for item in items:
        part = None if isinstance(item, Seq | Logic) else _pairs(item)
        if part is None:
            return None
        found.extend(part)
    return found


def _letter_before_colon(item: Node) -> bool:
    match item:
        case Ratio(items=(Sym(name=name), value)):
            return len(name) == 1 and name.isupper() and closed(value)
        case _:
            return False


def one_name_for_all(items: Sequence[Node]) -> tuple[Node, ...] | None:
    """The values of `x = 1, x = 2` or `x = 1, 2`: one name, written before each value or only before the first."""
    pairs = [named(item) for item in items]
    first = pairs[0]
    if first is None or isinstance(first[0], Text):
        return None
    if all(pair is not None and pair[0] == first[0] for pair in pairs):
        return tuple(pair[1] for pair in pairs if pair is not None)
    if all(pair is None for pair in pairs[1:]) and not any(isinstance(item, Rel | Labelled) for item in items[1:]):
        return (first[1], *items[1:])
    return None


def alternating(items: Sequence[Node]) -> tuple[Node, ...] | None:
    """`x = 1, y = 2, x = 2, y = 1` as the tuples (1, 2) and (2, 1): the same names come round again."""
    pairs = [named(item) for item in items]
    known = [pair for pair in pairs if pair is not None]
    names = [name for name, _ in known]
    width = len(set(names))
    rounds, rest = divmod(len(names), width or 1)
    if len(known) < len(pairs) or width < 2 or rounds < 2 or rest or names != names[:width] * rounds:
        return None
    values = [value for _, value in known]
    return tuple(Group("(", tuple(values[k : k + width]), ")") for k in range(0, len(values), width))


def closed(node: Node) -> bool:
    """Whether a value has no free name in it (`e` and `i` count as names of constants)."""
    return not (symbols(node) - {"e", "i"}) and not any(isinstance(part, Apply) for part in preorder(node))
