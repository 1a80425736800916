"""Comparison of two expressions by their values at points, for what no exact method decides.

Rule 1: False needs disjoint balls at a point where both sides are defined: a proof.
Rule 2: True needs agreement at enough points of every region where both are defined, and then again at a
        precision that exceeds the sizes of all numbers met (`_confirmed`): so huge and tiny constants are
        told apart, or passed on.
Rule 3: points depend on the pair alone (a hash of both trees, in either order), never on time or on chance.
Rule 4: regions: real points of every sign first, in real arithmetic. Complex arithmetic only where the two
        sides have no common real domain, and complex points only for conj, re, im, arg, and for |z|, |w|.
Rule 5: where real points refute, names that must be integers get a second chance at integers: names inside
        factorial, binomial, gcd, mod or summation bounds, names the question calls integers, and n k m j l
        in the argument of a trigonometric function, floor or ceiling or in the exponent of a negative base.
Conventions: sides whose domains differ are equal when they agree on the common domain and that is no small
part of either (ln x^2 and 2 ln x); a bare `log` is read as ln or as log_10, the same way on both sides,
whichever agrees.
"""

from collections.abc import Iterator
from hashlib import blake2b
from random import Random

import msgspec
from flint import acb, arb

from verifiers.math_answer.context import Context
from verifiers.math_answer.tree import BigOp, Call, Neg, Node, Num, Pow
from verifiers.math_answer.values.balls import gap
from verifiers.math_answer.values.point import Ball, Point
from verifiers.math_answer.values.walk import preorder, symbols, variables

FIRST_PRECISION = 64
"""Bits for the first look: enough to refute nearly every wrong answer, and as cheap as a machine double
here."""

SPARE_BITS = 128
"""Precision beyond the sizes of the numbers met at which agreement counts as equality."""

HEIGHT_FACTOR = 4
"""Bits of precision per bit of size: sums of k square roots of b-bit numbers can be as close as 2^-(2k b)."""

MAX_PRECISION = 16_384
"""Bits; past it a comparison is passed on. A function value then takes about half a millisecond."""

ENOUGH_POINTS = 10
FEWEST_POINTS = 4
MOST_TRIES = 40
"""Points where both sides are defined: wanted, and needed after so many tries."""

COMMON_SHARE = 0.2
"""Share of either side's domain that the common domain must make up."""

CONFIRMED_POINTS = 2
"""Points at which agreement is confirmed at full precision."""

RANGES = (
    (0.25, 3.0),
    (-3.0, 3.0),
    (0.0, 1.0),
    (-3.0, 0.0),
    (1.0, 8.0),
    (-1.0, 1.0),
    (-8.0, 8.0),
    (8.0, 200.0),
    (200.0, 10_000.0),
    (-10_000.0, -8.0),
)
"""Intervals that the sample points cycle through. The large ones are for |x - 1000| against 1000 - x."""

INTEGER_POINTS = 24
ENOUGH_INTEGERS = 10
SMALL_INTEGERS = 20
LARGEST_INTEGER = 10_000
"""Integer points tried, how many of them must have values on both sides, how many are small, and how large the
others are: floor(n / 100) is not 0."""

INDEX_NAMES = frozenset("nkmjl")
COUNTING = frozenset(("factorial", "factorial2", "binom", "perm", "gcd", "lcm", "mod"))
PERIODIC = frozenset(("sin", "cos", "tan", "cot", "sec", "csc", "floor", "ceil"))
COMPLEX_PARTS = frozenset(("conj", "re", "im", "arg"))
DOMAIN_SHARE = 0.85
"""An answer in one variable must have a value on this share of the points where the reference has one: `2 \\ln x` is no
`\\ln x^2`. Several variables are mostly lengths and counts, as in `\\sqrt{x}\\sqrt{y}`."""
POSITIVE_ONLY = frozenset(("sqrt", "root"))
"""Functions whose identities often hold for positive values alone."""
COMPLEX_NAMES = frozenset("zw")

_encoder = msgspec.msgpack.Encoder()


def seed_of(a: Node, b: Node) -> int:
    """The same for (a, b) and (b, a), on every machine."""
    try:
        written = b"|".join(sorted((_encoder.encode(a), _encoder.encode(b))))
    except OverflowError:  # an integer beyond 64 bits: the names alone must do
        written = "|".join(sorted(symbols(a) | symbols(b))).encode()
    return int.from_bytes(blake2b(written, digest_size=8).digest(), "big")


def agree(a: Node, b: Node, seed: int, ctx: Context) -> bool | None:
    """Whether two expressions have the same values. NotAValueError where one can have none."""
    comparison = _Comparison(a, b, seed, ctx)
    result = comparison.decide()
    if result is True or not comparison.bare_log:
        return result
    comparison.log_base = 10
    other = comparison.decide()
    return True if other is True else result if result == other else None


class _Tally:
    """What was seen at the points of one region."""

    __slots__ = ("agreed", "left", "refuted", "right")

    def __init__(self) -> None:
        self.agreed: list[Point] = []
        self.left = 0
        self.right = 0
        self.refuted = False

    def enough(self, fewest: int) -> bool:
        return len(self.agreed) >= max(fewest, COMMON_SHARE * max(self.left, self.right))


class _Comparison:
    """One pair under one reading of `log`."""

    def __init__(self, a: Node, b: Node, seed: int, ctx: Context) -> None:
        self.a = a
        self.b = b
        self.seed = seed
        self.ctx = ctx
        self.names = sorted(variables(a, ctx) | variables(b, ctx))
        self.log_base: int | None = None
        self.bare_log = False

    def decide(self) -> bool | None:
        result = self._over_reals()
        if not self.names:
            return result
        if result is True:
            return self._over_complex()
        integers = _integer_names(self.a, self.b, self.ctx) & frozenset(self.names)
        if integers:
            return self._over_integers(integers)
        return result

    def _over_reals(self) -> bool | None:
        fewest = FEWEST_POINTS if self.names else 1
        tally = self._tally(_real_points(self.names, self.seed), arb, ENOUGH_POINTS if self.names else 1)
        if tally.refuted:
            return None if self._over_positive_reals() else False
        if not tally.agreed:  # no common real domain: imaginary values, or undefined
            tally = self._tally(_real_points(self.names, self.seed), acb, ENOUGH_POINTS if self.names else 1)
            if tally.refuted:
                return False
        if len(self.names) == 1 and tally.left * DOMAIN_SHARE > len(tally.agreed):
            return None
        return self._confirmed(tally.agreed) if tally.enough(fewest) else None

    def _over_positive_reals(self) -> bool:
        """`\\sqrt{a^2}` and `a` agree for lengths and differ for numbers: which was meant cannot be told."""
        used = {node.name for side in (self.a, self.b) for node in preorder(side) if type(node) is Call}
        if not (self.names and used & POSITIVE_ONLY):
            return False
        points = ({name: abs(value) for name, value in at.items()} for at in _real_points(self.names, self.seed))
        tally = self._tally(points, arb, ENOUGH_POINTS)
        return not tally.refuted and tally.enough(FEWEST_POINTS)

    def _over_complex(self) -> bool | None:
        """Real agreement holds for complex variables too, unless a function is not analytic."""
        used = {node.name for side in (self.a, self.b) for node in preorder(side) if type(node) is Call}
        if used & COMPLEX_PARTS:
            refuted: bool | None = False
        elif "abs" in used and COMPLEX_NAMES.intersection(self.names):
            refuted = None  # z may well be a real unknown
        else:
            return True
        tally = self._tally(_complex_points(self.names, self.seed), acb, ENOUGH_POINTS)
        if tally.refuted:
            return refuted
        return True if tally.enough(FEWEST_POINTS) else None

    def _over_integers(self, integers: frozenset[str]) -> bool | None:
        signed = integers - _counting_names(self.a) - _counting_names(self.b)
        for field in (arb, acb):
            points = _integer_points(self.names, integers, signed, self.seed)
            tally = self._tally(points, field, INTEGER_POINTS)
            if tally.refuted:
                return False
            if tally.enough(ENOUGH_INTEGERS):
                return self._confirmed(tally.agreed)
        return None

    def _tally(self, points: Iterator[dict[str, Ball]], field: type, wanted: int) -> _Tally:
        tally = _Tally()
        for names in points:
            at = Point(
                names if field is arb else {n: acb(v) for n, v in names.items()},
                field,
                self.log_base,
                self.ctx,
            )
            seen = gap(self.a, self.b, at, FIRST_PRECISION)
            self.bare_log = self.bare_log or at.bare_log
            tally.left += seen.left
            tally.right += seen.right
            if seen.apart():
                tally.refuted = True
                break
            if seen.difference is not None:
                tally.agreed.append(at)
                if len(tally.agreed) == wanted:
                    break
        return tally

    def _confirmed(self, points: list[Point]) -> bool | None:
        for at in points[:CONFIRMED_POINTS]:
            verdict = self._confirmed_at(at)
            if verdict is not True:
                return verdict
        return True

    def _confirmed_at(self, at: Point) -> bool | None:
        """Equal to more bits than the numbers in both expressions have together; else refuted, or not to be
        told.
        """
        at.measuring = True
        gap(self.a, self.b, at, FIRST_PRECISION)
        at.measuring = False
        close = SPARE_BITS + (HEIGHT_FACTOR - 1) * at.height
        precision = SPARE_BITS + HEIGHT_FACTOR * at.height + SPARE_BITS // 2
        while precision <= MAX_PRECISION:
            seen = gap(self.a, self.b, at, precision)
            if seen.difference is None:
                return None
            if seen.apart():
                return False
            if _below(seen.difference, close):
                return True
            precision *= 2
        return None


def _below(difference: Ball, bits: int) -> bool:
    """Whether a difference is certainly smaller than 2^-bits."""
    man, exp = abs(difference).upper().man_exp()
    return bool(man == 0 or int(man).bit_length() + int(exp) <= -bits)


# -- points --------------------------------------------------------------------------------------------------


def _real_points(names: list[str], seed: int) -> Iterator[dict[str, Ball]]:
    if not names:
        yield {}
        return
    random = Random(seed)
    for trial in range(MOST_TRIES):
        low, high = RANGES[trial % len(RANGES)]
        yield {name: arb(low + (high - low) * random.random()) for name in names}


def _complex_points(names: list[str], seed: int) -> Iterator[dict[str, Ball]]:
    random = Random(seed)
    for _ in range(MOST_TRIES):
        yield {name: acb(random.uniform(-3, 3), random.uniform(-3, 3)) for name in names}


def _integer_points(
    names: list[str], integers: frozenset[str], signed: frozenset[str], seed: int
) -> Iterator[dict[str, Ball]]:
    random = Random(seed)
    for trial in range(INTEGER_POINTS):
        point = {}
        for name in names:
            if name not in integers:
                point[name] = arb(random.uniform(0.25, 3))
            else:
                size = trial if len(integers) == 1 else random.randrange(trial // 2 + 4)
                if trial >= SMALL_INTEGERS:
                    size = random.randrange(LARGEST_INTEGER)
                point[name] = arb(-size if name in signed and random.random() < 0.5 else size)
        yield point


def _integer_names(a: Node, b: Node, ctx: Context) -> frozenset[str]:
    found = set(ctx.hints.integers)
    for side in (a, b):
        found |= _counting_names(side)
        for node in preorder(side):
            if type(node) is Call and node.name in PERIODIC:
                found |= symbols(node) & INDEX_NAMES
            elif type(node) is Pow and _looks_negative(node.base):
                found |= symbols(node.exp) & INDEX_NAMES
    return frozenset(found)


def _looks_negative(base: Node) -> bool:
    return type(base) is Neg or (type(base) is Num and base.num < 0) or symbols(base) == frozenset("i")


def _counting_names(side: Node) -> frozenset[str]:
    """Names that are natural numbers because of where they stand."""
    found: set[str] = set()
    for node in preorder(side):
        if type(node) is Call and node.name in COUNTING:
            found |= symbols(node)
        elif type(node) is BigOp:
            for limit in (node.lower, node.upper):
                if limit is not None:
                    found |= symbols(limit)
    return frozenset(found)
