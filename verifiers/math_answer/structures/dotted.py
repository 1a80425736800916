r"""Sums and products with dots: `1 + 2 + \cdots + n`, `(v - a_1) \cdots (v - a_n)`, `n(n-1) \cdots (n-k+1)`.

Rule 1: the dots mean one term in a running index: the last term with its size for the index (`n^2` is k^2), or the
        first terms, whose numbers run in equal steps (`\frac{1}{n+1} + \frac{1}{n+2}`). What the terms written out
        contradict, or leave open (`1 + 2 + \cdots + 64`), is not read.
Rule 2: two answers are the same when they have the same value at each of SIZES, terms written out; other names stay.
"""

from collections.abc import Sequence
from typing import NamedTuple, TypeGuard

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.matching import Same
from verifiers.math_answer.tree import Add, Apply, BigOp, Dots, Mul, Neg, Node, Num, Rel, Sym
from verifiers.math_answer.values.equality import same_value
from verifiers.math_answer.values.exact import exact
from verifiers.math_answer.values.walk import children, preorder, rebuild, substitute, symbols, variables

SIZES = (3, 4, 5, 6, 8, 11)
"""Sizes at which both sides are written out: six values fix what four terms and a closed form may share by chance."""

FEW_SIZES = (3, 4)
"""Sizes where the terms are members of a sequence, each a variable: agreement there is for all their values."""

STARTS = range(-2, 6)
"""Where an index may begin."""

MAX_TERMS = 120
"""Terms written out: `1 + 2 + \\cdots + 100` is the longest sum that people write so."""

_DOTS = (Dots(), Neg(Dots()))


INDEX = "\\index"
"""The running index: no answer can hold such a name."""


class Unread(Exception):
    """The dots stand for no one term."""


def same_dotted(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """A sum or product with dots against a closed form, a sum sign, or other dots."""
    if isinstance(reference, Rel) or isinstance(response, Rel) or not (_has_dots(reference) or _has_dots(response)):
        return None
    for size in sorted(_sizes(reference) | _sizes(response)) or [""]:
        verdict = _same_at_sizes(reference, response, size, ctx)
        if verdict is not None:
            return verdict
    return None


def _is_dotted(node: Node) -> TypeGuard[Add | Mul]:
    return isinstance(node, Add | Mul) and any(part in _DOTS for part in _parts(node))


def _has_dots(node: Node) -> bool:
    return any(_is_dotted(part) for part in preorder(node))


def _parts(node: Add | Mul) -> tuple[Node, ...]:
    return node.terms if isinstance(node, Add) else node.factors


def _sizes(node: Node) -> set[str]:
    """Names that the end of a dotted run uses, also as an index."""
    found: set[str] = set()
    for part in preorder(node):
        if _is_dotted(part):
            for end in (_parts(part)[0], _parts(part)[-1]):
                for inner in preorder(end):
                    if isinstance(inner, Sym):
                        name = inner.name.rpartition("_")[2]
                        found.update({name} if name.isalpha() else ())
    return found


def _same_at_sizes(reference: Node, response: Node, size: str, ctx: Context) -> bool | None:
    sizes = FEW_SIZES if any(_indexed_by(node, size) for node in (reference, response)) else SIZES
    for count in sizes if size else SIZES[:1]:
        try:
            ours, theirs = (_written_out(node, size, count, ctx) for node in (reference, response))
        except Unread:
            return None
        verdict = same_value(ours, theirs, ctx)
        if not verdict:
            return verdict
    return True


def _indexed_by(node: Node, size: str) -> bool:
    return any(isinstance(part, Sym) and part.name.rpartition("_")[1:] == ("_", size) for part in preorder(node))


def _written_out(node: Node, size: str, count: int, ctx: Context) -> Node:
    """The node with its dots filled in and `size` set to a number."""
    ctx.spend()
    if _is_dotted(node):
        terms = [_written_out(term, size, count, ctx) for term in _terms(node, size, count, ctx)]
        return terms[0] if len(terms) == 1 else type(node)(tuple(terms))
    if isinstance(node, BigOp):
        return _big_written_out(node, size, count, ctx)
    return (
        _at(node, size, count, ctx)
        if isinstance(node, Sym | Apply)
        else rebuild(node, lambda child: _written_out(child, size, count, ctx))
    )


def _at(node: Node, name: str, value: int, ctx: Context) -> Node:
    """The node with an index set to a number: `n`, `a_n` and `a_{n+1}` alike."""
    if isinstance(node, Sym):
        stem, mark, index = node.name.rpartition("_")
        if node.name == name:
            return Num(value) if value >= 0 else Neg(Num(-value))
        return Sym(f"{stem}_{value}") if mark and index == name else node
    if isinstance(node, Apply) and len(node.args) == 1:
        index_value = exact(_at(node.args[0], name, value, ctx), ctx)
        if index_value is not None and index_value.denominator == 1:
            return Sym(f"{node.name}_{int(index_value)}")
    return rebuild(node, lambda child: _at(child, name, value, ctx))


def _big_written_out(node: BigOp, size: str, count: int, ctx: Context) -> Node:
    if node.op not in ("sum", "prod") or node.var is None or node.lower is None or node.upper is None:
        raise Unread
    low, high = (exact(_at(limit, size, count, ctx), ctx) for limit in (node.lower, node.upper))
    if low is None or high is None or low.denominator != 1 or high.denominator != 1 or high - low >= MAX_TERMS:
        raise Unread
    terms = [_written_out(_at(node.body, node.var, k, ctx), size, count, ctx) for k in range(int(low), int(high) + 1)]
    if not terms:
        raise Unread
    return terms[0] if len(terms) == 1 else Add(tuple(terms)) if node.op == "sum" else Mul(tuple(terms))


class _Run(NamedTuple):
    """The terms before the dots and after them, in the order in which the index grows."""

    head: tuple[Node, ...]
    tail: tuple[Node, ...]


def _terms(node: Add | Mul, size: str, count: int, ctx: Context) -> list[Node]:
    """The terms of a dotted run at one size."""
    parts = _parts(node)
    cuts = [k for k, part in enumerate(parts) if part in _DOTS]
    if len(cuts) != 1:
        raise Unread
    head, tail = parts[: cuts[0]], parts[cuts[0] + 1 :]
    for run in (_Run(head, tail), _Run(tail[::-1], head[::-1])):
        if run.head and run.tail:
            found = _by_last_term(run, size, count, ctx) or _by_steps(run, size, count, ctx)
            if found is not None:
                return found
    if isinstance(node, Mul) and len(head) > 1 and variables(head[0], ctx) and tail:
        # `v (1 - a_1/v) \cdots (1 - a_n/v)`: a factor before the run.
        found = _by_last_term(_Run(head[1:], tail), size, count, ctx)
        if found is not None:
            return [head[0], *found]
    raise Unread


def _by_last_term(run: _Run, size: str, count: int, ctx: Context) -> list[Node] | None:
    """The last term with the index for the size, where it gives the terms before."""
    last = run.tail[-1]
    if not size or last == _at(last, size, count, ctx) or (len(run.head) == 1 and not _indexed(run.head[0])):
        return None
    head = [_at(term, "", 0, ctx) for term in run.head]
    for start in STARTS:
        if start + len(head) - 1 > SIZES[0]:
            break
        given = [_at(last, size, start + k, ctx) for k in range(len(head))]
        if _all_same(given, head, ctx):
            terms = [_at(last, size, k, ctx) for k in range(start, count + 1)]
            before = [_at(term, size, count, ctx) for term in run.tail]
            if len(before) <= len(terms) and _all_same(before, terms[-len(before) :], ctx):
                return terms
    return None


def _indexed(term: Node) -> bool:
    """Whether a term names a member of a sequence: then one term before the dots is enough."""
    return any(isinstance(part, Sym) and part.name.rpartition("_")[2].isdigit() for part in preorder(term))


def _all_same(ours: Sequence[Node], theirs: Sequence[Node], ctx: Context) -> bool:
    return all(
        a == b or (_members(a) == _members(b) and same_value(a, b, ctx) is True)
        for a, b in zip(ours, theirs, strict=True)
    )


def _members(node: Node) -> frozenset[str]:
    """The members of sequences that a term holds: terms with other members are not worth a comparison."""
    return frozenset(name for name in symbols(node) if "_" in name)


def _by_steps(run: _Run, size: str, count: int, ctx: Context) -> list[Node] | None:
    """The first terms with their numbers running on in equal steps, up to the last term."""
    if len(run.head) < 2:
        return None
    try:
        general = _running(run.head[0], run.head[1])
    except Unread:
        return None
    last = _at(run.tail[-1], size, count, ctx)
    terms: list[Node] = []
    for k in range(MAX_TERMS):
        terms.append(_at(substitute(general, {INDEX: Num(k)}), size, count, ctx))
        if k < len(run.head):
            if not _all_same([_at(run.head[k], size, count, ctx)], terms[-1:], ctx):
                return None
        elif _all_same(terms[-1:], (last,), ctx):
            doubtful = len(run.head) == 2 and _geometric(run.head, last, ctx)
            before = [_at(term, size, count, ctx) for term in run.tail]
            fits = len(before) <= len(terms) and _all_same(before, terms[-len(before) :], ctx)
            return terms if fits and not doubtful else None
    return None


def _geometric(head: Sequence[Node], last: Node, ctx: Context) -> bool:
    """Whether two first terms may as well be followed by multiples: 1, 2, ..., 64."""
    first, second, end = (exact(term, ctx) for term in (*head[:2], last))
    if not first or not second or end is None or abs(second) <= abs(first):
        return False
    value = second
    while abs(value) < abs(end):
        ctx.spend()
        value *= second / first
    return value == end


def _running(first: Node, second: Node) -> Node:
    """Two terms as one: whole numbers that differ run in equal steps."""
    if first == second:
        return first
    if isinstance(first, Num) and isinstance(second, Num):
        if not first.den == second.den == 1:
            raise Unread
        return Add((first, Mul((Num(second.num - first.num), Sym(INDEX)))))
    ours, theirs = children(first), iter(children(second))
    if type(first) is not type(second) or len(ours) != len(children(second)):
        raise Unread
    if rebuild(first, lambda child: next(theirs)) != second:
        raise Unread
    theirs = iter(children(second))
    return rebuild(first, lambda child: _running(child, next(theirs)))
