"""Equality and order of values."""

from verifiers.math_answer.context import Context
from verifiers.math_answer.exact import rational
from verifiers.math_answer.tree import Node


def same_value(a: Node, b: Node, ctx: Context) -> bool | None:
    """Whether two expressions have the same value."""
    if a == b:
        return True
    first = rational(a, ctx)
    second = rational(b, ctx)
    if first is not None and second is not None:
        return bool(first == second)
    return None


def order(a: Node, b: Node, ctx: Context) -> int | None:
    """The sign of a - b."""
    first = rational(a, ctx)
    second = rational(b, ctx)
    if first is not None and second is not None:
        return int(first > second) - int(first < second)
    return None
