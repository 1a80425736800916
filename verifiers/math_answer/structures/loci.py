"""Curves and planes by their equations: when are two equations of one degree different loci?

Rule 1: only polynomials of degree one or two, where a locus with more than a point fixes its equation up to a factor.
"""

from verifiers.math_answer.context import Context
from verifiers.math_answer.tree import Add, Div, Mul, Neg, Node, Num, Pow, Sym
from verifiers.math_answer.values.walk import variables

PLANE = 2
MAX_DEGREE = 2
"""Lines, planes, conics and quadrics; a cubic may hide a factor that vanishes nowhere."""


def refuted_as_locus(left: Node, right: Node, ctx: Context) -> bool:
    """Whether two sides-minus-sides, already known not to be proportional, are different loci."""
    ours, theirs = variables(left, ctx), variables(right, ctx)
    if min(len(ours), len(theirs)) < PLANE and not ctx.hints.equation:
        # `x = 5` and `y = 5` may be one value under two names.
        return False
    names = ours | theirs
    first, second = degree(left, names), degree(right, names)
    return first is not None and first == second and 1 <= first <= MAX_DEGREE


def degree(node: Node, names: frozenset[str]) -> int | None:
    """The degree as written, in the given variables together; None for what is no polynomial."""
    match node:
        case Sym():
            return int(node.name in names)
        case Neg():
            return degree(node.x, names)
        case Add():
            return _largest([degree(term, names) for term in node.terms])
        case Mul():
            return _sum([degree(factor, names) for factor in node.factors])
        case Div():
            return degree(node.top, names) if degree(node.bottom, names) == 0 else None
        case Pow(exp=Num(den=1, decimals=None) as power):
            base = degree(node.base, names)
            return None if base is None else base * power.num
        case _:
            return None if variables(node, Context()) & names else 0


def _largest(degrees: list[int | None]) -> int | None:
    found = [d for d in degrees if d is not None]
    return max(found) if len(found) == len(degrees) else None


def _sum(degrees: list[int | None]) -> int | None:
    found = [d for d in degrees if d is not None]
    return sum(found) if len(found) == len(degrees) else None
