"""Properties of the structural rules over generated answers, against oracles that know nothing of notation."""

from fractions import Fraction
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.verifiers import (
    test_rules_equations,
    test_rules_families,
    test_rules_functions,
    test_rules_lists,
    test_rules_matrices,
    test_rules_ratios_and_orders,
    test_rules_real_sets,
)
from tests.verifiers.rule_verdict import Case, rule_verdict

TABLES = (
    test_rules_equations,
    test_rules_families,
    test_rules_functions,
    test_rules_lists,
    test_rules_matrices,
    test_rules_ratios_and_orders,
    test_rules_real_sets,
)
SAME: list[Case] = [case for table in TABLES for case in table.SAME if "." not in case[0] + case[1]]
"""Without decimals: which side may be rounded is not symmetric."""

DIFFERENT: list[Case] = [case for table in TABLES for case in table.DIFFERENT]

GRID = [Fraction(k, 2) for k in range(-15, 16)]
"""Sets whose ends are whole numbers from -7 to 7 are told apart by the half-integers around them."""


@pytest.mark.parametrize(("reference", "response", "hints"), SAME)
def test_swapped_sides_are_not_refuted(reference: str, response: str, hints: dict[str, object]) -> None:
    """What is the same one way round is never refuted the other way round."""
    assert rule_verdict(response, reference, hints) is not False


@pytest.mark.parametrize(("reference", "response", "hints"), DIFFERENT)
def test_swapped_sides_are_not_accepted(reference: str, response: str, hints: dict[str, object]) -> None:
    """What is refuted one way round is never accepted the other way round."""
    assert rule_verdict(response, reference, hints) is not True


@pytest.mark.parametrize("text", sorted({text for case in SAME + DIFFERENT for text in case[:2]}))
def test_every_answer_is_itself(text: str) -> None:
    """An answer is the same as itself."""
    assert rule_verdict(text, text, {}) is True


@given(st.lists(st.integers(-30, 30), min_size=2, max_size=8), st.randoms(use_true_random=False))
def test_a_list_may_be_permuted(numbers: list[int], generator: Random) -> None:
    """Any order of a bare list is the same list, and one changed value makes another."""
    shuffled = list(numbers)
    generator.shuffle(shuffled)
    reference, response = ", ".join(map(str, numbers)), ", ".join(map(str, shuffled))
    assert rule_verdict(reference, response, {}) is True
    shuffled[0] += 61
    assert rule_verdict(reference, ", ".join(map(str, shuffled)), {}) is False


@given(st.lists(st.integers(-4, 4), min_size=2, max_size=6), st.lists(st.integers(-4, 4), min_size=2, max_size=6))
def test_sets_and_lists_count_as_they_should(ours: list[int], theirs: list[int]) -> None:
    """Two sets agree when their members do, two lists when their members do as often."""
    left, right = ", ".join(map(str, ours)), ", ".join(map(str, theirs))
    assert rule_verdict(left, right, {}) is (sorted(ours) == sorted(theirs))
    assert rule_verdict(rf"\{{{left}\}}", rf"\{{{right}\}}", {}) is (set(ours) == set(theirs))
    assert rule_verdict(f"({left})", f"({right})", {}) is (ours == theirs)


@given(st.integers(-20, 20), st.integers(1, 9), st.integers(-5, 5), st.booleans(), st.integers(0, 8))
def test_integer_families_are_sets(start: int, step: int, shift: int, turned: bool, off: int) -> None:
    """{a + bk} is {a + sb - bk}, and is not {a + r + bk} unless b divides r."""
    sign = "-" if turned else "+"
    reference = rf"x = {start} + {step}k, k \in \mathbb{{Z}}"
    same = rf"x = {start + shift * step} {sign} {step}n, n \in \mathbb{{Z}}"
    other = rf"x = {start + off} {sign} {step}n, n \in \mathbb{{Z}}"
    assert rule_verdict(reference, same, {}) is True
    assert rule_verdict(reference, other, {}) is (off % step == 0)


class Part:
    """An interval or a point with whole ends: its membership, and three ways to write it."""

    def __init__(self, low: int | None, low_closed: bool, high: int | None, high_closed: bool) -> None:
        self.low, self.high = low, high
        self.low_closed, self.high_closed = low_closed and low is not None, high_closed and high is not None

    def __contains__(self, value: Fraction) -> bool:
        above = self.low is None or value > self.low or (self.low_closed and value == self.low)
        below = self.high is None or value < self.high or (self.high_closed and value == self.high)
        return above and below

    def brackets(self) -> str:
        if self.low == self.high and self.low is not None:
            return rf"\{{{self.low}\}}"
        low = r"-\infty" if self.low is None else str(self.low)
        high = r"\infty" if self.high is None else str(self.high)
        return f"{'[' if self.low_closed else '('}{low}, {high}{']' if self.high_closed else ')'}"

    def relation(self) -> str:
        if self.low is not None and self.low == self.high:
            return f"x = {self.low}"
        at_least = r"\ge" if self.low_closed else ">"
        at_most = r"\le" if self.high_closed else "<"
        if self.high is None:
            return f"x {at_least} {self.low}"
        if self.low is None:
            return f"x {at_most} {self.high}"
        return f"{self.low} {at_least.replace('ge', 'le').replace('>', '<')} x {at_most} {self.high}"


@st.composite
def part(draw: st.DrawFn) -> Part:
    low, high = sorted((draw(st.integers(-7, 7)), draw(st.integers(-7, 7))))
    closed = draw(st.booleans()), draw(st.booleans())
    if low == high:
        return Part(low, True, high, True)
    open_end = draw(st.sampled_from(["none", "none", "low", "high"]))
    return Part(None if open_end == "low" else low, closed[0], None if open_end == "high" else high, closed[1])


parts = st.lists(part(), min_size=2, max_size=4)


@given(parts, parts)
def test_unions_agree_with_membership(ours: list[Part], theirs: list[Part]) -> None:
    """Unions in two notations are the same exactly when they have the same members."""
    equal = all(any(v in p for p in ours) == any(v in p for p in theirs) for v in GRID)
    written = r" \cup ".join(p.brackets() for p in ours), r" \text{ or } ".join(p.relation() for p in theirs)
    if all(p.low == p.high and p.low is not None for p in theirs):
        return  # a list of points: `x = 1 or x = 2` is the business of lists
    assert rule_verdict(*written, {}) is equal
    assert rule_verdict(written[0], r" \cup ".join(p.brackets() for p in reversed(ours)), {}) is True


@given(part(), part(), parts)
def test_differences_and_intersections_agree_with_membership(a: Part, b: Part, theirs: list[Part]) -> None:
    """A difference or an intersection is the same as a union exactly when they have the same members."""
    union = r" \cup ".join(p.brackets() for p in theirs)
    for operation, inside in (
        (r"\setminus", [v in a and v not in b for v in GRID]),
        (r"\cap", [v in a and v in b for v in GRID]),
    ):
        equal = inside == [any(v in p for p in theirs) for v in GRID]
        assert rule_verdict(f"{a.brackets()} {operation} {b.brackets()}", union, {}) is equal


NAMES = ("Tom", "Ann", "Bob", "Eve")


@given(st.lists(st.integers(-30, 30), min_size=2, max_size=4, unique=True), st.randoms(use_true_random=False))
def test_values_under_words_go_with_their_words(numbers: list[int], generator: Random) -> None:
    """Labelled values may be told in any order; exchanged between their labels, or bare in another order, they
    are not accepted.
    """
    pairs = list(zip(NAMES, numbers, strict=False))
    reference = ", ".join(f"{name}: {number}" for name, number in pairs)
    generator.shuffle(pairs)
    told, bare = ", ".join(f"{name}: {number}" for name, number in pairs), [number for _, number in pairs]
    assert rule_verdict(reference, told, {}) is True
    assert (rule_verdict(reference, ", ".join(map(str, bare)), {}) is True) is (bare == numbers)
    exchanged = ", ".join(f"{name}: {number}" for (name, _), number in zip(pairs, bare[1:] + bare[:1], strict=True))
    assert rule_verdict(reference, exchanged, {}) is False


@given(st.integers(2, 9), st.integers(-9, 9), st.integers(-3, 3), st.integers(1, 8))
def test_a_family_of_whole_numbers_starts_anywhere(period: int, start: int, turns: int, off: int) -> None:
    """`n = pk + s` and `pk + s + jp` are the same numbers where the question says that n is whole; others are not."""
    hints = {"variables": frozenset("n"), "integers": frozenset("n")}
    reference = f"n={period}k{start:+d}"
    assert rule_verdict(reference, f"{period}k{start + turns * period:+d}", hints) is True
    shifted = start + off
    assert rule_verdict(reference, f"{period}k{shifted:+d}", hints) is (off % period == 0)


@given(st.integers(1, 9), st.integers(1, 9), st.integers(-9, 9))
def test_two_lines_in_one_equation(a: int, b: int, c: int) -> None:
    r"""`ax \pm by = c` is the two lines written out, and neither one of them nor a pair of others."""
    reference = rf"{a}x \pm {b}y = {c}"
    first, second = f"{a}x + {b}y = {c}", f"{a}x - {b}y = {c}"
    assert rule_verdict(reference, f"{second}, {first}", {}) is True
    assert rule_verdict(reference, first, {}) is not True
    assert rule_verdict(reference, f"{first}, {second.replace('=', '= 1 +')}", {}) is not True
