"""Sets of real numbers as unions of intervals and points, and their algebra. Nothing is read from notation here.

Rule 1: `merged` sets are canonical: pieces disjoint, apart and ascending, so two of them are equal piece by piece.
Rule 2: an endpoint is any node. Where two endpoints cannot be ordered (`(a, b)`) the set stays unmerged, and is
        equal to another only when the pieces can be paired off.
Rule 3: an interval with its ends in the wrong order is no interval; `[1, 1]` is a point.
"""

from collections.abc import Sequence
from functools import cmp_to_key
from typing import NamedTuple

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.matching import Same, conjunction, in_any_order
from verifiers.math_answer.tree import Const, Group, Neg, Node
from verifiers.math_answer.values.equality import order

MAX_PIECES = 100
"""Pieces of one union: merging compares some 700 pairs of endpoints, about 10 ms."""

INFINITY = Const("inf")


class Piece(NamedTuple):
    """An interval, or a point when both ends are the same closed node. An end of None is infinite, and open."""

    low: Node | None
    low_closed: bool
    high: Node | None
    high_closed: bool


class RealSet(NamedTuple):
    """A union of pieces."""

    pieces: tuple[Piece, ...]
    merged: bool


class Unordered(Exception):
    """Two endpoints whose order is not known."""


EMPTY = RealSet((), merged=True)
EVERYTHING = RealSet((Piece(None, False, None, False),), merged=True)


def point(value: Node) -> RealSet:
    """One number."""
    return RealSet((Piece(value, True, value, True),), merged=True)


def above(low: Node, *, closed: bool) -> RealSet:
    """A ray to the right."""
    return RealSet((Piece(low, closed, None, False),), merged=True)


def below(high: Node, *, closed: bool) -> RealSet:
    """A ray to the left."""
    return RealSet((Piece(None, False, high, closed),), merged=True)


def interval(piece: Piece, ctx: Context) -> RealSet | None:
    """An interval as written; None when it is none (Rule 3)."""
    if piece.low is None or piece.high is None:
        return RealSet((piece,), merged=True)
    sign = _compare(piece.low, piece.high, ctx)
    if sign is None:
        return RealSet((piece,), merged=False)
    if sign == 0 and piece.low_closed and piece.high_closed:
        return point(piece.low)
    return RealSet((piece,), merged=True) if sign < 0 else None


def union(sets: Sequence[RealSet], ctx: Context) -> RealSet:
    """All pieces, merged where their ends can be ordered."""
    pieces = [piece for one in sets for piece in one.pieces]
    if len(pieces) <= 1:
        return RealSet(tuple(pieces), merged=all(one.merged for one in sets))
    if len(pieces) > MAX_PIECES:
        return RealSet(tuple(pieces), merged=False)
    try:
        return RealSet(_merge(pieces, ctx), merged=all(one.merged for one in sets))
    except Unordered:
        return RealSet(tuple(pieces), merged=False)


def intersection(a: RealSet, b: RealSet, ctx: Context) -> RealSet:
    """The common part. Raises Unordered when an order that it needs is not known."""
    found: list[Piece] = []
    known = a.merged and b.merged
    for p in a.pieces:
        for q in b.pieces:
            ctx.spend()
            low, low_closed = _tighter(p.low, p.low_closed, q.low, q.low_closed, 1, ctx)
            high, high_closed = _tighter(p.high, p.high_closed, q.high, q.high_closed, -1, ctx)
            sign = -1 if low is None or high is None else _compare(low, high, ctx)
            known = known and sign is not None
            if sign is None or sign < 0:
                found.append(Piece(low, low_closed, high, high_closed))
            elif sign == 0 and low_closed and high_closed:
                found.append(Piece(low, True, low, True))
    return union([RealSet((piece,), known) for piece in found], ctx)


def complement(a: RealSet) -> RealSet:
    """All other real numbers. Raises Unordered for a set that is not merged."""
    if not a.merged:
        raise Unordered
    found: list[Piece] = []
    low: Node | None = None
    low_closed, open_below = False, True
    for piece in a.pieces:
        if piece.low is not None:
            found.append(Piece(low, low_closed, piece.low, not piece.low_closed))
        low, low_closed, open_below = piece.high, not piece.high_closed, piece.high is not None
    if open_below:
        found.append(Piece(low, low_closed and low is not None, None, False))
    return RealSet(tuple(found), merged=True)


def same_set(a: RealSet, b: RealSet, ctx: Context, same: Same) -> bool | None:
    """Whether two sets have the same pieces."""

    def same_nodes(x: Node, y: Node) -> bool | None:
        return _same_piece(_from_node(x), _from_node(y), same)

    if a.merged and b.merged:
        if len(a.pieces) != len(b.pieces):
            return False
        ctx.spend(len(a.pieces))
        return conjunction(_same_piece(p, q, same) for p, q in zip(a.pieces, b.pieces, strict=True))
    verdict = in_any_order([_node(p) for p in a.pieces], [_node(p) for p in b.pieces], ctx, same_nodes)
    if verdict is False and not len(a.pieces) == len(b.pieces) == 1:
        return None
    return verdict


def is_finite(a: RealSet) -> bool:
    """Whether the set is made of points alone."""
    return all(piece.low is not None and piece.low is piece.high for piece in a.pieces)


def _same_piece(p: Piece, q: Piece, same: Same) -> bool | None:
    if (p.low is None, p.high is None) != (q.low is None, q.high is None):
        return False
    if (p.low_closed, p.high_closed) != (q.low_closed, q.high_closed):
        return False
    ends = [(x, y) for x, y in ((p.low, q.low), (p.high, q.high)) if x is not None and y is not None]
    return conjunction(x == y or same(x, y) for x, y in ends)


def _node(piece: Piece) -> Node:
    """The piece in interval notation, so that pieces can be paired off like other nodes."""
    left, right = "[" if piece.low_closed else "(", "]" if piece.high_closed else ")"
    return Group(left, (piece.low or Neg(INFINITY), piece.high or INFINITY), right)


def _from_node(node: Node) -> Piece:
    assert isinstance(node, Group)
    low, high = node.items
    return Piece(
        None if low == Neg(INFINITY) else low,
        node.left == "[",
        None if high == INFINITY else high,
        node.right == "]",
    )


def _compare(a: Node, b: Node, ctx: Context) -> int | None:
    return 0 if a == b else order(a, b, ctx)


def _tighter(
    x: Node | None, x_closed: bool, y: Node | None, y_closed: bool, side: int, ctx: Context
) -> tuple[Node | None, bool]:
    """The end that cuts off more: the greater low end (side 1) or the smaller high end (side -1)."""
    if x is None:
        return y, y_closed
    if y is None:
        return x, x_closed
    sign = _compare(x, y, ctx)
    if sign is None:
        raise Unordered
    if sign == 0:
        return x, x_closed and y_closed
    return (x, x_closed) if sign * side > 0 else (y, y_closed)


def _merge(pieces: list[Piece], ctx: Context) -> tuple[Piece, ...]:
    def by_low(p: Piece, q: Piece) -> int:
        ctx.spend()
        if p.low is None or q.low is None:
            return (p.low is not None) - (q.low is not None)
        sign = _compare(p.low, q.low, ctx)
        if sign is None:
            raise Unordered
        return sign or q.low_closed - p.low_closed

    merged: list[Piece] = []
    for piece in sorted(pieces, key=cmp_to_key(by_low)):
        if merged and _touch(merged[-1], piece, ctx):
            merged[-1] = _joined(merged[-1], piece, ctx)
        else:
            merged.append(piece)
    return tuple(merged)


def _touch(p: Piece, q: Piece, ctx: Context) -> bool:
    """Whether `q`, which starts no earlier than `p`, continues it without a gap."""
    if p.high is None or q.low is None:
        return True
    sign = _compare(q.low, p.high, ctx)
    if sign is None:
        raise Unordered
    return sign < 0 or (sign == 0 and (p.high_closed or q.low_closed))


def _joined(p: Piece, q: Piece, ctx: Context) -> Piece:
    if p.high is None or q.high is None:
        return Piece(p.low, p.low_closed, None, False)
    sign = _compare(p.high, q.high, ctx)
    if sign is None:
        raise Unordered
    if sign == 0:
        return Piece(p.low, p.low_closed, p.high, p.high_closed or q.high_closed)
    end = p if sign > 0 else q
    return Piece(p.low, p.low_closed, end.high, end.high_closed)
