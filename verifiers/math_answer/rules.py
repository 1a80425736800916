"""RULES, in order, and the comparison that runs them. The first rule with an opinion decides.

Rule 1: a rule answers yes, no, or "not mine". "No" needs a refutation, not a failure to see the likeness.
Rule 2: order is from the special to the general: what a notation means before what its values are.
"""

from collections.abc import Callable
from typing import TypeAlias

from verifiers.math_answer.context import Context, OutOfSteps
from verifiers.math_answer.quantities.calendar_time import moments
from verifiers.math_answer.quantities.comparison import quantities
from verifiers.math_answer.reading.render import render
from verifiers.math_answer.structures.combinations import same_combination
from verifiers.math_answer.structures.definitions import same_cases, same_definition, same_domain_statement
from verifiers.math_answer.structures.dotted import same_dotted
from verifiers.math_answer.structures.families import same_family
from verifiers.math_answer.structures.integers import same_integers
from verifiers.math_answer.structures.matching import Same
from verifiers.math_answer.structures.matrices import same_determinant, same_matrix, same_unit_vectors, same_vector
from verifiers.math_answer.structures.ratios import same_ordering, same_ratio
from verifiers.math_answer.structures.relations import same_computation, same_equation, same_inequality, same_named
from verifiers.math_answer.structures.sequences import same_values_in_collection
from verifiers.math_answer.structures.shifted import same_named_family, same_shifted, same_where_defined
from verifiers.math_answer.structures.solution_sets import same_integer_set, same_real_set
from verifiers.math_answer.tree import Add, Based, Node, Num, Sym
from verifiers.math_answer.values.equality import equal_up_to_constant, same_value
from verifiers.math_answer.values.rounding import agrees_by_rounding
from verifiers.math_answer.values.walk import substitute, variables
from verifiers.math_answer.wording.words import words

Rule: TypeAlias = Callable[[Node, Node, Context, Same], "bool | None"]
"""(reference, response, context, comparison of parts) -> yes, no, or None for "not mine"."""

_ARBITRARY_CONSTANTS = frozenset({"C_1", "C_2", "c_1", "c_2", "A", "B"})
_INTEGRATION_CONSTANTS = frozenset({"C", "c", "K", "C_0", "C_1"})
MAX_NESTING = 6
"""A tuple in a set in a case of a piecewise function is three deep."""


def value(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Equal values; decimals agree when one is the other correctly rounded."""
    equal = same_value(reference, response, ctx)
    if equal is True:
        return True
    rounded = agrees_by_rounding(reference, response, ctx)
    return equal if rounded is None else rounded


def same_digits(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`4343_6` and a bare `4343` where the question asks for base 6: the same digits or not."""
    based, bare = (reference, response) if isinstance(reference, Based) else (response, reference)
    if not (isinstance(based, Based) and isinstance(bare, Num)) or ctx.hints.base != based.base:
        return None
    return bare.den == 1 and bare.decimals is None and str(bare.num) == based.digits


def same_up_to_constants(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`C_1 e^x + C_2 e^{-x}` with the two constants exchanged."""
    names = sorted(variables(reference, ctx) & variables(response, ctx) & _ARBITRARY_CONSTANTS)
    if len(names) != 2 or not (variables(reference, ctx) - _ARBITRARY_CONSTANTS):
        return None  # `A - B` alone is no solution with constants in it
    first, second = names
    exchanged = substitute(response, {first: Sym(second), second: Sym(first)})
    return True if same_value(reference, exchanged, ctx) else None


def same_antiderivative(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`x^2 + C` and `x^2 + 1 + C`: a constant of integration swallows constants. It must be on both sides."""
    left, right = _constant_of_integration(reference), _constant_of_integration(response)
    if left is None or right is None:
        return None
    return equal_up_to_constant(reference, response, left, right, ctx)


def _constant_of_integration(node: Node) -> str | None:
    if not isinstance(node, Add):
        return None
    return next((t.name for t in node.terms if isinstance(t, Sym) and t.name in _INTEGRATION_CONSTANTS), None)


RULES: tuple[Rule, ...] = (
    words,
    moments,
    quantities,
    same_domain_statement,
    same_ratio,
    same_ordering,
    same_cases,
    same_determinant,
    same_combination,
    same_matrix,
    same_vector,
    same_unit_vectors,
    same_family,
    same_shifted,
    same_named_family,
    same_where_defined,
    same_computation,
    same_definition,
    same_integers,
    same_integer_set,
    same_real_set,
    same_values_in_collection,
    same_inequality,
    same_named,
    same_equation,
    same_digits,
    same_up_to_constants,
    same_antiderivative,
    value,
    same_dotted,
)


class Comparison:
    """One pair under one budget. `trace` collects a line per decision, for `explain`."""

    __slots__ = ("_ctx", "_trace")

    def __init__(self, ctx: Context, trace: list[str] | None = None) -> None:
        self._ctx = ctx
        self._trace = trace

    def decide(self, reference: Node, response: Node) -> tuple[bool | None, str]:
        """The verdict and the rule that gave it; (None, "no_rule") or (None, "out_of_steps") when none did."""
        try:
            return self._first(reference, response)
        except OutOfSteps:
            return None, "out_of_steps"

    def same(self, reference: Node, response: Node) -> bool | None:
        """The verdict on a part, for the rules to recurse with."""
        if self._ctx.nested >= MAX_NESTING:
            return None
        self._ctx.nested += 1
        try:
            return self._first(reference, response)[0]
        finally:
            self._ctx.nested -= 1

    def _first(self, reference: Node, response: Node) -> tuple[bool | None, str]:
        self._ctx.spend()
        if reference == response:
            return True, "same_tree"
        for rule in RULES:
            verdict = rule(reference, response, self._ctx, self.same)
            if verdict is not None:
                if self._trace is not None:
                    said = "the same" if verdict else "different"
                    line = f"{rule.__name__}: {render(response)} and {render(reference)} are {said}"
                    self._trace.append("  " * self._ctx.nested + line)
                return verdict, rule.__name__
        return None, "no_rule"
