"""Laws that hold for any answer: an answer equals itself and its rewritings, and never equals another value.

Rule 1: pairs are right or wrong by how they are made, never by asking a second algebra system.
Rule 2: a law about "yes" asks for CORRECT; a law about "no" only forbids it, since passing on is honest.
"""

from collections.abc import Callable
from fractions import Fraction

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from verifiers import math_answer
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

LAW = settings(deadline=None, max_examples=120)  # no deadline: a busy machine is no failure

Rewriting = Callable[[str], str]
Poly = tuple[int, ...]  # coefficients, lowest power first

small = st.integers(-60, 60)
nonzero = small.filter(bool)
positive = st.integers(1, 60)


def accepts(response: str, reference: str) -> bool:
    verdict = math_answer.verify(Problem(response, (reference,)))
    return verdict.outcome is Outcome.CORRECT


# --- rendering -------------------------------------------------------------------------------------------


def frac(value: Fraction) -> str:
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return rf"{sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}"


def term(coefficient: int, power: int) -> str:
    name = {0: "", 1: "x"}.get(power, f"x^{{{power}}}")
    if not name:
        return f"{coefficient:+d}"
    return {1: "+", -1: "-"}.get(coefficient, f"{coefficient:+d}") + name


def poly(coefficients: Poly, order: list[int] | None = None) -> str:
    powers = order or list(range(len(coefficients)))
    return "".join(term(coefficients[p], p) for p in powers if coefficients[p]).removeprefix("+") or "0"


def times(left: Poly, right: Poly) -> Poly:
    product = [0] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            product[i + j] += a * b
    return tuple(product)


def surd(value: tuple[int, int]) -> str:
    return rf"{value[0]}\sqrt{{{value[1]}}}"


def point(entries: list[Fraction]) -> str:
    return "(" + ", ".join(map(frac, entries)) + ")"


def braces(members: list[Fraction]) -> str:
    return r"\{" + ", ".join(map(frac, members)) + r"\}"


def interval(ends: tuple[int, int], brackets: str) -> str:
    return f"{brackets[0]}{ends[0]}, {ends[1]}{brackets[1]}"


def matrix(rows: list[list[int]], kind: str = "pmatrix") -> str:
    body = r" \\ ".join(" & ".join(map(str, row)) for row in rows)
    return rf"\begin{{{kind}}} {body} \end{{{kind}}}"


# --- values and answers ----------------------------------------------------------------------------------

rationals = st.builds(Fraction, small, positive)
polynomials = st.lists(small, min_size=2, max_size=5).map(tuple).filter(lambda p: any(p[1:]))
surds = st.tuples(nonzero, st.sampled_from([2, 3, 5, 6, 7, 10, 11, 13, 15]))
points = st.lists(rationals, min_size=2, max_size=4)
sets = st.lists(rationals, min_size=2, max_size=6, unique=True)
ends = st.tuples(st.integers(-60, -1), st.integers(0, 60))
bracket_pairs = st.sampled_from(["()", "(]", "[)", "[]"])
matrices = st.lists(st.lists(small, min_size=2, max_size=2), min_size=2, max_size=3)

answers = st.one_of(
    small.map(str),
    st.integers().map(str),
    rationals.map(frac),
    st.decimals(-1000, 1000, allow_nan=False, places=3).map(str),
    surds.map(surd),
    rationals.map(lambda r: rf"{frac(r)}\pi"),
    polynomials.map(poly),
    st.tuples(polynomials, polynomials).map(lambda p: rf"\frac{{{poly(p[0])}}}{{{poly(p[1])}}}"),
    points.map(point),
    sets.map(braces),
    st.tuples(ends, bracket_pairs).map(lambda p: interval(*p)),
    matrices.map(matrix),
    nonzero.map(lambda n: rf"x \ge {n}"),
    polynomials.map(lambda p: f"y = {poly(p)}"),
    polynomials.map(lambda p: f"f(x) = {poly(p)}"),
    nonzero.map(lambda n: rf"\frac{{{n}\pi}}{{7}} + 2k\pi"),
)

# Each keeps any of the answers above what it is.
REWRITINGS: tuple[Rewriting, ...] = (
    lambda a: f"${a}$",
    lambda a: rf"\({a}\)",
    lambda a: rf"\boxed{{{a}}}",
    lambda a: f"The answer is ${a}$.",
    lambda a: rf"Some work first. \[\boxed{{{a}}}\]",
    lambda a: a.replace(r"\frac", r"\dfrac"),
    lambda a: a.replace(r"\frac", r"\tfrac"),
    lambda a: a.replace("-", "−"),
    lambda a: a.replace("+", r" \,+\; "),
    lambda a: a.replace(", ", r",\ "),
    lambda a: a.replace("pmatrix", "bmatrix"),
    lambda a: a.replace(r"\pi", "π"),
    lambda a: a.replace(r"\ge ", r"\geqslant "),
    lambda a: f" {a}\n",
)
rewritings = st.sampled_from(REWRITINGS)


def widened(answer: str) -> str:
    """Brackets as `\\left` and `\\right`, where every bracket has its partner of the same kind."""
    for bare, wide in (("(", r"\left("), (")", r"\right)")):
        answer = answer.replace(bare, wide)
    return answer


# --- yes -------------------------------------------------------------------------------------------------


@LAW
@given(answers)
def test_an_answer_equals_itself(answer: str) -> None:
    """The same answer twice is right, whatever its kind."""
    assert accepts(answer, answer)


@LAW
@given(answers, rewritings, rewritings)
def test_markup_changes_nothing(answer: str, first: Rewriting, second: Rewriting) -> None:
    """Delimiters, boxes, spacing, unicode signs and synonyms of commands leave an answer what it is."""
    assert accepts(first(answer), answer)
    assert accepts(first(second(answer)), answer)


@LAW
@given(st.one_of(points.map(point), polynomials.map(lambda p: f"f(x) = {poly(p)}")))
def test_stretched_brackets_change_nothing(answer: str) -> None:
    r"""`\left(` and `\right)` are brackets."""
    assert accepts(widened(answer), answer)


@LAW
@given(rationals, positive)
def test_an_unreduced_fraction_is_the_same_number(value: Fraction, factor: int) -> None:
    """p/q and kp/kq are one number, in a fraction or with a slash."""
    p, q = value.numerator * factor, value.denominator * factor
    assert accepts(rf"\frac{{{p}}}{{{q}}}", frac(value))
    assert accepts(f"{p}/{q}", frac(value))


@LAW
@given(st.integers(-10_000, 10_000), st.sampled_from([1, 2, 4, 5, 8, 10, 16, 20, 25, 40, 50, 100]))
def test_a_terminating_decimal_is_its_fraction(numerator: int, denominator: int) -> None:
    """All digits of a terminating fraction, given as a decimal, are that fraction."""
    value = Fraction(numerator, denominator)
    digits = f"{numerator / denominator:.6f}".rstrip("0").rstrip(".")
    assert Fraction(digits) == value
    assert accepts(digits, frac(value))
    assert accepts(frac(value), digits)


@LAW
@given(st.integers(1, 40), rationals.filter(lambda r: 0 < r < 1))
def test_a_mixed_number_is_the_sum_of_its_parts(whole: int, part: Fraction) -> None:
    """2 1/3 is 7/3."""
    assert accepts(rf"{whole}{frac(part)}", frac(whole + part))


@LAW
@given(polynomials, st.randoms(use_true_random=False))
def test_terms_may_come_in_any_order(coefficients: Poly, rng: "object") -> None:
    """A sum is the same whatever term comes first."""
    order = list(range(len(coefficients)))
    rng.shuffle(order)  # type: ignore[attr-defined]
    assert accepts(poly(coefficients, order), poly(coefficients))


@LAW
@given(polynomials, polynomials)
def test_a_product_equals_its_expansion(left: Poly, right: Poly) -> None:
    """Factors multiplied out are the same expression, both ways."""
    factored, expanded = f"({poly(left)})({poly(right)})", poly(times(left, right))
    assert accepts(factored, expanded)
    assert accepts(expanded, factored)


@LAW
@given(surds)
def test_a_square_under_the_root_may_be_pulled_out(value: tuple[int, int]) -> None:
    """The root of a²b is a times the root of b."""
    sign = "-" if value[0] < 0 else ""
    assert accepts(rf"{sign}\sqrt{{{value[0] ** 2 * value[1]}}}", surd(value))


@LAW
@given(sets, st.randoms(use_true_random=False))
def test_a_set_has_no_order(members: list[Fraction], rng: "object") -> None:
    """Members in another order make the same set, in braces or as a list."""
    shuffled = list(members)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert accepts(braces(shuffled), braces(members))
    assert accepts(", ".join(map(frac, shuffled)), braces(members))


@LAW
@given(ends)
def test_an_interval_is_its_inequality(pair: tuple[int, int]) -> None:
    """`[a, b)` and `a ≤ x < b` say the same, both ways."""
    bracketed, chained = interval(pair, "[)"), rf"{pair[0]} \le x < {pair[1]}"
    assert accepts(chained, bracketed)
    assert accepts(bracketed, chained)


# --- symmetry --------------------------------------------------------------------------------------------

exact_pairs = st.one_of(
    st.tuples(rationals.map(frac), rationals.map(frac)),
    st.tuples(surds.map(surd), surds.map(surd)),
    st.tuples(polynomials.map(poly), polynomials.map(poly)),
    st.tuples(points.map(point), points.map(point)),
    st.tuples(sets.map(braces), sets.map(braces)),
    st.tuples(matrices.map(matrix), matrices.map(matrix)),
    st.tuples(answers, answers),
)


@LAW
@given(exact_pairs)
def test_equality_does_not_depend_on_the_side(pair: tuple[str, str]) -> None:
    """Where no rounding is in play, answer and reference may change places."""
    assume(not any("." in answer for answer in pair))
    assert accepts(*pair) == accepts(*reversed(pair))


@LAW
@given(answers, answers, rewritings)
def test_markup_never_turns_a_no_into_a_yes(answer: str, other: str, rewriting: Rewriting) -> None:
    """What differs still differs in a box or with other spacing."""
    if not accepts(answer, other):
        assert not accepts(rewriting(answer), other)


# --- no --------------------------------------------------------------------------------------------------


@LAW
@given(st.integers(), st.integers().filter(bool))
def test_another_integer_is_never_right(value: int, change: int) -> None:
    """No two integers are equal, however large."""
    assert not accepts(str(value + change), str(value))


@LAW
@given(rationals, rationals)
def test_another_fraction_is_never_right(value: Fraction, other: Fraction) -> None:
    """No two fractions are equal unless they are."""
    assert accepts(frac(other), frac(value)) == (value == other)


@LAW
@given(st.integers(40, 4000), st.integers(1, 30))
def test_tiny_numbers_are_told_apart(exponent: int, change: int) -> None:
    """Numbers that any fixed precision takes for zero are still different."""
    assert not accepts(rf"\frac{{1}}{{2^{{{exponent + change}}}}}", rf"\frac{{1}}{{2^{{{exponent}}}}}")
    assert not accepts(f"10^{{-{exponent}}}", "0")


@LAW
@given(polynomials, st.integers(0, 4), nonzero)
def test_a_changed_coefficient_is_never_right(coefficients: Poly, at: int, change: int) -> None:
    """One coefficient off is another polynomial."""
    at %= len(coefficients)
    changed = (*coefficients[:at], coefficients[at] + change, *coefficients[at + 1 :])
    assert not accepts(poly(changed), poly(coefficients))


@LAW
@given(surds, surds)
def test_other_surds_are_never_right(value: tuple[int, int], other: tuple[int, int]) -> None:
    """Multiples of roots of square-free numbers are equal only when they look it."""
    assert accepts(surd(other), surd(value)) == (value == other)


@LAW
@given(points, st.randoms(use_true_random=False))
def test_a_point_with_exchanged_entries_is_another_point(entries: list[Fraction], rng: "object") -> None:
    """Order matters in a tuple."""
    shuffled = list(entries)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert accepts(point(shuffled), point(entries)) == (shuffled == entries)


@LAW
@given(sets, rationals)
def test_a_missing_or_extra_member_is_never_right(members: list[Fraction], extra: Fraction) -> None:
    """All members and no others."""
    assume(extra not in members)
    assert not accepts(braces(members[1:]), braces(members))
    assert not accepts(braces([*members, extra]), braces(members))
    assert not accepts(braces([*members[1:], extra]), braces(members))


@LAW
@given(ends, bracket_pairs, ends, bracket_pairs)
def test_another_interval_is_never_right(
    pair: tuple[int, int], brackets: str, other: tuple[int, int], others: str
) -> None:
    """Both ends and both brackets count."""
    same = (pair, brackets) == (other, others)
    assert accepts(f"x \\in {interval(other, others)}", f"x \\in {interval(pair, brackets)}") == same


@LAW
@given(matrices)
def test_a_transposed_matrix_is_another_matrix(rows: list[list[int]]) -> None:
    """Rows are not columns."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    assert accepts(matrix(columns), matrix(rows)) == (columns == rows)


@LAW
@given(small, small, nonzero)
def test_a_hedge_is_never_right(value: int, other: int, step: int) -> None:
    """Two different finals joined by "or" are no answer to a question with one."""
    assume(value != other)
    assert not accepts(f"The answer is {value} or {other}.", str(value))
    assert not accepts(rf"\boxed{{{value} \text{{ or }} {value + step}}}", str(value))


# --- anything at all ---------------------------------------------------------------------------------------

PIECES = (
    r"\frac \sqrt \left( \right) \left[ \right\} \{ \} { } ( ) [ ] | ^ _ , ; : = < > \le \neq + - * / ! % $ $$ \( \] & "
    r"\\ \boxed{ \text{ \begin{pmatrix} \end{pmatrix} \begin{cases} \sin \log_ \pi \infty \pm \cup \in \mathbb{R} "
    r"\overline \dot \binom \sum_ \int \lim \pmod \ldots \circ ^\circ x y n k f(x) e i 0 1 2 10 3.5 0. .5 1,000 "
    "½ ² √ ∞ ∪ − × ° 或 和 答案 or and the answer is not no solution <think> </think> <sup> ``` ** #### | "
    "\u200b \u202e \x00 \ud7ff ① １"
).split(" ")
soups = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
texts = st.one_of(soups, st.text(max_size=200), st.text(alphabet="\\{}$^_()[]|0123456789xyz.,+-=<>& ", max_size=120))


@settings(LAW, max_examples=600)
@given(texts, st.one_of(texts, answers), st.one_of(st.none(), texts))
def test_any_text_gets_a_verdict(response: str, reference: str, question: str | None) -> None:
    """No response, reference or question makes the verifier raise, and both looks agree."""
    problem = Problem(response, (reference,), question)
    verdict = math_answer.verify(problem)
    assert isinstance(verdict, Verdict)
    quick = math_answer.quick(problem)
    assert quick is None or quick.outcome is verdict.outcome
    assert isinstance(math_answer.readable(reference), bool)


@settings(LAW, max_examples=300)
@given(texts, answers)
def test_a_verdict_is_repeatable(response: str, reference: str) -> None:
    """The same problem gets the same verdict twice: nothing is drawn at random, nothing is timed."""
    problem = Problem(response, (reference,))
    assert math_answer.verify(problem) == math_answer.verify(problem)
