"""Bounds on the work of comparing values, and safety between threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import flint
import pytest

from tests.verifiers.trees import add, call, div, k, mul, n, node, power, sqrt, x, y
from verifiers.math_answer.context import MAX_STEPS, Context, OutOfSteps
from verifiers.math_answer.tree import Apply, BigOp, Node, Num, Sym
from verifiers.math_answer.values.equality import order, proportional, same_value
from verifiers.math_answer.values.rounding import agrees_by_rounding

HUGE = Num(10**99_999 + 7)


def nest(wrap: Callable[[Node], Node], inner: Node, depth: int) -> Node:
    """A function applied so many times."""
    for _ in range(depth):
        inner = wrap(inner)
    return inner


BOMBS = {
    "tower": nest(lambda t: power(9, t), node(9), 90),
    "tower of names": nest(lambda t: power(x, t), x, 90),
    "factorials": nest(lambda t: call("factorial", t), node(4), 90),
    "exponentials": nest(lambda t: call("exp", t), node(5), 90),
    "nested roots": nest(lambda t: sqrt(add(2, t)), sqrt(2), 45),
    "nested powers": nest(lambda t: power(add(t, 1), 7), x, 45),
    "nested sums": nest(lambda t: BigOp("sum", "k", node(1), node(300), add(t, k)), k, 30),
    "nested unknowns": nest(lambda t: Apply("f", (t,)), x, 90),
    "endless sum": BigOp("sum", "k", node(1), node(10**9), k),
    "long trig sum": add(*(call("sin", mul(j, x)) for j in range(3_000))),
    "many names": add(*(call("sin", Sym(f"v{j}")) for j in range(3_000))),
    "gammas": add(*(call("factorial", add(x, j)) for j in range(1_000))),
    "huge literal": mul(HUGE, sqrt(2)),
    "huge literals": div(HUGE, Num(10**99_998 + 1)),
    "large powers": add(*(power(3, 80_000 + j) for j in range(2_000))),
    "roots of large powers": add(*(sqrt(power(3, 80_000 + j)) for j in range(500))),
    "falling products": add(*(call("perm", 10**18, 4_000) for _ in range(50))),
    "large factorials": add(*(call("factorial", 14_000) for _ in range(3_000))),
    "sine of a huge number": call("sin", power(10, 30_000)),
    "binomial": call("binom", 10**7, 5 * 10**6),
    "symbolic binomial": call("binom", mul(2, n), n),
}


@pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
@pytest.mark.parametrize("compare", [same_value, order, agrees_by_rounding, proportional])
def test_no_tree_breaks_a_comparison(bomb: Node, compare: Callable[[Node, Node, Context], object]) -> None:
    """Every comparison of an outsized tree ends within its steps and Python's recursion limit, never with a
    yes."""
    ctx = Context()
    for other in (add(3, y), add(bomb, y)):
        try:
            assert compare(bomb, other, ctx) is not True
        except OutOfSteps:
            assert ctx.steps > -MAX_STEPS


def test_budget_is_counted() -> None:
    """A comparison with few steps left stops."""
    with pytest.raises(OutOfSteps):
        same_value(call("sin", mul(2, x)), mul(2, call("sin", x), call("cos", x)), Context(steps=20))


def test_threads_do_not_disturb_one_another() -> None:
    """FLINT's precision is global: comparisons at different precisions run in parallel without changing
    verdicts."""
    pairs = [
        (sqrt(add(power(2, 400), 1)), power(2, 200), False),
        (sqrt(add(3, mul(2, sqrt(2)))), add(1, sqrt(2)), True),
        (call("tanh", 1000), node(1), False),
        (call("ln", 8), mul(3, call("ln", 2)), True),
    ] * 50
    before = flint.ctx.prec
    with ThreadPoolExecutor(8) as pool:
        verdicts = list(pool.map(lambda pair: same_value(pair[0], pair[1], Context()), pairs))
    assert verdicts == [wanted for _, _, wanted in pairs]
    assert flint.ctx.prec == before
