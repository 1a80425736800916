"""Rules for several values: lists, sets, tuples, values under names.

Rule 1: a set has neither order nor multiplicity; a bare list has multiplicity, and order only where the question
        asks for one; a tuple has both. A tuple is never a set.
Rule 2: several different values against a single one is a hedge, refuted whichever side is right.
Rule 3: values under names (`p = 3, q = 4`) against bare values: in the question's order of the names where it
        gives one, else in the order written. Names in words, in another order: a maximum and a minimum tell themselves
        apart, and a reference of three or more values in rising order was sorted; else nothing is known.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.matching import Same, as_sets, conjunction, in_any_order, in_order
from verifiers.math_answer.structures.several import EXPRESSIONS, Kind, Several, several, signed_coordinates
from verifiers.math_answer.tree import (
    Apply,
    Dots,
    Group,
    Node,
    Quantity,
    Rel,
    Sym,
    Text,
)
from verifiers.math_answer.values.equality import order
from verifiers.math_answer.values.walk import variables

GREATEST, LEAST = ("max", "greatest", "largest", "最大"), ("min", "least", "smallest", "最小")


EXTREMES = {
    **dict.fromkeys(("\\\\max", "max", "maximum", "maximum value", "the maximum", "the maximum value"), "max"),
    **dict.fromkeys(("\\\\min", "min", "minimum", "minimum value", "the minimum", "the minimum value"), "min"),
}
"""Labels of extremes, by one name each."""

PARAMETER_LETTERS = frozenset("kmnstl")
"""Letters that usually run where an answer does not say what they are."""


def same_values_in_collection(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Lists, sets, tuples and named values against each other, and against a single value."""
    left, right = several(reference), several(response)
    if left.kind is Kind.ONE and right.kind is Kind.ONE:
        return None
    verdict = _compared(left, right, ctx, same)
    return None if verdict is False and _run(left, ctx) and _run(right, ctx) else verdict


def _compared(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    if left.kind is Kind.ONE or right.kind is Kind.ONE:
        return _against_one(left, right, ctx, same)
    if left.kind is Kind.NAMED and right.kind is Kind.NAMED:
        return _same_assignments(left, right, ctx, same)
    if left.kind is Kind.NAMED or right.kind is Kind.NAMED:
        return _named_against_bare(left, right, ctx, same)
    if _has_words(left) != _has_words(right):
        # "(1, 2, 3) and all permutations" says more than it lists.
        return None
    if Dots() in left.items or Dots() in right.items:
        return in_order(left.items, right.items, ctx, same) or None
    return _by_kind(left, right, ctx, same)


def _has_words(several: Several) -> bool:
    return any(isinstance(item, Text) for item in several.items)


def _run(several: Several, ctx: Context) -> bool:
    """Whether the parts run with a parameter: `(3 + 2t, 2 - t)` may be `(1 + 2t, 3 - t)` from another start."""
    if any(isinstance(name, Apply) for name in several.names):
        return False  # the argument of a function
    names = frozenset().union(*(variables(item, ctx) for item in several.items))
    return bool((names & PARAMETER_LETTERS) - ctx.hints.variables)


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
    if several is left and several.kind is Kind.SET and all(verdicts):
        # A reference `\\frac{1}{2} or 0.5` gives one value in two ways. An answer that does so is not paid for it.
        return True
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
    told = _counts_kinds(left) == _counts_kinds(right) and not ctx.hints.sorted
    if told and not _order_matters(left, ctx):
        return _unless_ambiguous(in_any_order(left.items, right.items, ctx, same), left, right)
    verdict = in_order(left.items, right.items, ctx, same)
    if verdict is False and (ctx.hints.find_all or not told):
        return None if in_any_order(left.items, right.items, ctx, same) is not False else False
    return verdict


def _counts_kinds(listed: Several) -> bool:
    """`18 boys, 14 girls`: the words say which is which, as names do."""
    kinds = {item.unit for item in listed.items if isinstance(item, Quantity)}
    return 1 < len(kinds) == len(listed.items)


def _order_matters(listed: Several, ctx: Context) -> bool:
    return ctx.hints.ordered and not all(isinstance(item, Group) for item in listed.items)


def _unless_ambiguous(verdict: bool | None, left: Several, right: Several) -> bool | None:
    """Rule 4: points that may stand for several are not refuted by their count."""
    ambiguous = any(isinstance(item, Group) and signed_coordinates(item) > 1 for item in (*left.items, *right.items))
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
    if pair:
        return False if verdict is False else None
    if verdict is False and Kind.LIST in (left.kind, right.kind):
        return in_any_order(left.items, right.items, ctx, same) if ctx.hints.find_all else None
    return verdict


def _same_assignments(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    """Named values against named values: the names say which belong together."""
    ours, theirs = _by_name(left), _by_name(right)
    numbered = ours.keys() == theirs.keys() and _number_the_answers(left, ctx)
    if numbered and ctx.hints.variables:
        return in_any_order(left.items, right.items, ctx, same)
    verdict = conjunction(same(value, theirs[key]) for key, value in ours.items() if key in theirs)
    if numbered and verdict is False:
        # Without a question `x_1` and `x_2` may be numbers of answers, which anyone gives as he likes.
        return None if in_any_order(left.items, right.items, ctx, same) is not False else False
    return verdict if verdict is False or ours.keys() == theirs.keys() else None


def _by_name(pairs: Several) -> dict[Node, Node]:
    """What each name stands for: its value, or for a function the whole definition, whose argument is bound."""
    return {
        _point_key(name, value): Rel((name, value), ("=",)) if isinstance(name, Apply) else value
        for name, value in zip(pairs.names, pairs.items, strict=True)
    }


def _point_key(name: Node, value: Node) -> Node:
    """`A(1, 2)` and `A = (1, 2)` name one point."""
    if isinstance(name, Sym) and len(name.name) == 1 and isinstance(value, Group):
        return Text(name.name.lower())
    return _name_key(name)


def _name_key(name: Node) -> Node:
    """`x` as a label in words and as a symbol is one name; so are `f(n)` and `f(m)`."""
    if isinstance(name, Apply) and all(isinstance(arg, Sym) for arg in name.args):
        return Apply(name.name, (Sym("_"),) * len(name.args))
    if isinstance(name, Text):
        return Text(EXTREMES.get(name.words, name.words))
    return Text(name.name) if isinstance(name, Sym) and name.name.islower() else name


def _named_against_bare(left: Several, right: Several, ctx: Context, same: Same) -> bool | None:
    pairs, bare = (left, right) if left.kind is Kind.NAMED else (right, left)

    def ordered(items: Sequence[Node]) -> bool | None:
        ours, theirs = (items, bare.items) if pairs is left else (bare.items, items)
        return in_order(ours, theirs, ctx, same)

    def unordered(items: Sequence[Node]) -> bool | None:
        ours, theirs = (items, bare.items) if pairs is left else (bare.items, items)
        return in_any_order(ours, theirs, ctx, same)

    if _contradicts(pairs, ctx):
        return False
    if _unknown_names(pairs, ctx):
        return None
    if bare.kind is Kind.SET or (bare.kind is Kind.BRACKETS and len(bare.items) == 2):
        verdict = unordered(pairs.items)
        in_a_set = bare.kind is Kind.SET and (
            _any_order(pairs, ctx) or (bare is left and _in_words(pairs)) or _number_the_answers(pairs, ctx)
        )
        return verdict if verdict is False or in_a_set else None
    as_asked = _in_asked_order(pairs, ctx)
    if as_asked is not None:
        return ordered(as_asked)
    verdict = ordered(pairs.items)
    if verdict is not False:
        return verdict if _in_alphabet(pairs.names) else None
    free = unordered(pairs.items)
    any_order = _any_order(pairs, ctx) or (bare is left and _in_words(pairs) and _was_sorted(bare, ctx))
    if free and any_order and bare.kind is Kind.LIST and not ctx.hints.ordered:
        return True
    return False if free is False else None


def _in_alphabet(names: Sequence[Node]) -> bool:
    """False for `y = 3, x = 4`: whoever writes (3, 4) without names may well mean x first."""
    letters = [ord(name.name) for name in names if isinstance(name, Sym) and len(name.name) == 1]
    neighbours = len(letters) == len(names) and max(letters) - min(letters) == len(names) - 1
    return not neighbours or letters == sorted(letters)


def _any_order(pairs: Several, ctx: Context) -> bool:
    """Whether the names are of extremes, of points that only the answer names, or number the answers (`x_1`, `x_2`)
    without being the question's own.
    """
    if all(isinstance(name, Text) and name.words in EXTREMES for name in pairs.names):
        return True
    if all(isinstance(name, Text) and len(name.words) == 1 for name in pairs.names) and not _known_points(pairs, ctx):
        return True
    return bool(ctx.hints.variables) and _number_the_answers(pairs, ctx)


def _known_points(pairs: Several, ctx: Context) -> bool:
    """Whether the letters before the values are the question's: then `A(1, 2)` is not just any of the points."""
    letters = {name.words.upper() for name in pairs.names if isinstance(name, Text)}
    return not all(isinstance(item, Group) for item in pairs.items) or bool(letters & ctx.hints.variables)


def _in_words(pairs: Several) -> bool:
    return all(isinstance(name, Text) for name in pairs.names)


def _was_sorted(bare: Several, ctx: Context) -> bool:
    """Whether a list rises from end to end, which three or more values in the order of their names seldom do."""
    return len(bare.items) > 2 and all(order(a, b, ctx) == -1 for a, b in pairwise(bare.items))


def _number_the_answers(pairs: Several, ctx: Context) -> bool:
    """Whether the names are one letter with different numbers, and none is a name of the question."""
    names = {name.name for name in pairs.names if isinstance(name, Sym) and name.name.partition("_")[2].isdigit()}
    letters = {name.partition("_")[0] for name in names}
    return len(names) == len(pairs.names) and len(letters) == 1 and names.isdisjoint(ctx.hints.variables)


def _in_asked_order(pairs: Several, ctx: Context) -> tuple[Node, ...] | None:
    """The values in the order in which the question asks for their names."""
    both = zip(pairs.names, pairs.items, strict=True)
    values = {name.name: item for name, item in both if isinstance(name, Sym)}
    asked = ctx.hints.asked
    if len(asked) != len(pairs.items) or set(asked) != values.keys():
        return None
    return tuple(values[name] for name in asked)


def _unknown_names(pairs: Several, ctx: Context) -> bool:
    """Whether a value is given to a letter that the question, which has letters, does not know: `y = 3` beside x."""
    letters = {name.name for name in pairs.names if isinstance(name, Sym)}
    known = ctx.hints.variables
    return bool(known & letters) and not letters <= known


def _contradicts(pairs: Several, ctx: Context) -> bool:
    """Whether a maximum is given that lies below the minimum."""
    found: dict[tuple[str, ...], Node] = {}
    for name, item in zip(pairs.names, pairs.items, strict=True):
        for words in (GREATEST, LEAST):
            if isinstance(name, Text) and any(word in name.words for word in words):
                found[words] = item
    return len(found) == 2 and order(found[GREATEST], found[LEAST], ctx) == -1
