"""Properties of value comparison on random trees."""

from fractions import Fraction

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.verifiers.trees import add, call, div, mul, neg, node, pi, power, sqrt, x, y
from verifiers.math_answer.context import Context
from verifiers.math_answer.tree import Add, Mul, Neg, Node
from verifiers.math_answer.values.equality import order, same_value
from verifiers.math_answer.values.exact import exact

integers = st.integers(-20, 20).map(node)
rational_leaves = st.one_of(integers, st.builds(div, st.integers(-20, 20), st.integers(1, 20)))
leaves = st.one_of(rational_leaves, st.sampled_from([x, y, pi, sqrt(2), sqrt(5)]))


def grown(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """One operation more."""
    return st.one_of(
        st.builds(add, children, children),
        st.builds(mul, children, children),
        st.builds(neg, children),
        st.builds(power, children, st.integers(1, 3)),
    )


def with_functions(children: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    """One operation or function more; all of them defined on the whole real line."""
    return st.one_of(grown(children), st.builds(call, st.sampled_from(["sin", "cos", "atan", "abs"]), children))


rationals = st.recursive(rational_leaves, grown, max_leaves=6)
expressions = st.recursive(leaves, with_functions, max_leaves=6)
few = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@few
@given(expressions, expressions)
def test_a_rewritten_expression_is_equal(first: Node, second: Node) -> None:
    """(a + b)^2 - (a - b)^2 is 4ab, whatever a and b are."""
    squares = add(power(add(first, second), 2), neg(power(add(first, neg(second)), 2)))
    assert same_value(squares, mul(4, second, first), Context()) in (True, None)
    assert same_value(add(first, second), add(second, first), Context()) in (True, None)


@few
@given(expressions, st.integers(1, 30))
def test_a_moved_expression_is_different(tree: Node, digits: int) -> None:
    """Adding a small number makes another expression."""
    moved = add(tree, power(10, -digits))
    assert same_value(tree, moved, Context()) in (False, None)
    assert same_value(moved, tree, Context()) in (False, None)


@few
@given(expressions, expressions)
def test_verdicts_are_symmetric(first: Node, second: Node) -> None:
    """Swapping the sides does not change the verdict."""
    assert same_value(first, second, Context()) is same_value(second, first, Context())


@few
@given(expressions)
def test_every_expression_equals_itself_in_another_order(tree: Node) -> None:
    """Reversing sums and products keeps the value."""

    def turned(part: Node) -> Node:
        if isinstance(part, Add):
            return Add(tuple(map(turned, reversed(part.terms))))
        if isinstance(part, Mul):
            return Mul(tuple(map(turned, reversed(part.factors))))
        return Neg(turned(part.x)) if isinstance(part, Neg) else part

    assert same_value(tree, turned(tree), Context()) is True


@few
@given(rationals, rationals)
def test_exact_arithmetic_follows_the_field_laws(first: Node, second: Node) -> None:
    """Exact values of sums, products and differences are those of the parts."""
    left, right = exact(first), exact(second)
    assert left is not None
    assert right is not None
    assert exact(add(first, second)) == left + right
    assert exact(mul(first, neg(second))) == -left * right
    assert order(first, second, Context()) == (left > right) - (left < right)


@few
@given(st.fractions(), st.fractions())
def test_fractions_are_compared_exactly(first: Fraction, second: Fraction) -> None:
    """Two fractions are equal as trees exactly when they are equal as numbers."""
    assume(second)
    trees = [div(value.numerator, value.denominator) for value in (first, second)]
    assert same_value(trees[0], trees[1], Context()) is (first == second)
    assert same_value(div(trees[0], trees[1]), div(mul(trees[0], 3), mul(3, trees[1])), Context()) is True
