"""Two collections of elements, compared element by element. What they are is the business of `same`.

Rule 1: three answers. True needs every pair decided and equal; False needs a pair (or a count) that is refuted; an
        undecided pair without a refutation gives None.
Rule 2: work is bounded: elements written alike are paired off by hash, numbers are first compared in order of size,
        and only a small rest is compared crosswise. One element without a partner refutes the whole.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TypeAlias

from verifiers.math_answer.context import Context
from verifiers.math_answer.tree import Group, Neg, Node, Num
from verifiers.math_answer.values.equality import real_constant

Same: TypeAlias = Callable[[Node, Node], "bool | None"]
"""The comparison of two elements, which the caller of a rule passes in. It is bounded in depth by its owner."""

MAX_CROSS = 40
"""Elements left on each side after pairing off equal ones: at most 1,600 comparisons, some 30 ms."""

MAX_ALIGNED = 1_000
"""Elements compared one by one after sorting by size: some 10 ms."""

STEPS_PER_PAIR = 5
"""Charged for each crosswise comparison, on top of what the comparison itself charges."""


def conjunction(verdicts: Iterable[bool | None]) -> bool | None:
    """False as soon as one is refuted; None when one is undecided; else True."""
    decided = True
    for verdict in verdicts:
        if verdict is False:
            return False
        decided = decided and verdict is True
    return True if decided else None


def in_order(left: Sequence[Node], right: Sequence[Node], ctx: Context, same: Same) -> bool | None:
    """Whether the elements agree one by one, order kept."""
    if len(left) != len(right):
        return False
    ctx.spend(len(left))
    return conjunction(a == b or same(a, b) for a, b in zip(left, right, strict=True))


def in_any_order(left: Sequence[Node], right: Sequence[Node], ctx: Context, same: Same) -> bool | None:
    """Whether the elements can be paired one to one: multiplicity counts, order does not."""
    ctx.spend(len(left) + len(right))
    if len(left) != len(right):
        return False
    left, right = _without_common(left, right)
    if not left:
        return True
    if all(_exact(item) is not None for item in (*left, *right)):
        return False
    left, right, aligned = _aligned(left, right, ctx)
    verdicts = [same(a, b) for a, b in zip(left, right, strict=True)] if aligned else [False]
    if all(verdicts):
        return True
    if len(left) > MAX_CROSS:
        lonely = left[verdicts.index(False)] if False in verdicts else None
        refuted = lonely is not None and all(verdict is False for verdict in _row(lonely, right, ctx, same))
        return False if refuted else None
    table = []
    for item in left:
        table.append(_row(item, right, ctx, same))
        if all(verdict is False for verdict in table[-1]):
            return False
    if _pairs_all(table, lambda verdict: verdict is True):
        return True
    return None if _pairs_all(table, lambda verdict: verdict is not False) else False


def as_sets(left: Sequence[Node], right: Sequence[Node], ctx: Context, same: Same) -> bool | None:
    """Whether each element has its equal on the other side: neither order nor multiplicity counts."""
    ctx.spend(len(left) + len(right))
    if len(left) == len(right) == 1:
        return same(left[0], right[0])
    keys_left, keys_right = {_key(item) for item in left}, {_key(item) for item in right}
    if keys_left == keys_right:
        return True
    rest_left = [item for item in left if _key(item) not in keys_right]
    rest_right = [item for item in right if _key(item) not in keys_left]
    if max(len(rest_left), len(rest_right)) > MAX_CROSS or min(len(left), len(right)) > MAX_CROSS:
        exact = all(_exact(item) is not None for item in (*left, *right))
        return False if exact else None
    return conjunction((_member(rest_left, right, ctx, same), _member(rest_right, left, ctx, same)))


def _member(items: Sequence[Node], others: Sequence[Node], ctx: Context, same: Same) -> bool | None:
    """Whether every one of `items` has its equal among `others`."""
    verdicts: list[bool | None] = []
    for item in items:
        found: bool | None = False
        for other in others:
            ctx.spend(STEPS_PER_PAIR)
            verdict = same(item, other)
            if verdict:
                found = True
                break
            found = None if verdict is None else found
        verdicts.append(found)
    return conjunction(verdicts)


def _exact(node: Node) -> Fraction | None:
    """The value of a literal that no rounding can touch."""
    if isinstance(node, Neg):
        inner = _exact(node.x)
        return None if inner is None else -inner
    if isinstance(node, Num) and not node.decimals:
        return Fraction(node.num, node.den)
    return None


def _key(node: Node) -> Fraction | Node:
    exact = _exact(node)
    return node if exact is None else exact


def _without_common(left: Sequence[Node], right: Sequence[Node]) -> tuple[list[Node], list[Node]]:
    """Both sides without the elements that are written alike."""
    count_left, count_right = Counter(map(_key, left)), Counter(map(_key, right))
    return _take(left, count_left - count_right), _take(right, count_right - count_left)


def _take(items: Sequence[Node], wanted: "Counter[Fraction | Node]") -> list[Node]:
    taken = []
    for item in items:
        key = _key(item)
        if wanted[key] > 0:
            wanted[key] -= 1
            taken.append(item)
    return taken


def _row(item: Node, others: Sequence[Node], ctx: Context, same: Same) -> list[bool | None]:
    ctx.spend(STEPS_PER_PAIR * len(others))
    return [same(item, other) for other in others]


def _aligned(left: list[Node], right: list[Node], ctx: Context) -> tuple[list[Node], list[Node], bool]:
    """Both sides by size, where every element has one: then equal lists agree one by one."""
    if len(left) == 1 or len(left) > MAX_ALIGNED:
        return left, right, False
    sizes = [[_size(item, ctx) for item in side] for side in (left, right)]
    if any(size is None for side in sizes for size in side):
        return left, right, False
    ordered = [
        [item for _, item in sorted(zip(keys, side, strict=True), key=lambda pair: pair[0] or ())]
        for keys, side in zip(sizes, (left, right), strict=True)
    ]
    return ordered[0], ordered[1], True


def _size(item: Node, ctx: Context) -> tuple[float, ...] | None:
    """The double of a number, the doubles of a tuple."""
    parts = item.items if isinstance(item, Group) else (item,)
    sizes = [real_constant(part, ctx) for part in parts]
    return None if None in sizes else tuple(size for size in sizes if size is not None)


def _pairs_all(table: Sequence[Sequence[bool | None]], allowed: Callable[[bool | None], bool]) -> bool:
    """Whether rows and columns can be matched one to one along allowed entries (augmenting paths)."""
    row_of: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, verdict in enumerate(table[row]):
            if not allowed(verdict) or column in tried:
                continue
            tried.add(column)
            if column not in row_of or place(row_of[column], tried):
                row_of[column] = row
                return True
        return False

    return all(place(row, set()) for row in range(len(table)))
