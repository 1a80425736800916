"""Rules for ratios and for chains that order things.

Rule 1: a ratio is known up to a common factor; of two terms, it is also its quotient (`5 : 8` is 5/8).
Rule 2: odds are no probability: where the question asks for a probability, a ratio is not its quotient.
Rule 3: `b < a < c` is the same read from the right; against a bare list it needs a question that asks for an order.
"""

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.matching import Same, conjunction, in_order
from verifiers.math_answer.structures.relations import ascending
from verifiers.math_answer.structures.several import EXPRESSIONS
from verifiers.math_answer.tree import Div, Mul, Node, Ratio, Rel, Seq, Text
from verifiers.math_answer.values.walk import symbols

STRICT_OR_NOT = frozenset(("<", "<="))


def same_ratio(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`2 : 3` against `4 : 6` or 2/3; `1 : 2 : 3` against `2 : 4 : 6`."""
    if isinstance(reference, Ratio) and isinstance(response, Ratio):
        return _proportional(reference.items, response.items, same)
    if isinstance(reference, Ratio) and isinstance(response, EXPRESSIONS):
        quotient = _quotient(reference)
        verdict = None if quotient is None else same(quotient, response)
    elif isinstance(response, Ratio) and isinstance(reference, EXPRESSIONS):
        quotient = _quotient(response)
        verdict = None if quotient is None else same(reference, quotient)
    else:
        return None
    return False if verdict and ctx.hints.probability else verdict


def _quotient(ratio: Ratio) -> Node | None:
    return Div(ratio.items[0], ratio.items[1]) if len(ratio.items) == 2 else None


def _proportional(left: tuple[Node, ...], right: tuple[Node, ...], same: Same) -> bool | None:
    if len(left) != len(right):
        return False
    if left == right:
        return True
    pairs = zip(left[1:], right[1:], strict=True)
    return conjunction(same(Mul((left[0], b)), Mul((right[0], a))) for a, b in pairs)


def same_ordering(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`b < a < d < c` against `c > d > a > b`, or against `b, a, d, c` where an order is asked for."""
    left, right = _ordering(reference), _ordering(response)
    if left is not None and right is not None:
        if left.ops != right.ops and len(left.ops) == len(right.ops):
            return False if in_order(left.operands, right.operands, ctx, same) is False else None
        return in_order(left.operands, right.operands, ctx, same)
    if left is not None and isinstance(response, Seq):
        return _in_written_order(reference, response, ctx, same)
    if right is not None and isinstance(reference, Seq):
        return _in_written_order(response, reference, ctx, same)
    return None


def _ordering(node: Node) -> Rel | None:
    """The chain, smallest first, when it orders two or more unknowns or at least three things without any."""
    if not isinstance(node, Rel) or node.modulus is not None:
        return None
    chain = ascending(node)
    if len(chain.operands) < 3 or not STRICT_OR_NOT.issuperset(chain.ops):
        return None
    unknown = sum(bool(symbols(operand)) for operand in chain.operands)
    return chain if unknown != 1 else None


def _in_written_order(chain: Node, listed: Seq, ctx: Context, same: Same) -> bool | None:
    """A list in the chain's written order, which is the order that the question asks for; else undecided."""
    assert isinstance(chain, Rel)
    if not ctx.hints.ordered or any(isinstance(item, Text) for item in listed.items):
        return None
    return in_order(chain.operands, listed.items, ctx, same)
