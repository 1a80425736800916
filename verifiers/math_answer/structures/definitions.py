"""Rules for functions given by a formula: `f(x) = 2x`, `a_n = n^2`, `y = 2x`, piecewise definitions.

Rule 1: the argument is bound: `f(x) = 2x`, `f(z) = 2z` and the bare `2x` are one function.
Rule 2: another function's name (`g(x) = 2x`) is not known to be the same; `y` stands for any f(x).
Rule 3: "for all positive integers n" about an argument says only where the function lives.
"""

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

from verifiers.math_answer.context import Context
from verifiers.math_answer.structures.matching import Same, conjunction, in_any_order
from verifiers.math_answer.structures.naming import named
from verifiers.math_answer.tree import Apply, Cases, Logic, NamedSet, Node, Rel, Sym, Text, Where
from verifiers.math_answer.values.walk import preorder, substitute, variables

OTHERWISE = Text("otherwise")

MAX_CONSTANTS = 3
"""Open constants that may be exchanged: six ways."""


class Definition(NamedTuple):
    """A function's name, its arguments and its formula."""

    name: str
    arguments: tuple[str, ...]
    body: Node


def same_domain_statement(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`f(n) = n for all positive integers n` against `f(n) = n`: Rule 3."""
    left, right = _without_domains(reference), _without_domains(response)
    return None if left is reference and right is response else same(left, right)


def _without_domains(node: Node) -> Node:
    if not isinstance(node, Where):
        return node
    arguments = {
        name
        for part in preorder(node.body)
        if isinstance(part, Rel)
        for side in preorder(part.operands[0])
        for name in _argument_names(side)
    }
    kept = tuple(condition for condition in _flat(node.conditions) if not _is_domain(condition, arguments))
    if len(kept) == len(tuple(_flat(node.conditions))):
        return node
    return Where(node.body, kept) if kept else node.body


def _argument_names(side: Node) -> Iterator[str]:
    """`n` in `f(n)` and in `a_n`."""
    match side:
        case Apply(args=args):
            yield from (argument.name for argument in args if isinstance(argument, Sym))
        case Sym(name=name) if "_" in name:
            yield name.split("_", 1)[1]


def _flat(conditions: tuple[Node, ...]) -> Iterator[Node]:
    for condition in conditions:
        if isinstance(condition, Logic) and condition.op == "and":
            yield from _flat(condition.args)
        else:
            yield condition


def _is_domain(condition: Node, arguments: set[str]) -> bool:
    match condition:
        case Rel(operands=(Sym(name=name), NamedSet()), ops=("in",)):
            return name in arguments
        case _:
            return False


def same_definition(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Functions by their formulas, arguments renamed; a bare formula is the function that the other side names."""
    left, right = definition(reference, ctx), definition(response, ctx)
    if left is not None and right is not None:
        return _same_definitions(left, right, ctx, same)
    if left is not None:
        other = _formula(response, left, ctx)
        return None if other is None else same(left.body, other)
    if right is not None:
        other = _formula(reference, right, ctx)
        return None if other is None else same(other, right.body)
    return None


def definition(node: Node, ctx: Context) -> Definition | None:
    """The function that an equation defines. `P(A) = 1/2` defines none: events are capitals, arguments are not."""
    if isinstance(node, Where):
        inner = definition(node.body, ctx)
        return inner and inner._replace(body=Where(inner.body, node.conditions))
    pair = named(node)
    if pair is None:
        return None
    match pair[0]:
        case Apply(name=name, args=args) if all(isinstance(arg, Sym) and arg.name.islower() for arg in args):
            arguments = tuple(arg.name for arg in args if isinstance(arg, Sym))
            return Definition(name, arguments, pair[1]) if len(set(arguments)) == len(arguments) else None
        case Sym(name=text) if "_" in text:
            name, index = text.split("_", 1)
            return Definition(name, (index,), pair[1]) if index in variables(pair[1], ctx) else None
        case _:
            return None


def _same_definitions(left: Definition, right: Definition, ctx: Context, same: Same) -> bool | None:
    if len(left.arguments) != len(right.arguments):
        return None
    body = _with_arguments(right, left.arguments, ctx)
    verdict = None if body is None else same(left.body, body)
    if verdict is False and body is not None and (constants := _constants(left, body, ctx)):
        # `a x^2 + b x` and `b x^2 + a x` with constants that no question fixes.
        ours, theirs = constants
        orders = (dict(zip(theirs, map(Sym, order), strict=True)) for order in permutations(ours))
        verdict = True if any(same(left.body, substitute(body, order)) for order in orders) else None
    return verdict if left.name == right.name or verdict is False else None


def _constants(left: Definition, body: Node, ctx: Context) -> tuple[list[str], list[str]] | None:
    """The constants that the formulas leave open, as many on each side, where the question names its own letters."""
    known = {*left.arguments, *ctx.hints.variables}
    ours, theirs = variables(left.body, ctx) - known, variables(body, ctx) - known
    if not ctx.hints.variables or not len(ours) == len(theirs) <= MAX_CONSTANTS or not ours:
        return None
    return sorted(ours), sorted(theirs)


def _with_arguments(own: Definition, names: tuple[str, ...], ctx: Context) -> Node | None:
    """The formula with its arguments renamed; None where a new name already means something in it."""
    free = variables(own.body, ctx) - set(own.arguments)
    if free & set(names):
        return None
    return substitute(own.body, {old: Sym(new) for old, new in zip(own.arguments, names, strict=True)})


def _formula(node: Node, other: Definition, ctx: Context) -> Node | None:
    """The formula to hold against the definition's body, its one variable renamed to the argument."""
    pair = named(node)
    if pair is not None:
        return pair[1] if pair[0] == Sym("y") and len(other.arguments) == 1 else None
    if isinstance(node, Rel):
        return None
    if isinstance(node, Where) and all(_is_domain(part, set(other.arguments)) for part in _flat(node.conditions)):
        node = node.body
    own = variables(node, ctx)
    if len(other.arguments) != 1 or other.arguments[0] in own:
        return node
    strange = own - variables(other.body, ctx)
    if len(strange) != 1 or other.arguments[0] not in variables(other.body, ctx):
        return node
    (name,) = strange
    if not ctx.hints.variables or name in ctx.hints.variables or not (len(name) == 1 and name.islower()):
        # Without a question, `n + 1` is not known to be the function that takes x to x + 1.
        return None
    return substitute(node, {name: Sym(other.arguments[0])})


def same_cases(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Piecewise definitions, branch by branch in any order."""
    if not (isinstance(reference, Cases) and isinstance(response, Cases)):
        return None

    def same_branch(a: Node, b: Node) -> bool | None:
        assert isinstance(a, Where)
        assert isinstance(b, Where)
        condition = True if a.conditions == b.conditions else same(a.conditions[0], b.conditions[0])
        return conjunction((same(a.body, b.body), condition))

    return in_any_order(_branches(reference), _branches(response), ctx, same_branch) or None


def _branches(cases: Cases) -> list[Node]:
    return [Where(value, (condition or OTHERWISE,)) for value, condition in cases.branches]
