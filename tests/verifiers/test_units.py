"""Units of measure, counted nouns, percentages and angles."""

from fractions import Fraction

import pytest

from verifiers.math_answer.context import Context, Hints
from verifiers.math_answer.quantities import units
from verifiers.math_answer.quantities.comparison import quantities
from verifiers.math_answer.tree import (
    Add,
    Const,
    Div,
    Mul,
    Neg,
    Node,
    Num,
    Percent,
    Quantity,
    Seq,
    SetOf,
    Sym,
)
from verifiers.math_answer.values.exact import exact


def _in_pi(node: Node) -> tuple[Fraction, int] | None:
    """A product with pi as (rational factor, power of pi)."""
    if isinstance(node, Div):
        top, bottom = _in_pi(node.top), exact(node.bottom)
        return None if top is None or bottom is None else (top[0] / bottom, top[1])
    if isinstance(node, Mul):
        total, power = Fraction(1), 0
        for part in node.factors:
            inner = _in_pi(part)
            if inner is None:
                return None
            total, power = total * inner[0], power + inner[1]
        return total, power
    if node == Const("pi"):
        return Fraction(1), 1
    value = exact(node)
    return None if value is None else (value, 0)


def same(reference: Node, response: Node) -> bool | None:
    """Equality of rational multiples of powers of pi: enough to stand under the rule."""
    if reference == response:
        return True
    values = _in_pi(reference), _in_pi(response)
    return None if None in values else values[0] == values[1]


def agree(reference: Node, response: Node, hints: Hints | None = None) -> bool | None:
    return quantities(reference, response, Context(hints), same)


def q(value: int, unit: str, den: int = 1) -> Quantity:
    return Quantity(Num(value, den), unit)


PI_SIXTH = Div(Const("pi"), Num(6))


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("km/h", "km/h"),
        ("km / h", "km/h"),
        (r"\mathrm{km} / \mathrm{h}", "km/h"),
        (r"\frac{\text{km}}{\text{h}}", "km/h"),
        ("kilometres per hour", "km/h"),
        ("千米每小时", "km/h"),
        ("千米/时", "km/h"),
        ("mph", "mi/h"),
        ("cm^2", "cm^2"),
        ("cm²", "cm^2"),
        (r"\mathrm{cm}^{2}", "cm^2"),
        ("square centimetres", "cm^2"),
        ("sq. cm", "cm^2"),
        ("feet squared", "ft^2"),
        ("平方厘米", "cm^2"),
        ("元", "CNY"),
        (r"\$", "USD"),
        ("USD", "USD"),
        ("cents", "cent"),
        ("degrees", "deg"),
        (r"^{\circ}", "deg"),
        ("°", "deg"),
        (r"^{\circ} \mathrm{C}", "degC"),
        ("radians", "rad"),
        ("min", "min"),
        ("hrs", "h"),
        ("m/s^2", "m/s^2"),
        ("m s^{-1}", "m/s"),
        ("kg·m", "kg*m"),
        ("newton metres", "N*m"),
        ("mL", "mL"),
        ("percentage points", "%"),
        ("grams of sugar", "g"),
        ("years old", "year"),
        ("万元", "万 CNY"),
        ("million dollars", "million USD"),
        ("$/hour", "USD/h"),
    ],
)
def test_units_are_named_alike(text: str, unit: str) -> None:
    """Every spelling of a unit, in LaTeX, English or Chinese, has one canonical name."""
    assert units.canonical(text) == unit


@pytest.mark.parametrize("text", ["", "apples", "x", "or", "a", "are", "/", "km/", "per", "m" * 200, "kg^99"])
def test_other_text_is_no_unit(text: str) -> None:
    """Nouns, single letters that are no unit and garbage have no canonical unit."""
    assert units.canonical(text) is None


def test_canonical_names_are_fixed_points() -> None:
    """The canonical name of a unit is a spelling of it."""
    for text in ("km/h", "cm^2", "kg*m/s^2", "mi/gal", "USD/h", "deg", "unit^2"):
        assert units.canonical(text) == text


def test_factors_are_exact() -> None:
    """A mile is 1609.344 m and a gallon 231 cubic inches, to the last digit."""
    assert units.factor("mi") == Fraction(1609344, 1000)
    assert units.factor("gal") == 231 * units.factor("in^3")
    assert units.factor("lb") == Fraction(45359237, 10**8)
    assert units.factor("acre") / units.factor("ft^2") == 43560


@pytest.mark.parametrize("text", ["apples", "chocolate candies", "people", "ways to choose a book", "个", "人", "种"])
def test_plain_nouns_are_counted(text: str) -> None:
    """What stands behind a number and only says what is counted is recognised."""
    assert units.counted_noun(text)


@pytest.mark.parametrize(
    "text",
    ["or", "if n is odd", "pens the count would be", "km", "x", "more than that", "apples and pears", "或", "hundred"],
)
def test_relations_and_units_are_not_counted(text: str) -> None:
    """Words that change what the number means are no counted noun."""
    assert not units.counted_noun(text)


@pytest.mark.parametrize(
    ("reference", "response", "verdict"),
    [
        (q(3, "km"), q(3000, "m"), True),
        (q(3, "km"), q(300, "m"), False),
        (Mul((Num(5), Sym("m"))), q(500, "cm"), True),
        (q(72, "km/h"), Div(Mul((Num(20), Sym("m"))), Sym("s")), True),
        (q(5, "cm"), Mul((Num(5), Sym("m"))), False),
        (q(5, "cm"), q(5, "m"), False),
        (q(5, "cm"), q(5, "kg"), False),
        (q(36, "cm^2"), q(36, "cm"), False),
        (q(36, "cm^2"), q(36, "unit^2"), True),
        (q(36, "cm"), q(36, "unit^2"), False),
        (q(5, "cm"), Num(5), True),
        (q(5, "cm"), Num(6), False),
        (Num(5), q(5, "cm"), True),
        (Neg(q(5, "m")), Quantity(Neg(Num(5)), "m"), True),
        (q(5, "USD"), q(500, "cent"), True),
        (q(3, "million USD"), q(3_000_000, "USD"), True),
        (q(3, "万 CNY"), q(30_000, "CNY"), True),
        (q(2, "year"), q(24, "month"), True),
        (q(1, "month"), q(30, "day"), None),
        (q(32, "degF"), q(0, "degC"), None),
        (Add((q(1, "kg"), q(950, "g"))), q(1950, "g"), True),
        (Add((q(2, "h"), q(30, "min"))), q(150, "min"), True),
        (Seq((q(2, "h"), q(30, "min")), "and"), q(150, "min"), True),
        (Add((q(5, "ft"), q(3, "in"))), q(64, "in"), False),
        (Seq((q(3, "cm"), q(4, "cm"))), q(7, "cm"), None),
        (q(40, "candies"), q(40, "chocolate candies"), True),
        (q(40, "chocolate candies"), q(40, "lollipops"), None),
        (q(40, "chocolate candies"), q(50, "lollipops"), False),
        (q(40, "candies"), Num(40), True),
        (Num(5), Num(5), None),
        (q(5, "cm"), SetOf((Num(5),)), None),
    ],
)
def test_units_convert(reference: Node, response: Node, verdict: bool | None) -> None:
    """Quantities agree by exact conversion, a missing unit is supplied, a wrong one refutes."""
    assert agree(reference, response) is verdict


@pytest.mark.parametrize(
    ("reference", "response", "wanted", "verdict"),
    [
        (Num(165), q(165, "kg", 1000), "g", True),
        (Num(165), q(165, "kg"), "g", False),
        (Num(165), q(165, "g"), "g", True),
        (Num(5), q(5, "USD"), "cm", False),
        (q(2, "m"), Num(200), "cm", True),
        (q(2, "m"), Num(2), "cm", None),
        (q(2, "m"), Num(3), "cm", False),
        (Num(36), q(36, "unit^2"), "cm^2", True),
        (Num(8), q(8, "coins"), "h", None),
    ],
)
def test_the_question_supplies_the_unit(reference: Node, response: Node, wanted: str, verdict: bool | None) -> None:
    """A bare number is in the unit that the question asks for; another unit is converted to it or refuted."""
    assert agree(reference, response, Hints(unit=wanted)) is verdict


@pytest.mark.parametrize(
    ("reference", "response", "hints", "verdict"),
    [
        (q(45, "deg"), Num(45), Hints(), True),
        (q(30, "deg"), PI_SIXTH, Hints(), True),
        (PI_SIXTH, q(30, "deg"), Hints(), True),
        (PI_SIXTH, q(60, "deg"), Hints(), False),
        (q(30, "deg"), Quantity(PI_SIXTH, "rad"), Hints(), True),
        (q(30, "deg"), q(30, "rad"), Hints(), False),
        (PI_SIXTH, Quantity(PI_SIXTH, "rad"), Hints(), True),
        (PI_SIXTH, Quantity(PI_SIXTH, "deg"), Hints(), False),
        (Num(45), q(45, "deg"), Hints(), True),
        (Num(2), q(2, "deg"), Hints(radians=True), False),
        (Num(30), q(30, "rad"), Hints(), None),
        (Num(2), q(2, "rad"), Hints(), True),
        (Num(30), q(30, "rad"), Hints(degrees=True), False),
    ],
)
def test_angles(reference: Node, response: Node, hints: Hints, verdict: bool | None) -> None:
    """Degrees and radians convert; a bare number is in degrees unless pi or the question says otherwise."""
    assert agree(reference, response, hints) is verdict


def test_a_letter_of_the_question_is_no_unit() -> None:
    """`5 m` is a product where the question has a variable m."""
    product = Mul((Num(5), Sym("m")))
    assert agree(q(500, "cm"), product, Hints(variables=frozenset("m"))) is not True


def test_a_family_of_angles_has_one_unit() -> None:
    """45 deg + k * 360 deg is (45 + 360 k) deg."""
    family = Add((q(45, "deg"), Mul((Sym("k"), q(360, "deg")))))
    bare = Add((Num(45), Mul((Sym("k"), Num(360)))))
    assert agree(family, bare) is True


@pytest.mark.parametrize(
    ("reference", "response", "hints", "verdict"),
    [
        (Percent(Num(28)), Num(28, 100, 2), Hints(), True),
        (Num(28, 100, 2), Percent(Num(28)), Hints(), True),
        (Percent(Num(28)), Num(28), Hints(), None),
        (Percent(Num(28)), Num(28), Hints(percent=True), True),
        (Num(28), Percent(Num(28)), Hints(percent=True), True),
        (Num(28), Percent(Num(28)), Hints(), None),
        (Num(28, 100, 2), Percent(Num(28)), Hints(percent=True), None),
        (Percent(Num(28)), Num(29), Hints(percent=True), False),
        (Percent(Num(28)), Percent(Num(29)), Hints(), False),
        (Percent(Num(28)), q(28, "%"), Hints(), True),
        (Neg(Percent(Num(20))), Percent(Neg(Num(20))), Hints(), True),
    ],
)
def test_percent(reference: Node, response: Node, hints: Hints, verdict: bool | None) -> None:
    """28% is 0.28, and 28 only where the question asks for a percentage."""
    assert agree(reference, response, hints) is verdict


def test_a_decimal_keeps_its_precision_where_the_point_moves() -> None:
    """0.1655 kg is 165.5 g to one decimal; 2.65 km is not 2650 m to a negative number of decimals."""
    seen: list[Node] = []

    def record(_reference: Node, response: Node) -> bool | None:
        seen.append(response)
        return None

    for reference, response in (
        (q(1, "g"), Quantity(Num(1655, 10_000, 4), "kg")),
        (q(1, "m"), Quantity(Num(265, 100, 2), "km")),
    ):
        quantities(reference, response, Context(), record)
    assert seen == [Num(331, 2, 1), Num(2650, 1, None)]
