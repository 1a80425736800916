"""Generated answer pairs for throughput: what a reward service is asked all day, half of it wrong.

Rule 1: the same seed gives the same pairs, and no two pairs of a run are alike: no cache helps anybody.
Rule 2: the right half is right by construction, the wrong half differs in value from the reference.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

NUMBER_SHARE = 0.6  # integers and simple fractions, as in the measured mix of the research notes


@dataclass(frozen=True, slots=True)
class Item:
    """One pair with its truth. `bare` says that the response is an answer and nothing else."""

    name: str
    reference: tuple[str, ...]
    response: str
    right: bool
    question: str | None = None
    bare: bool = True


Pair = tuple[str, str, str]  # reference, a right answer in another form, a wrong answer


def integer(rng: random.Random) -> Pair:
    n = rng.randint(-99_999, 99_999)
    return str(n), f"{n}", str(n + rng.choice((-10, -1, 1, 2, 100)))


def fraction(rng: random.Random) -> Pair:
    p, q = rng.randint(1, 999), rng.randint(2, 999)
    return rf"\frac{{{p}}}{{{q}}}", f"{2 * p}/{2 * q}", rf"\frac{{{p + 1}}}{{{q}}}"


def decimal(rng: random.Random) -> Pair:
    n = rng.randint(1, 99_999)
    return f"{n / 1000:.3f}", rf"\frac{{{n}}}{{1000}}", f"{(n + 10) / 1000:.3f}"


def surd(rng: random.Random) -> Pair:
    a, b = rng.randint(2, 60), rng.choice((2, 3, 5, 6, 7, 10, 11, 13))
    return rf"{a}\sqrt{{{b}}}", rf"\sqrt{{{a * a * b}}}", rf"\sqrt{{{a * a * b + 1}}}"


def golden(rng: random.Random) -> Pair:
    a, b = rng.randint(2, 99), rng.choice((2, 3, 5, 7))
    return (
        rf"\frac{{{a}+\sqrt{{{b}}}}}{{2}}",
        rf"\frac{{\sqrt{{{b}}}}}{{2}}+\frac{{{a}}}{{2}}",
        rf"\frac{{{a}-\sqrt{{{b}}}}}{{2}}",
    )


def quadratic(rng: random.Random) -> Pair:
    a, b = rng.randint(2, 40), rng.randint(2, 40)
    return f"(x+{a})(x-{b})", f"x^2+{a}x-{b}x-{a * b}", f"x^2+{a}x-{b}x-{a * b + 1}"


def rational_function(rng: random.Random) -> Pair:
    a, b = rng.randint(1, 40), rng.randint(41, 80)
    return (
        rf"\frac{{1}}{{x+{a}}}+\frac{{1}}{{x+{b}}}",
        rf"\frac{{2x+{a + b}}}{{(x+{a})(x+{b})}}",
        rf"\frac{{2x+{a + b + 1}}}{{(x+{a})(x+{b})}}",
    )


def trigonometric(rng: random.Random) -> Pair:
    a, b = rng.randint(2, 50), rng.randint(2, 50)
    return rf"{2 * a}\sin x\cos x+{b}", rf"{a}\sin 2x+{b}", rf"{2 * a}\sin 2x+{b}"


def angle(rng: random.Random) -> Pair:
    a, b = rng.randint(1, 99), rng.choice((3, 4, 6, 7, 8, 9, 12))
    return rf"\frac{{{a}\pi}}{{{b}}}", rf"\frac{{{a}}}{{{b}}}\pi", rf"\frac{{{a + 1}\pi}}{{{b}}}"


def logarithm(rng: random.Random) -> Pair:
    a, b = rng.randint(2, 60), rng.randint(2, 60)
    return rf"\ln {a}+\ln {b}", rf"\ln {a * b}", rf"\ln {a + b + a * b}"


def point(rng: random.Random) -> Pair:
    a, b, c = rng.randint(-50, 50), rng.randint(1, 50), rng.randint(2, 50)
    return (
        rf"\left({a}, \frac{{{b}}}{{{c}}}\right)",
        rf"({a}, {b}/{c})",
        rf"\left({a}, \frac{{{b}}}{{{c + 1}}}\right)",
    )


def interval(rng: random.Random) -> Pair:
    a, b = rng.randint(-90, 0), rng.randint(1, 90)
    return (
        rf"[{a}, {b}) \cup ({b}, \infty)",
        rf"({b}, +\infty) \cup [{a}, {b})",
        rf"[{a}, {b}] \cup ({b + 1}, \infty)",
    )


def finite_set(rng: random.Random) -> Pair:
    a, b, c = rng.sample(range(-99, 100), 3)
    return rf"\{{{a}, {b}, {c}\}}", rf"\{{{c}, {a}, {b}\}}", rf"\{{{a}, {b}, {c + 200}\}}"


NUMBERS: tuple[Callable[[random.Random], Pair], ...] = (integer, integer, integer, fraction, decimal)
LATEX: tuple[Callable[[random.Random], Pair], ...] = (
    surd,
    golden,
    quadratic,
    rational_function,
    trigonometric,
    angle,
    logarithm,
    point,
    interval,
    finite_set,
)


def throughput(count: int, number_share: float, seed: int = 20_261) -> list[Item]:
    """`count` unlike items, every other one wrong.

    >>> [item.right for item in throughput(4, NUMBER_SHARE)]
    [True, False, True, False]
    """
    rng = random.Random(seed)
    items: list[Item] = []
    seen: set[tuple[str, str]] = set()
    while len(items) < count:
        make = rng.choice(NUMBERS if rng.random() < number_share else LATEX)
        reference, right, wrong = make(rng)
        is_right = len(items) % 2 == 0
        response = right if is_right else wrong
        if (reference, response) not in seen:
            seen.add((reference, response))
            items.append(Item(f"{make.__name__}-{len(items)}", (reference,), response, is_right))
    return items
