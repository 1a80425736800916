"""Rules for several values: lists, sets, tuples, values under names.

Rule 1: a set has neither order nor multiplicity; a bare list has multiplicity, and order only where the question
        asks for one; a tuple has both. A tuple is never a set.
Rule 2: several different values against a single one is a hedge, refuted whichever side is right.
Rule 3: values under names (`p = 3, q = 4`) against bare values: in the question's order of the names where it
        gives one, else in the order written. Names in words (`Paolo: 18, Qing: 14`) may come in any order, except
        where the question fixes one or where the names contradict the values (a maximum below a minimum).
Rule 4: plus-minus stands for both values. A point with signs in several coordinates may mean two points or four:
        it equals only what is written likewise.
"""

from collections.abc import Callable, Sequence
from enum import Enum
from typing import NamedTuple

from verifiers.math_answer.context import Context
from verifiers.math_answer.matching import Same, as_sets, conjunction, in_any_order, in_order
from verifiers.math_answer.naming import COMPUTES, Assignment, alternating, assignments, is_name, one_name_for_all
from verifiers.math_answer.tree import (
    Add,
    Apply,
    Call,
    Const,
    Div,
    Dots,
    Group,
    Labelled,
    Logic,
    Mul,
    Neg,
    Node,
    Num,
    Percent,
    PlusMinus,
    Pow,
    Quantity,
    Ratio,
    Rel,
    Seq,
    SetBuilder,
    SetOf,
    Sym,
    Text,
)
from verifiers.math_answer.values import order
from verifiers.math_answer.walk import expand_plus_minus, preorder

EXPRESSIONS = (Num, Sym, Const, Add, Neg, Mul, Div, Pow, Call, Apply, Percent, Quantity, PlusMinus)
"""Nodes that are one value."""

GREATEST, LEAST = ("max", "greatest", "largest", "最大"), ("min", "least", "smallest", "最小")


class Kind(Enum):
    """How several values are held together."""

    LIST = "list"
    SET = "set"
    TUPLE = "tuple"
    BRACKETS = "brackets"
    """`[1, 2]`: a list as programs print it, an interval, or a vector."""
    NAMED = "named"
    ONE = "one"


class Several(NamedTuple):
    """Values, and how they are held together; `names` belong to the values one by one for Kind.NAMED."""

    kind: Kind
    items: tuple[Node, ...]
    names: tuple[Node, ...] = ()


def same_values_in_collection(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Lists, sets, tuples and named values against each other, and against a single value."""
    left, right = _several(reference), _several(response)
    if left.kind is Kind.ONE and right.kind is Kind.ONE:
        return None
    if left.kind is Kind.ONE or right.kind is Kind.ONE:
        return _against_one(left, right, ctx, same)
    if left.kind is Kind.NAMED and right.kind is Kind.NAMED:
        return _same_assignments(left, right, ctx, same)
    if left.kind is Kind.NAMED or right.kind is Kind.NAMED:
        return _named_against_bare(left, right, ctx, same)
    if Dots() in left.items or Dots() in right.items:
        return in_order(left.items, right.items, ctx, same) or None
    return _by_kind(left, right, ctx, same)


def _several(node: Node) -> Several:
    match node:
        case Seq(items=items) | Logic(op="or", args=items):
            return _listed(node, items)
        case SetOf(items=items):
            return Several(Kind.SET, _signs_expanded(items))
        case Group(left=left, items=items, right=right):
            signed = _signed_coordinates(node)
            if signed:
                both = expand_plus_minus(node, linked=False) if signed == 1 else (node,)
                return Several(Kind.SET if signed == 1 else Kind.ONE, both)
            if left + right == "[]":
                return Several(Kind.BRACKETS, items)
            return Several(Kind.TUPLE, items) if left + right in ("()", "<>") else Several(Kind.ONE, (node,))
        case Rel(operands=(name, values), ops=("in",)) if is_name(name) and isinstance(values, SetOf):
            return _several(values)
        case SetBuilder(condition=Logic(op="or", args=args)):
            return _listed(node, args)
        case Logic(args=args) if one_name_for_all(args) is not None:
            return _listed(node, args)
        case Rel() | Logic():
            pairs = assignments(node)
            return Several(Kind.ONE, (node,)) if pairs is None else _named(pairs)
        case Add() | PlusMinus() | Mul() | Div() | Neg() | Quantity():
            both = expand_plus_minus(node, linked=False)
            return Several(Kind.SET if len(both) > 1 else Kind.ONE, both)
        case _:
            return Several(Kind.ONE, (node,))


def _named(pairs: Sequence[Assignment]) -> Several:
    return Several(Kind.NAMED, tuple(value for _, value in pairs), tuple(name for name, _ in pairs))


def _listed(node: Node, items: Sequence[Node]) -> Several:
    pairs = None if isinstance(node, Logic | SetBuilder) else assignments(node)
    if pairs is not None:
        return _named(pairs)
    if any(map(_restricts, items)) and not all(map(_restricts, items)):
        return Several(Kind.ONE, (node,))
    kind = Kind.LIST if isinstance(node, Seq) and node.joint != "or" else Kind.SET
    values = one_name_for_all(items)
    if values is not None:
        # Functions stay whole: the argument is bound in each by itself.
        kept = items if isinstance(items[0], Rel) and isinstance(items[0].operands[0], Apply) else values
        return Several(Kind.SET if all(isinstance(item, Rel) for item in items) else kind, _signs_expanded(kept))
    items = _without_part_labels(items)
    systems = alternating(items)
    if systems is not None:
        return Several(kind, systems)
    if isinstance(node, Logic) and not all(isinstance(item, Logic) or assignments(item) for item in items):
        return Several(Kind.ONE, (node,))
    return Several(kind, _signs_expanded(items))


def _restricts(item: Node) -> bool:
    r"""`n \ge 3` or `n even` beside a value: a condition on it, not another value."""
    if isinstance(item, Rel):
        return not COMPUTES.issuperset(item.ops) and item.ops != ("in",)
    return isinstance(item, Quantity) and isinstance(item.x, Sym)


def _without_part_labels(items: Sequence[Node]) -> tuple[Node, ...]:
    """`Sequence 1: -2, -1 and Sequence 2: 10, 11` as one list: a label stands before several values."""
    labelled = [item for item in items if isinstance(item, Labelled)]
    if len(labelled) in (0, len(items)):
        return tuple(items)
    return tuple(_under_label(item) for item in items)


def _under_label(item: Node) -> Node:
    match item:
        case Labelled(x=Ratio(items=(Num(decimals=None, den=1), value))):
            # "Sequence 1: -2" reads as the label "sequence" before 1 : -2.
            return value
        case Labelled(x=value):
            return value
        case _:
            return item


def _signs_expanded(items: Sequence[Node]) -> tuple[Node, ...]:
    """Both values for each plus-minus, points with a sign in several coordinates apart (Rule 4)."""
    found: list[Node] = []
    for item in items:
        linked = isinstance(item, Group) and _signed_coordinates(item) == 1
        if isinstance(item, Group) and not linked:
            found.append(item)
        else:
            found.extend(expand_plus_minus(item, linked=linked))
    return tuple(found)


def _signed_coordinates(item: Group) -> int:
    return sum(any(isinstance(part, PlusMinus) for part in preorder(coordinate)) for coordinate in item.items)


def _against_one(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    several, one = (right, left) if left.kind is Kind.ONE else (left, right)
    value = one.items[0]

    def same_as_one(item: Node) -> bool | None:
        return same(value, item) if several is right else same(item, value)

    if several.kind is Kind.NAMED:
        return _one_of_named(several, same_as_one, ctx)
    if len(several.items) == 1:
        return same_as_one(several.items[0]) if several.kind is Kind.SET else None
    if not isinstance(value, EXPRESSIONS):
        return None
    if several.kind in (Kind.TUPLE, Kind.BRACKETS) or not several.items:
        return False
    verdicts = [same_as_one(item) for item in several.items]
    return None if all(verdict is not False for verdict in verdicts) else False


def _one_of_named(several: Several, same_as_one: Callable[[Node], bool | None], ctx: Context) -> bool | None:
    """`x = 3, y = 4` against 3: the value asked for decides, where the question asks for one."""
    asked = [Sym(name) for name in ctx.hints.asked]
    if len(asked) == 1 and asked[0] in several.names:
        return same_as_one(several.items[several.names.index(asked[0])])
    verdicts = [same_as_one(item) for item in several.items]
    return False if all(verdict is False for verdict in verdicts) else None


def _by_kind(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    kinds = {left.kind, right.kind}
    if Kind.SET in kinds:
        return _with_set(left, right, ctx, same)
    if kinds == {Kind.LIST}:
        return _lists(left, right, ctx, same)
    if kinds == {Kind.TUPLE}:
        return in_order(left.items, right.items, ctx, same)
    if kinds == {Kind.TUPLE, Kind.LIST}:
        return _tuple_against_list(left, right, ctx, same)
    return _with_brackets(left, right, ctx, same)


def _with_set(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    kinds = {left.kind, right.kind}
    if Kind.TUPLE in kinds:
        group, elements = (left, right) if left.kind is Kind.TUPLE else (right, left)
        whole = Group("(", group.items, ")")
        return same(whole, elements.items[0]) if len(elements.items) == 1 else False
    if Kind.BRACKETS in kinds and min(len(left.items), len(right.items)) < 3:
        return None
    verdict = as_sets(left.items, right.items, ctx, same)
    if kinds == {Kind.SET} or not verdict:
        return verdict
    listed, elements = (left, right) if right.kind is Kind.SET else (right, left)
    return True if len(listed.items) <= len(elements.items) else None


def _lists(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    """Rule 1. "Find all, in increasing order" leaves open whether the order was part of the answer."""
    if not _order_matters(left, ctx):
        return _unless_ambiguous(in_any_order(left.items, right.items, ctx, same), left, right)
    verdict = in_order(left.items, right.items, ctx, same)
    if verdict is False and ctx.hints.find_all:
        return None if in_any_order(left.items, right.items, ctx, same) is not False else False
    return verdict


def _order_matters(listed: Several, ctx: Context) -> bool:
    return ctx.hints.ordered and not all(isinstance(item, Group) for item in listed.items)


def _unless_ambiguous(verdict: bool | None, left: Several, right: Several) -> bool | None:
    """Rule 4: points that may stand for several are not refuted by their count."""
    ambiguous = any(isinstance(item, Group) and _signed_coordinates(item) > 1 for item in (*left.items, *right.items))
    return None if ambiguous and verdict is False else verdict


def _tuple_against_list(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    """`(3, 4)` against `3, 4`: in order, and not where an interval or all solutions are asked for."""
    group, listed = (left, right) if left.kind is Kind.TUPLE else (right, left)
    if any(isinstance(item, Group) for item in listed.items) and not any(
        isinstance(item, Group) for item in group.items
    ):
        return False
    verdict = in_order(left.items, right.items, ctx, same)
    if verdict is False:
        return None if in_any_order(left.items, right.items, ctx, same) is not False else False
    hints = ctx.hints
    another_kind = hints.interval or (hints.find_all and not hints.ordered and len(hints.asked) < 2)
    return None if another_kind else verdict


def _with_brackets(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    """`[1, 2, 3]` is a list or a vector; two items may be an interval and are compared only with the like."""
    verdict = in_order(left.items, right.items, ctx, same)
    pair = len(left.items) == 2
    if left.kind is right.kind:
        return verdict
    if pair and not (ctx.hints.ordered and not ctx.hints.interval):
        return False if verdict is False else None
    if verdict is False and Kind.LIST in (left.kind, right.kind):
        return in_any_order(left.items, right.items, ctx, same) if ctx.hints.find_all else None
    return verdict


def _same_assignments(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    """Named values against named values: the names say which belong together."""
    ours, theirs = _by_name(left), _by_name(right)
    if ours.keys() == theirs.keys() and _any_order(left, ctx) and not isinstance(left.names[0], Text):
        return in_any_order(left.items, right.items, ctx, same)
    verdict = conjunction(same(value, theirs[key]) for key, value in ours.items() if key in theirs)
    return verdict if verdict is False or ours.keys() == theirs.keys() else None


def _by_name(named: Several) -> dict[Node, Node]:
    """What each name stands for: its value, or for a function the whole definition, whose argument is bound."""
    return {
        _name_key(name): Rel((name, value), ("=",)) if isinstance(name, Apply) else value
        for name, value in zip(named.names, named.items, strict=True)
    }


def _name_key(name: Node) -> Node:
    """`x` as a label in words and as a symbol is one name; so are `f(n)` and `f(m)`."""
    if isinstance(name, Apply) and all(isinstance(arg, Sym) for arg in name.args):
        return Apply(name.name, (Sym("_"),) * len(name.args))
    return Text(name.name) if isinstance(name, Sym) and name.name.islower() else name


def _named_against_bare(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    named, bare = (left, right) if left.kind is Kind.NAMED else (right, left)

    def ordered(items: Sequence[Node]) -> bool | None:
        ours, theirs = (items, bare.items) if named is left else (bare.items, items)
        return in_order(ours, theirs, ctx, same)

    def unordered(items: Sequence[Node]) -> bool | None:
        ours, theirs = (items, bare.items) if named is left else (bare.items, items)
        return in_any_order(ours, theirs, ctx, same)

    if bare.kind is Kind.SET or (bare.kind is Kind.BRACKETS and len(bare.items) == 2):
        verdict = unordered(named.items)
        return verdict if verdict is False or (bare.kind is Kind.SET and _any_order(named, ctx)) else None
    if _contradicts(named, ctx):
        return False
    as_asked = _in_asked_order(named, ctx)
    if as_asked is not None:
        return ordered(as_asked)
    verdict = ordered(named.items)
    if verdict is not False:
        return verdict
    free = unordered(named.items)
    if free and _any_order(named, ctx) and bare.kind is Kind.LIST and not ctx.hints.ordered:
        return True
    return False if free is False else None


def _any_order(named: Several, ctx: Context) -> bool:
    """Whether the names are in words, or number the answers (`x_1`, `x_2`) without being the question's own."""
    if all(isinstance(name, Text) for name in named.names):
        return True
    return bool(ctx.hints.variables) and _numbered(named.names).isdisjoint(ctx.hints.variables | {""})


def _numbered(names: Sequence[Node]) -> set[str]:
    """The names where all are one letter with different numbers; else the set that holds no name at all."""
    found = {name.name for name in names if isinstance(name, Sym) and name.name.partition("_")[2].isdigit()}
    letters = {name.partition("_")[0] for name in found}
    return found if len(found) == len(names) and len(letters) == 1 else {""}


def _in_asked_order(named: Several, ctx: Context) -> tuple[Node, ...] | None:
    """The values in the order in which the question asks for their names."""
    pairs = zip(named.names, named.items, strict=True)
    values = {name.name: item for name, item in pairs if isinstance(name, Sym)}
    asked = ctx.hints.asked
    if len(asked) != len(named.items) or set(asked) != values.keys():
        return None
    return tuple(values[name] for name in asked)


def _contradicts(named: Several, ctx: Context) -> bool:
    """Whether a maximum is given that lies below the minimum."""
    found: dict[tuple[str, ...], Node] = {}
    for name, item in zip(named.names, named.items, strict=True):
        for words in (GREATEST, LEAST):
            if isinstance(name, Text) and any(word in name.words for word in words):
                found[words] = item
    return len(found) == 2 and order(found[GREATEST], found[LEAST], ctx) == -1
