"""Rules for matrices and vectors.

Rule 1: matrices are equal entry by entry; another shape is another matrix.
Rule 2: a column, a row, `(a, b)`, `<a, b>`, `[a, b, c]` and `a i + b j` are ways to write one vector; a column is not
        known to be a row.
"""

from itertools import chain

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.matching import Same, in_order
from verifiers.math_answer.tree import Add, Call, Group, Matrix, Mul, Neg, Node, Num, Sym
from verifiers.math_answer.values.equality import same_value
from verifiers.math_answer.values.walk import rebuild, substitute, symbols

MAX_ENTRIES = 400
"""Entries of one matrix: 20 by 20."""

VECTOR_BRACKETS = frozenset(("()", "[]", "<>"))

MAX_DETERMINANT = 4
"""Rows of a determinant that is opened: 24 products."""

UNIT_VECTORS = ("i", "j", "k")

ARROWS = frozenset(("vec", "hat"))


def same_matrix(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Two matrices, also where one is written as a list of rows."""
    left, right = _rows(reference), _rows(response)
    if left is None or right is None or not (isinstance(reference, Matrix) or isinstance(response, Matrix)):
        return None
    if (len(left), len(left[0])) != (len(right), len(right[0])):
        transposed = (len(left), len(left[0])) == (len(right[0]), len(right)) and 1 in (len(left), len(right))
        return (in_order(_entries(left), _entries(right), ctx, same) and None) if transposed else False
    if len(left) * len(left[0]) > MAX_ENTRIES:
        return None
    return in_order(_entries(left), _entries(right), ctx, same)


def same_determinant(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """A determinant is a value: it is opened and compared as one."""
    left, right = _determinant(reference), _determinant(response)
    return None if left is None and right is None else same(left or reference, right or response)


def _determinant(node: Node) -> Node | None:
    match node:
        case Matrix(rows=rows, bars=True):
            return _opened(rows)
        case Call(name="det", args=(Matrix(rows=rows),)):
            return _opened(rows)
        case _:
            return None


def _opened(rows: tuple[tuple[Node, ...], ...]) -> Node | None:
    """The expansion along the first row; None for what is not square or too large."""
    if len(rows) != len(rows[0]) or len(rows) > MAX_DETERMINANT:
        return None
    if len(rows) == 1:
        return rows[0][0]
    terms: list[Node] = []
    for column, entry in enumerate(rows[0]):
        minor = _opened(tuple(row[:column] + row[column + 1 :] for row in rows[1:]))
        assert minor is not None
        term = Mul((entry, minor))
        terms.append(Neg(term) if column % 2 else term)
    return Add(tuple(terms))


def same_vector(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """A column or row against anything else that may write a vector; against the rest, it is a tuple."""
    left, right = _vector(reference), _vector(response)
    if (left is None) == (right is None):
        return None
    if left is not None:
        items = _bracketed(response) or _by_unit_vectors(response, len(left), ctx)
        return in_order(left, items, ctx, same) if items else same(Group("(", left, ")"), response)
    assert right is not None
    items = _bracketed(reference) or _by_unit_vectors(reference, len(right), ctx)
    return in_order(items, right, ctx, same) if items else same(reference, Group("(", right, ")"))


def same_unit_vectors(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`3i + 4j` against `(3, 4)`."""
    left, right = _bracketed(reference), _bracketed(response)
    if left and not right:
        right = _by_unit_vectors(response, len(left), ctx)
    elif right and not left:
        left = _by_unit_vectors(reference, len(right), ctx)
    else:
        return None
    return in_order(left, right, ctx, same) if left and right else None


def _rows(node: Node) -> tuple[tuple[Node, ...], ...] | None:
    if isinstance(node, Matrix):
        return None if node.bars else node.rows
    if not isinstance(node, Group) or node.left + node.right not in VECTOR_BRACKETS:
        return None
    rows = tuple(row.items for row in node.items if isinstance(row, Group))
    if len(rows) < len(node.items) or len({len(row) for row in rows}) != 1:
        return None
    return rows


def _entries(rows: tuple[tuple[Node, ...], ...]) -> tuple[Node, ...]:
    return tuple(chain.from_iterable(rows))


def _vector(node: Node) -> tuple[Node, ...] | None:
    """The entries of a matrix of one row or one column."""
    if not isinstance(node, Matrix) or node.bars or 1 not in (len(node.rows), len(node.rows[0])):
        return None
    return _entries(node.rows)


def _bracketed(node: Node) -> tuple[Node, ...] | None:
    if not isinstance(node, Group) or node.left + node.right not in VECTOR_BRACKETS:
        return None
    return node.items


def _by_unit_vectors(node: Node, dimension: int, ctx: Context) -> tuple[Node, ...] | None:
    """The coordinates of `a i + b j + c k`, proved linear in the unit vectors."""
    names = UNIT_VECTORS[:dimension]
    if dimension not in (2, 3) or not isinstance(node, Add | Mul | Neg | Sym | Call) or "j" not in symbols(node):
        return None
    # `i` would be read as the imaginary unit.
    free = substitute(_without_arrows(node), {name: Sym("_" + name) for name in UNIT_VECTORS})
    if not symbols(free).isdisjoint({"_" + name for name in UNIT_VECTORS[dimension:]}):
        return None
    coordinates = tuple(substitute(free, {"_" + name: Num(int(name == chosen)) for name in names}) for chosen in names)
    spanned = Add(tuple(Mul((part, Sym("_" + name))) for part, name in zip(coordinates, names, strict=True)))
    return coordinates if same_value(free, spanned, ctx) else None


def _without_arrows(node: Node) -> Node:
    if isinstance(node, Call) and node.name in ARROWS and isinstance(node.args[0], Sym):
        return node.args[0]
    return rebuild(node, _without_arrows)
