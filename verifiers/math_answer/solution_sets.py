r"""The rule for sets of reals, in whatever notation: `x \ge 2` and `[2, \infty)`, `\{x | x < 1\}` and `x < 1`.

Rule 1: one side at least must be notation that only sets have. `(1, 2)` and `(1, 2)` are equal either way.
Rule 2: an open end is not a closed end, and a set with an inside is not a number.
Rule 3: two different variables (`x > 2`, `y > 2`) are not known to be the same.
"""

from verifiers.math_answer.context import Context
from verifiers.math_answer.inequalities import Solution, is_set_notation, read_set
from verifiers.math_answer.matching import Same
from verifiers.math_answer.real_sets import is_finite, same_set
from verifiers.math_answer.sequences import EXPRESSIONS
from verifiers.math_answer.tree import Group, Node, Rel, Seq
from verifiers.math_answer.walk import symbols


def same_real_set(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Intervals, inequalities, set-builders, unions, differences."""
    if not (is_set_notation(reference) or is_set_notation(response)) or _both_pairs(reference, response, ctx):
        return None
    left = read_set(reference, ctx, _parameters(response))
    right = read_set(response, ctx, _parameters(reference))
    if left is None:
        return _set_against_number(right, reference)
    if right is None:
        return _set_against_number(left, response)
    verdict = same_set(left.found, right.found, ctx, same)
    return None if _other_variable(left, right) else verdict


def _both_pairs(reference: Node, response: Node, ctx: Context) -> bool:
    """`[1, 2]` against `(1, 2)` where an ordered pair is asked for: no intervals."""
    groups = isinstance(reference, Group) and isinstance(response, Group)
    return groups and ctx.hints.ordered and not ctx.hints.interval


def _parameters(node: Node) -> frozenset[str]:
    """Names that an answer without a variable of its own uses in its ends."""
    return frozenset() if isinstance(node, Rel | Seq) else symbols(node)


def _other_variable(left: Solution, right: Solution) -> bool:
    return left.variable is not None and right.variable is not None and left.variable != right.variable


def _set_against_number(one: Solution | None, other: Node) -> bool | None:
    """A set with an inside is refuted as a number; anything else is left open."""
    if one is None or not isinstance(other, EXPRESSIONS) or is_finite(one.found):
        return None
    return False
