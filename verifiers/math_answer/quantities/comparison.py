"""Values with a unit, percentages and angles: when do two of them agree.

Rule 1: units convert by exact factors; another dimension, or another size of one unit, is a different answer.
Rule 2: a unit that one side leaves out is supplied by the question, else by the other side.
Rule 3: 28% is 0.28. It is 28 only where the question asks for a percentage.
Rule 4: a bare number is in degrees where the other side is, unless pi or the question says radians.
Rule 5: what is counted is no unit: 40 candies are 40, but nobody here says whether candies are lollipops.

A compound quantity is an Add of Quantities (`5 ft 3 in`, `1 kg 950 g`) or a Seq of them in falling size.
"""

from collections.abc import Callable
from fractions import Fraction
from itertools import pairwise

from verifiers.math_answer.context import Context
from verifiers.math_answer.quantities import units
from verifiers.math_answer.quantities.unit_table import MONTHS, TIME, Dimension
from verifiers.math_answer.tree import (
    Add,
    Apply,
    Based,
    BigOp,
    Call,
    Const,
    Div,
    Mul,
    Neg,
    Node,
    Num,
    Percent,
    PlusMinus,
    Pow,
    Quantity,
    Seq,
    Sym,
)
from verifiers.math_answer.values.walk import preorder, symbols
from verifiers.math_answer.wording.words import plain

Same = Callable[[Node, Node], bool | None]

_PI = Const("pi")
_BARE = (Num, Sym, Const, Add, Neg, PlusMinus, Mul, Div, Pow, Call, Apply, BigOp, Based)
_COMPOSED = (Add, Neg, Mul, Div, Seq, PlusMinus)
_TEMPERATURES = frozenset({"deg", "degC", "degF", "K"})
_UNIT_LETTERS = frozenset("mgshtNJWVALK")
_LENGTH_AXES = frozenset({"m", "unit"})

FULL_TURN = Fraction(44, 7)
"""Radians: a bare number beyond it may well be in degrees, so equal figures prove nothing."""


def quantities(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Whether two answers agree, at least one of them being a quantity or a percentage."""
    if not (_mentions_unit(reference) or _mentions_unit(response)):
        return _of_a_letter(reference, response, ctx, same)
    ctx.spend(2)
    verdict = _compare(reference, response, ctx, same)
    # Other names may still be renamed parameters: 45 deg + k * 180 deg and 45 deg + n * 180 deg.
    if verdict is not False:
        return verdict
    names, others = symbols(reference), symbols(response)
    return None if names and others and names != others else False


def _of_a_letter(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """`5 m` against a bare 5: metres where the question asks for them, else perhaps m."""
    if ctx.nested or not isinstance(response, Num) or not isinstance(reference, Mul | Div):
        return None
    measured = _lettered(reference, ctx)
    if not isinstance(measured, Quantity) or measured.unit != ctx.hints.unit:
        return None
    return same(measured.x, response)


def _compare(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    first, second = whole(reference), whole(response)
    if isinstance(first, Quantity):
        second = _lettered(second, ctx)
    elif isinstance(second, Quantity):
        first = _lettered(first, ctx)
    if isinstance(first, Seq) and not isinstance(second, Seq):
        first = _in_one(first)
    elif isinstance(second, Seq) and not isinstance(first, Seq):
        second = _in_one(second)
    if isinstance(first, Quantity):
        if isinstance(second, Quantity):
            return _two(first, second, same)
        return _reference_has_unit(first, second, ctx, same) if isinstance(second, _BARE) else None
    if isinstance(first, Percent):
        if isinstance(second, Percent):
            return same(first.x, second.x)
        return _reference_is_percent(first, second, ctx, same) if isinstance(second, _BARE) else None
    if not isinstance(first, _BARE):
        return None
    if isinstance(second, Quantity):
        return _response_has_unit(first, second, ctx, same)
    return _response_is_percent(first, second, ctx, same) if isinstance(second, Percent) else None


def _mentions_unit(node: Node) -> bool:
    if isinstance(node, Quantity | Percent):
        return True
    if isinstance(node, Add):
        return any(_mentions_unit(term) for term in node.terms)
    if isinstance(node, Mul):
        return any(_mentions_unit(part) for part in node.factors)
    if isinstance(node, Seq):
        return all(isinstance(item, Quantity) for item in node.items)
    if isinstance(node, Neg | PlusMinus):
        return _mentions_unit(node.x)
    return isinstance(node, Div) and _mentions_unit(node.top)


def whole(node: Node) -> Node:
    """The node with its unit outermost: `-(5 cm)`, `2 h + 30 min`, `k * 360 deg + 45 deg` as one Quantity."""
    if isinstance(node, Quantity):
        return _plain_unit(node)
    if not isinstance(node, _COMPOSED) or not _mentions_unit(node):
        return node
    if isinstance(node, Neg | PlusMinus):
        return _signed(node)
    if isinstance(node, Add):
        return _sum(node)
    if isinstance(node, Mul):
        return _product(node)
    if isinstance(node, Div):
        top = whole(node.top)
        return Quantity(Div(top.x, node.bottom), top.unit) if isinstance(top, Quantity) else node
    return node


def _plain_unit(quantity: Quantity) -> Node:
    """Percent as Percent, `3 million USD` as 3,000,000 USD."""
    if quantity.unit == "%":
        return Percent(quantity.x)
    unit = quantity.unit.partition(" ")[2]
    if unit and units.dimension(quantity.unit) is not None:
        size = units.factor(quantity.unit) / units.factor(unit)
        return Quantity(scaled(quantity.x, size), unit)
    return quantity


def _signed(node: Neg | PlusMinus) -> Node:
    inner = whole(node.x)
    if isinstance(inner, Quantity):
        return Quantity(_resigned(node, inner.x), inner.unit)
    return Percent(_resigned(node, inner.x)) if isinstance(inner, Percent) else node


def _resigned(node: Neg | PlusMinus, x: Node) -> Node:
    return Neg(x) if isinstance(node, Neg) else PlusMinus(x, node.upper)


def _sum(node: Add) -> Node:
    terms = [whole(term) for term in node.terms]
    with_unit = [term for term in terms if isinstance(term, Quantity)]
    if not with_unit:
        return node
    unit = with_unit[0].unit
    measured = units.dimension(unit)
    if any(q.unit != unit and (measured is None or units.dimension(q.unit) != measured) for q in with_unit):
        return node
    # A unit written once behind a sum, `2 + sqrt(3) cm`, belongs to the whole sum.
    if len(with_unit) < len(terms) and any(q.unit != unit for q in with_unit):
        return node
    return _added([converted(q, unit) if isinstance(q, Quantity) else q for q in terms], unit)


def _added(terms: list[Node], unit: str) -> Quantity:
    values = [_literal(term) for term in terms]
    exact = [value for value in values if value is not None]
    if len(exact) == len(values):
        total = sum(exact, Fraction(0))
        return Quantity(Num(total.numerator, total.denominator), unit)
    return Quantity(Add(tuple(terms)), unit)


def _literal(node: Node) -> Fraction | None:
    return Fraction(node.num, node.den) if isinstance(node, Num) else None


def _product(node: Mul) -> Node:
    parts = [whole(part) for part in node.factors]
    with_unit = [part for part in parts if isinstance(part, Quantity)]
    if len(with_unit) != 1:
        return node
    return Quantity(Mul(tuple(p.x if isinstance(p, Quantity) else p for p in parts)), with_unit[0].unit)


def _in_one(node: Seq) -> Node:
    """`2 hours, 30 minutes` as one quantity; a list of lengths stays a list."""
    parts = [part for part in node.items if isinstance(part, Quantity)]
    if len(parts) != len(node.items) or node.joint == "or":
        return node
    dimensions = {units.dimension(part.unit) for part in parts}
    sizes = [units.factor(part.unit) for part in parts]
    falling = all(big > small for big, small in pairwise(sizes))
    if len(dimensions) != 1 or None in dimensions or not falling:
        return node
    return _added([converted(part, parts[0].unit) for part in parts], parts[0].unit)


def _lettered(node: Node, ctx: Context) -> Node:
    """`5 m`, `20 m/s`, `3 m^2` read as products of letters: quantities, where they meet one."""
    if isinstance(node, Div):
        top, bottom = _lettered(node.top, ctx), _letter_unit(node.bottom, ctx)
        unit = units.canonical(f"{top.unit}/{bottom}") if isinstance(top, Quantity) and bottom else None
        return Quantity(top.x, unit) if isinstance(top, Quantity) and unit else node
    if not isinstance(node, Mul):
        return node
    unit = _letter_unit(node.factors[-1], ctx)
    rest = node.factors[:-1]
    # A second letter beside it is algebra: `5 a m`.
    if unit is None or any(isinstance(part, Sym) for factor in rest for part in preorder(factor)):
        return node
    return Quantity(rest[0] if len(rest) == 1 else Mul(rest), unit)


def _letter_unit(node: Node, ctx: Context) -> str | None:
    name, power = node, ""
    if isinstance(node, Pow) and isinstance(node.exp, Num):
        name, power = node.base, f"^{node.exp.num}"
    if not isinstance(name, Sym) or name.name not in _UNIT_LETTERS or name.name in ctx.hints.variables:
        return None
    return units.canonical(name.name + power)


def scaled(x: Node, ratio: Fraction) -> Node:
    """`ratio * x`; a decimal keeps its precision where only the point moves."""
    if ratio == 1:
        return x
    if not isinstance(x, Num):
        return Mul((Num(ratio.numerator, ratio.denominator), x))
    shift = _power_of_ten(ratio)
    decimals = None
    if shift is not None and x.decimals is not None and x.decimals > shift:
        decimals = x.decimals - shift
    value = Fraction(x.num, x.den) * ratio
    return Num(value.numerator, value.denominator, decimals)


def _power_of_ten(ratio: Fraction) -> int | None:
    size = max(ratio.numerator, ratio.denominator)
    digits = str(size)
    if min(ratio.numerator, ratio.denominator) != 1 or digits.rstrip("0") != "1":
        return None
    return len(digits) - 1 if ratio.denominator == 1 else 1 - len(digits)


def converted(quantity: Quantity, unit: str) -> Node:
    """The number of `unit` in a quantity of the same dimension."""
    return scaled(quantity.x, units.factor(quantity.unit) / units.factor(unit))


def _two(reference: Quantity, response: Quantity, same: Same) -> bool | None:
    if reference.unit == response.unit:
        return same(reference.x, response.x)
    first, second = units.dimension(reference.unit), units.dimension(response.unit)
    if first is None or second is None:
        return _counted(reference, response, same)
    if first == second:
        return same(reference.x, converted(response, reference.unit))
    if {reference.unit, response.unit} == {"deg", "rad"}:
        return same(_radians(reference), _radians(response))
    agree = same(reference.x, response.x)
    if {reference.unit, response.unit} <= _TEMPERATURES:
        # "30 degrees" may leave the scale to the question; two named scales are not converted here.
        return agree if "deg" in (reference.unit, response.unit) else None
    if {first, second} == {MONTHS, TIME}:
        return None
    if _generic(first, second):
        return agree
    return False


def _generic(first: Dimension, second: Dimension) -> bool:
    """`square units` stand for cm^2, but not for cm."""
    axes = {axis for axis, _ in (*first, *second)}
    return axes == _LENGTH_AXES and len(first) == len(second) == 1 and first[0][1] == second[0][1]


def _counted(reference: Quantity, response: Quantity, same: Same) -> bool | None:
    agree = same(reference.x, response.x)
    if agree is not True:
        return agree
    first, second = plain(reference.unit).split(), plain(response.unit).split()
    # "candies" and "chocolate candies" differ in how closely they name one thing.
    named_alike = bool(first and second) and first[-1] == second[-1]
    return True if named_alike and (set(first) <= set(second) or set(second) <= set(first)) else None


def _reference_has_unit(reference: Quantity, bare: Node, ctx: Context, same: Same) -> bool | None:
    if reference.unit in ("deg", "rad"):
        return _angle(reference, bare, ctx, same)
    agree = same(reference.x, bare)
    wanted = ctx.hints.unit
    if wanted is None or not _resized(reference.unit, wanted):
        return agree
    asked = same(converted(reference, wanted), bare)
    if asked or agree is False:
        return asked
    return None  # the bare number fits the reference's unit, the question asks for another one


def _response_has_unit(bare: Node, response: Quantity, ctx: Context, same: Same) -> bool | None:
    if response.unit in ("deg", "rad"):
        return _angle(response, bare, ctx, lambda quantity, other: same(other, quantity))
    wanted = ctx.hints.unit
    if wanted is None or wanted == response.unit:
        return same(bare, response.x)
    if _resized(response.unit, wanted):
        return same(bare, converted(response, wanted))
    asked, given = units.dimension(wanted), units.dimension(response.unit)
    agree = same(bare, response.x)
    if asked is None or given is None or {asked, given} == {MONTHS, TIME}:
        return None if agree else agree
    return agree if asked == given or _generic(asked, given) else False


def _resized(unit: str, wanted: str) -> bool:
    """Whether two units measure the same in different sizes."""
    measured = units.dimension(unit)
    return measured is not None and measured == units.dimension(wanted) and units.factor(unit) != units.factor(wanted)


def _radians(angle: Quantity) -> Node:
    if angle.unit == "rad":
        return angle.x
    return Mul((scaled(angle.x, Fraction(1, 180)), _PI))


def _has_pi(node: Node) -> bool:
    return any(part == _PI for part in preorder(node))


def _angle(angle: Quantity, bare: Node, ctx: Context, ask: Same) -> bool | None:
    """An angle with its unit against a bare number; `ask` puts the two in the order reference, response."""
    hints = ctx.hints
    names_radians = _has_pi(bare) and not (hints.degrees and _has_pi(angle.x))
    if names_radians or (hints.radians and not hints.degrees):
        return ask(_radians(angle), bare)
    if angle.unit == "rad" and hints.degrees:
        return ask(scaled(angle.x, Fraction(180)), Mul((bare, _PI)))
    agree = ask(angle.x, bare)
    if angle.unit == "rad" and isinstance(bare, Num) and Fraction(bare.num, bare.den) > FULL_TURN:
        return None if agree else agree
    return agree


def _of_hundred(percent: Percent) -> Node:
    return scaled(percent.x, Fraction(1, 100))


def _reference_is_percent(reference: Percent, bare: Node, ctx: Context, same: Same) -> bool | None:
    value = same(_of_hundred(reference), bare)
    if value:
        return True
    face = same(reference.x, bare)
    if face:
        return True if ctx.hints.percent else None
    return False if value is False and face is False else None


def _response_is_percent(bare: Node, response: Percent, ctx: Context, same: Same) -> bool | None:
    value, face = same(bare, _of_hundred(response)), same(bare, response.x)
    if ctx.hints.percent:
        # A reference 0.28 to "what percent" may mean 28% or 0.28%.
        return True if face else None if value else face
    if value:
        return True
    return None if face else value
