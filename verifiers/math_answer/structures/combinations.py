r"""The rule that calculates with vectors and matrices: `\frac{1}{2} \begin{pmatrix} ... \end{pmatrix}`, `a + t b`.

Rule 1: only sums, multiples and quotients by numbers, of tuples in round brackets or matrices of one size.
Rule 2: plus-minus before a vector makes two.
"""

from collections.abc import Sequence

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.matching import Same
from verifiers.math_answer.tree import Add, Div, Group, Matrix, Mul, Neg, Node, PlusMinus, Rel, Seq, SetOf, Sym, Where

MAX_ENTRIES = 100


def same_combination(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Vectors and matrices that one side leaves to be calculated."""
    left, right = _calculated(reference), _calculated(response)
    return None if left is reference and right is response else same(left, right)


def _calculated(node: Node) -> Node:
    """The node with its vectors calculated; the node itself where there is nothing to calculate."""
    match node:
        case Where(body=body, conditions=conditions):
            inner = _calculated(body)
            return node if inner is body else Where(inner, conditions)
        case Rel(operands=(name, value), ops=("=",)):
            inner = _calculated(value)
            return node if inner is value else Rel((name, inner), ("=",))
        case Seq(items=items, joint=joint):
            inners = tuple(map(_calculated, items))
            return node if all(a is b for a, b in zip(inners, items, strict=True)) else Seq(inners, joint)
        case PlusMinus(x=x):
            vector = _vector(x)
            return node if vector is None else SetOf((vector, _scaled(vector, ())))
        case Add() | Mul() | Neg() | Div():
            return _vector(node) or node
        case _:
            return node


def _vector(node: Node) -> Group | Matrix | None:
    """The tuple or matrix that a node comes to."""
    match node:
        case Group(left="(", right=")"):
            return node
        case Matrix(bars=False):
            return node
        case Neg(x=x):
            inner = _vector(x)
            return None if inner is None else _scaled(inner, ())
        case Div(top=top, bottom=bottom):
            inner = _vector(top)
            return None if inner is None or _vector(bottom) else _over(inner, bottom)
        case Mul(factors=factors):
            vectors = [vector for factor in factors if (vector := _vector(factor)) is not None]
            scalars = [factor for factor in factors if _vector(factor) is None]
            if len(vectors) != 1 or not scalars or _names_a_point(scalars):
                return None
            return _scaled(vectors[0], scalars)
        case Add(terms=terms):
            return _sum([_vector(term) for term in terms])
        case _:
            return None


def _names_a_point(factors: Sequence[Node]) -> bool:
    """`A(1, 2)`"""
    return len(factors) == 1 and isinstance(factors[0], Sym) and factors[0].name[:1].isupper()


def _scaled(vector: Group | Matrix, scalars: Sequence[Node]) -> Group | Matrix:
    """The multiple; without factors, the opposite."""
    return _entrywise(vector, [Mul((*scalars, entry)) if scalars else Neg(entry) for entry in _entries(vector)])


def _over(vector: Group | Matrix, bottom: Node) -> Group | Matrix:
    return _entrywise(vector, [Div(entry, bottom) for entry in _entries(vector)])


def _sum(parts: Sequence[Group | Matrix | None]) -> Group | Matrix | None:
    known = [part for part in parts if part is not None]
    if len(known) < len(parts) or len({_shape(part) for part in known}) != 1 or len(_entries(known[0])) > MAX_ENTRIES:
        return None
    sums = [Add(entries) for entries in zip(*map(_entries, known), strict=True)]
    return _entrywise(known[0], sums)


def _shape(vector: Group | Matrix) -> tuple[int, int]:
    return (0, len(vector.items)) if isinstance(vector, Group) else (len(vector.rows), len(vector.rows[0]))


def _entries(vector: Group | Matrix) -> tuple[Node, ...]:
    return vector.items if isinstance(vector, Group) else tuple(entry for row in vector.rows for entry in row)


def _entrywise(vector: Group | Matrix, entries: Sequence[Node]) -> Group | Matrix:
    if isinstance(vector, Group):
        return Group("(", tuple(entries), ")")
    width = len(vector.rows[0])
    return Matrix(tuple(tuple(entries[k : k + width]) for k in range(0, len(entries), width)))
