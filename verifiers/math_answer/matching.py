"""Two collections of elements, compared element by element. Knows nothing of what the elements are.

Rule 1: three answers. True needs every pair decided and equal; False needs a pair (or a count) that is refuted; an
        undecided pair without a refutation gives None.
Rule 2: work is bounded: equal elements are paired off by hash, and only a small rest is compared crosswise.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from typing import TypeAlias

from verifiers.math_answer.context import Context
from verifiers.math_answer.tree import Neg, Node, Num

Same: TypeAlias = Callable[[Node, Node], "bool | None"]
"""The comparison of two elements, which the caller of a rule passes in. It is bounded in depth by its owner."""

MAX_CROSS = 40
"""Elements left on each side after pairing off equal ones: at most 1,600 comparisons, some 30 ms."""

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
    if len(left) > MAX_CROSS:
        return None
    table = _cross(left, right, ctx, same)
    if _pairs_all(table, lambda verdict: verdict is True):
        return True
    return None if _pairs_all(table, lambda verdict: verdict is not False) else False


def as_sets(left: Sequence[Node], right: Sequence[Node], ctx: Context, same: Same) -> bool | None:
    """Whether each element has its equal on the other side: neither order nor multiplicity counts."""
    ctx.spend(len(left) + len(right))
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


def _cross(left: Sequence[Node], right: Sequence[Node], ctx: Context, same: Same) -> list[list[bool | None]]:
    table = []
    for a in left:
        ctx.spend(STEPS_PER_PAIR * len(right))
        table.append([same(a, b) for b in right])
    return table


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
