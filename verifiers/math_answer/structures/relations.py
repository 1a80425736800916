"""Rules for equations: a value under a name, computations written as chains, loci.

Rule 1: a name before a value adds nothing (`x = 5` is 5) unless it names another thing than the one asked for.
Rule 2: a chain `a = b = c` is a computation when its links hold; a closed link that is false refutes the whole
        (`3 = 4 = 5` is no 5), and an expression set equal to itself is no answer.
Rule 3: two equations are the same when their difference of sides agrees up to a non-zero constant factor. A response
        that leaves unsolved what the reference solves is not accepted so: it may only repeat the question.
"""

from collections.abc import Callable, Sequence

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.definitions import definition
from verifiers.math_answer.structures.inequalities import as_line
from verifiers.math_answer.structures.loci import refuted_as_locus
from verifiers.math_answer.structures.matching import Same, conjunction, in_order
from verifiers.math_answer.structures.naming import COMPUTES, Assignment, assignments, closed, is_generic, named
from verifiers.math_answer.tree import Add, Apply, BigOp, Div, Group, Mul, Neg, Node, Num, Rel, RelOp, Sym, Text
from verifiers.math_answer.values.equality import order, proportional, same_value
from verifiers.math_answer.values.rounding import near
from verifiers.math_answer.values.walk import preorder, substitute, variables

ZERO = Num(0)


def same_named(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`x = 5` against `5` or `x = 5`: the values decide; other names than the one asked for leave it open."""
    left, right = _named(reference, ctx), _named(response, ctx)
    if left is None and right is None:
        return None
    if left is not None and right is not None:
        verdict = same(left[1], right[1])
        if left[0] == right[0] or is_generic(left[0]) or is_generic(right[0]):
            return verdict
        if isinstance(left[0], Text) != isinstance(right[0], Text):
            return verdict
        return False if verdict is False and isinstance(left[0], Text) else None
    if left is not None:
        # `(x, y) = (1, 2)` against `a = 1, b = 2`: the names are not the same.
        verdict = None if assignments(response) else same(left[1], response)
        return None if verdict and _names_a_value_of(response, left[0], ctx) else verdict
    assert right is not None
    verdict = None if assignments(reference) else same(reference, right[1])
    other = _names_something_else(right[0], ctx) or _shifted(right) or _names_a_value_of(reference, right[0], ctx)
    return None if verdict and other else verdict


def _named(node: Node, ctx: Context) -> Assignment | None:
    """One name with one value; functions and tuples of names have rules of their own."""
    pair = None if definition(node, ctx) is not None else named(node)
    return None if pair is None or (isinstance(pair[0], Group) and assignments(node)) else pair


def _names_a_value_of(function: Node, name: Node, ctx: Context) -> bool:
    """`f(2x) = 2x + 1` against `f(x) = 2x + 1`: one side names a value of the function that the other defines."""
    indexed = isinstance(name, Apply) or (isinstance(name, Sym) and "_" in name.name)
    return indexed and definition(function, ctx) is not None


def _shifted(pair: Assignment) -> bool:
    """`f(2x) = 2x + 1` is no `2x + 1`: a value of a function, not the function."""
    name, given = pair
    if not isinstance(name, Apply) or closed(given):
        return False
    return any(isinstance(arg, Add | Neg | Num | Mul | Div) for arg in name.args)


def _names_something_else(name: Node, ctx: Context) -> bool:
    """Whether the question asks for other variables than the one that the response names."""
    asked, known = ctx.hints.asked, ctx.hints.variables
    if ctx.hints.combined and isinstance(name, Sym) and name.name in known:
        # `p = 7` where the question asks for p + q.
        return True
    return bool(asked) and isinstance(name, Sym) and name.name not in asked and name.name in known


def same_computation(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    r"""`2^{10} = 4 \cdot 256 = 1024` against `1024`; `\frac{7}{3} \approx 2.33` against either side."""
    chain = _unnamed_chain(response)
    if chain is not None:
        links = _links(chain, ctx, same)
        first = chain.operands[0]
        if isinstance(first, BigOp) and first.lower is not None and closed(first) and not closed(chain.operands[-1]):
            # A number is no expression: `\\int_0^1 2x dx = x^2 + C`.
            return None
        if links is False or _repeats_itself(chain):
            return False
        if isinstance(reference, Rel):
            return None
        if links is None and not _asks_for_left_side(chain, ctx):
            return None
        return _any_side(chain.operands if links else chain.operands[-1:], lambda side: same(reference, side))
    chain = _unnamed_chain(reference)
    if chain is None or isinstance(response, Rel) or _repeats_itself(chain):
        return None
    links = _links(chain, ctx, same)
    if links is False:
        return None
    if ctx.hints.combined and not links and closed(chain.operands[-1]) and not closed(chain.operands[0]):
        return same(chain.operands[-1], response)  # `x + y = 7` where x + y is asked for
    if not (links or closed(chain.operands[0])):
        return None
    return _any_side(chain.operands, lambda side: same(side, response))


def _unnamed_chain(node: Node) -> Rel | None:
    if not isinstance(node, Rel) or not COMPUTES.issuperset(node.ops):
        return None
    return node if named(node) is None else None


def _links(chain: Rel, ctx: Context, same: Same) -> bool | None:
    """Whether every link holds. Only a false link of closed values refutes: `x/2 = y/3` is an equation."""
    verdicts: list[bool | None] = []
    for left, op, right in zip(chain.operands, chain.ops, chain.operands[1:], strict=False):
        verdict = same(left, right)
        if op == "approx" and verdict is False and near(left, right, ctx):
            verdict = True
        refutes = closed(left) and closed(right)
        verdicts.append(None if verdict is False and not refutes else verdict)
    return conjunction(verdicts)


def _repeats_itself(chain: Rel) -> bool:
    return len(chain.operands) == 2 and chain.operands[0] == chain.operands[1]


def _asks_for_left_side(chain: Rel, ctx: Context) -> bool:
    """Whether `sin A = 1/2`, or a sum that nobody here evaluates, may stand before the value asked for."""
    left, last = chain.operands[0], chain.operands[-1]
    if closed(left):
        return True
    hints = ctx.hints
    known = bool(hints.variables) and not hints.equation
    used = variables(left, ctx)
    return known and closed(last) and used <= hints.variables and not used & set(hints.asked)


def _any_side(sides: Sequence[Node], compare: Callable[[Node], bool | None]) -> bool | None:
    verdicts = [compare(side) for side in sides]
    if any(verdicts):
        return True
    return False if all(verdict is False for verdict in verdicts) else None


def same_equation(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`y = 2x + 1` against `2x - y + 1 = 0`; `y + 1 = x^2` against `x^2 - 1`."""
    if not _is_equation(reference):
        return None
    if not isinstance(response, Rel):
        return _same_as_solved(reference, response, ctx, same)
    if not _is_equation(response):
        return None
    solved, other = _isolated(reference), _isolated(response)
    if solved is not None and other is None and _must_be_solved(solved, ctx):
        return None
    left, right = _difference(reference), _difference(response)
    if not variables(left, ctx) or not variables(right, ctx) or _has_unknown_function(left, right):
        # Without variables every two differences are proportional.
        return in_order(_sides(reference), _sides(response), ctx, same) or None
    alike = proportional(left, right, ctx)
    if alike:
        return True
    if alike is False and refuted_as_locus(left, right, ctx):
        return False
    if other is not None:
        return _same_by_insertion(other, left, ctx)
    solved = solved or _solved_for_some(left, ctx)
    return None if solved is None else _same_by_insertion(solved, right, ctx)


def _solved_for_some(difference: Node, ctx: Context) -> tuple[str, Node] | None:
    """The equation `difference = 0` solved for the first variable in which it is a line."""
    for name in sorted(variables(difference, ctx)):
        line = as_line(difference, name, ctx)
        if line is not None and closed(line[0]) and order(line[0], ZERO, ctx):
            return name, Div(Neg(line[1]), line[0])
    return None


def _is_equation(node: Node) -> bool:
    return isinstance(node, Rel) and node.ops == ("=",)


def _sides(node: Node) -> tuple[Node, ...]:
    """The sides of a relation."""
    assert isinstance(node, Rel)
    return node.operands


def _has_unknown_function(*nodes: Node) -> bool:
    return any(isinstance(part, Apply) for node in nodes for part in preorder(node))


def _difference(node: Node) -> Node:
    assert isinstance(node, Rel)
    left, right = node.operands
    return left if right == ZERO else Add((left, Neg(right)))


def _isolated(node: Node) -> tuple[str, Node] | None:
    """The symbol that an equation is solved for, and its value."""
    pair = named(node)
    return (pair[0].name, pair[1]) if pair is not None and isinstance(pair[0], Sym) else None


def _must_be_solved(solved: tuple[str, Node], ctx: Context) -> bool:
    name, value = solved
    if ctx.hints.equation:
        return False
    return closed(value) or ctx.hints.expression or ctx.hints.asked == (name,)


def _same_by_insertion(solved: tuple[str, Node], difference: Node, ctx: Context) -> bool | None:
    """Whether inserting `y = g(x)` makes the other equation an identity, which proves it where linear in y."""
    name, value = solved
    if name not in variables(difference, ctx) or closed(value):
        return None
    verdict = same_value(substitute(difference, {name: value}), ZERO, ctx)
    if verdict is not True:
        return verdict
    line = as_line(difference, name, ctx)
    return True if line is not None and closed(line[0]) and order(line[0], ZERO, ctx) else None


def _same_as_solved(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """A reference equation against an expression: solved for the one variable that is missing there."""
    used = variables(response, ctx)
    missing = variables(reference, ctx) - used
    if not used or len(missing) != 1 or named(reference) is not None:
        return None
    (name,) = missing
    if ctx.hints.asked and name not in ctx.hints.asked and used & set(ctx.hints.asked):
        return None
    line = as_line(_difference(reference), name, ctx)
    if line is None or not closed(line[0]) or not order(line[0], ZERO, ctx):
        return None
    return same(Div(Neg(line[1]), line[0]), response)


FLIPPED: dict[RelOp, RelOp] = {">": "<", ">=": "<="}


def same_inequality(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Relations in several variables: written the other way round, or with terms moved across."""
    if not (isinstance(reference, Rel) and isinstance(response, Rel)):
        return None
    left, right = ascending(reference), ascending(response)
    if left.ops != right.ops or left.modulus is not None or right.modulus is not None:
        return None
    if in_order(left.operands, right.operands, ctx, same):
        return True
    if left.ops in (("<",), ("<=",)):
        return same_value(_difference(left), _difference(right), ctx) or None
    if left.ops == ("!=",):
        return proportional(_difference(left), _difference(right), ctx) or None
    return None


def ascending(relation: Rel) -> Rel:
    """The chain turned round when all of it descends."""
    if not all(op in FLIPPED for op in relation.ops):
        return relation
    return Rel(relation.operands[::-1], tuple(FLIPPED[op] for op in reversed(relation.ops)))
