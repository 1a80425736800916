"""Synthetic questions of mathematics in many wordings: what decontamination and selection are measured on.

Rule 1: a kind is one problem: two English wordings that share few words, a Chinese one, the right answer, and another
        question on the same facts with another answer (the hard negative). `{n}` are a person's names, `{x}` variables.
Rule 2: everything comes from the seed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from math import comb, gcd
from random import Random
from typing import Any

NAMES = ("Anna", "Boris", "Carla", "David", "Elena", "Farid", "Grace", "Hugo")
NAMES_CHINESE = ("小明", "小红", "小刚", "小丽")
VARIABLES = ("x", "a", "t", "m", "u")


class Change(StrEnum):
    """How a planted row differs from the benchmark's question."""

    DRESS = "dress"
    SYNONYMS = "synonyms"
    REWORDED = "reworded"
    RENAMED = "renamed"
    EMBEDDED = "embedded"
    TRANSLATED = "translated"
    NUMBERS = "numbers"


@dataclass(frozen=True)
class Kind:
    """One problem; `a`, `b`, `c` are its numbers."""

    english: str
    reworded: str
    chinese: str
    answer: Callable[[int, int, int], int]
    other: str
    other_answer: Callable[[int, int, int], int]


KINDS: tuple[Kind, ...] = (
    Kind(
        "{n} buys {a} notebooks for {b} dollars each and pays {c} dollars for delivery. How many dollars does {n} pay "
        "in total?",
        "A delivery fee of {c} dollars is added to an order of {a} notebooks, each of which costs {b} dollars. What is "
        "the whole bill that {n} has to settle?",
        "{n}买了{a}本笔记本，每本{b}元，另付运费{c}元。{n}一共付了多少元？",
        lambda a, b, c: a * b + c,
        "{n} buys {a} notebooks for {b} dollars each and has a voucher of {c} dollars for {b} of them. How many "
        "dollars would the notebooks cost {n} without the voucher?",
        lambda a, b, c: a * b,
    ),
    Kind(
        "Find the sum of all integers from {a} to {c} that are divisible by {b}.",
        "Add up every multiple of {b} that is at least {a} and at most {c}. What do you get?",
        "求从{a}到{c}的所有能被{b}整除的整数之和。",
        lambda a, b, c: sum(number for number in range(a, c + 1) if number % b == 0),
        "How many integers from {a} to {c} leave a remainder when they are divided by {b}?",
        lambda a, b, c: sum(number % b != 0 for number in range(a, c + 1)),
    ),
    Kind(
        "In how many ways can a committee of {b} members be chosen from a group of {c} people if {n} must be on the "
        "committee?",
        "A club with {c} people, {n} among them, elects {b} representatives. Count the selections in which {n} is "
        "elected.",
        "从{c}人中选出{b}人组成委员会，其中{n}必须入选，共有多少种选法？",
        lambda a, b, c: comb(c - 1, b - 1),
        "In how many ways can a committee of {b} members be chosen from a group of {c} people if {n} must not be on "
        "the committee?",
        lambda a, b, c: comb(c - 1, b),
    ),
    Kind(
        "Let ${x}$ be a real number with $({x} - {a})^2 + {b} = {c}{x} - {a}{x}$. Find the sum of all possible values "
        "of ${x}$.",
        "The equation $({x}-{a})^2+{b}={c}{x}-{a}{x}$ has two roots, perhaps complex. Compute what they add up to.",
        "设实数${x}$满足$({x}-{a})^2+{b}={c}{x}-{a}{x}$，求${x}$的所有可能值之和。",
        lambda a, b, c: a + c,
        "Let ${x}$ be a real number with $({x} - {a})^2 + {b} = {c}{x} - {a}{x}$. Find the product of all possible "
        "values of ${x}$.",
        lambda a, b, c: a * a + b,
    ),
    Kind(
        "A rectangle has sides of length {a} and {c}. A strip of width {b} is cut off along one side of length {c}. "
        "What is the perimeter of the piece that is cut off?",
        "From a sheet measuring {a} by {c} one removes, along an edge that is {c} long, a band that is {b} wide. How "
        "long is the boundary of this band?",
        "一个长方形的边长为{a}和{c}，沿长为{c}的一边剪下宽为{b}的长条。剪下的长条的周长是多少？",
        lambda a, b, c: 2 * (b + c),
        "A rectangle has sides of length {a} and {c}. A strip of width {b} is cut off along one side of length {c}. "
        "What is the area of the piece that is cut off?",
        lambda a, b, c: b * c,
    ),
    Kind(
        "What is the greatest common divisor of ${a} \\cdot {c}$ and ${b} \\cdot {c}$?",
        "Determine the largest integer that divides both products ${a}\\cdot{c}$ and ${b}\\cdot{c}$.",
        "求${a} \\cdot {c}$与${b} \\cdot {c}$的最大公约数。",
        lambda a, b, c: gcd(a * c, b * c),
        "What is the least common multiple of ${a} \\cdot {c}$ and ${b} \\cdot {c}$?",
        lambda a, b, c: a * b * c // gcd(a, b),
    ),
    Kind(
        "The first term of an arithmetic sequence is {a} and its common difference is {b}. What is the term with "
        "number {c}?",
        "Starting with {a}, each number of a list exceeds the one before it by {b}. Which number stands at position "
        "{c} of the list?",
        "等差数列的首项为{a}，公差为{b}，求第{c}项。",
        lambda a, b, c: a + (c - 1) * b,
        "The first term of an arithmetic sequence is {a} and its common difference is {b}. What is the sum of its "
        "first {c} terms?",
        lambda a, b, c: c * a + b * c * (c - 1) // 2,
    ),
    Kind(
        "A train travels for {a} hours at {c} kilometres per hour and then for {b} hours at half that speed, which is "
        "{h} kilometres per hour. How many kilometres does it travel?",
        "At {c} kilometres per hour a train covers the first part of its way in {a} hours; slowed down to {h}, it "
        "needs another {b} hours. What is the length of the whole way in kilometres?",
        "一列火车以每小时{c}公里行驶{a}小时，又以一半的速度即每小时{h}公里行驶{b}小时，共行驶多少公里？",
        lambda a, b, c: a * 2 * c + b * c,
        "A train travels for {a} hours at {c} kilometres per hour and then for {b} hours at half that speed, which is "
        "{h} kilometres per hour. How many hours does it travel?",
        lambda a, b, c: a + b,
    ),
    Kind(
        "A bag holds {a} red, {b} blue and {c} green marbles. How many marbles must {n} draw without looking to be "
        "sure of two marbles of different colours?",
        "Without looking, {n} takes marbles out of a bag with {a} red ones, {b} blue ones and {c} green ones. What is "
        "the smallest number after which two colours are certain to have come out?",
        "袋中有{a}个红球、{b}个蓝球和{c}个绿球。{n}至少要摸出多少个球才能保证有两种颜色？",
        lambda a, b, c: max(a, b, c) + 1,
        "A bag holds {a} red, {b} blue and {c} green marbles. In how many ways can {n} pick one marble of each colour?",
        lambda a, b, c: a * b * c,
    ),
    Kind(
        "Let $f({x}) = {a}{x}^2 + {b}{x} + {c}$. Find $f'({c})$.",
        "Given the function $f({x})={a}{x}^2+{b}{x}+{c}$, compute the slope of its tangent at ${x}={c}$.",
        "已知函数$f({x}) = {a}{x}^2 + {b}{x} + {c}$，求$f'({c})$。",
        lambda a, b, c: 2 * a * c + b,
        "Let $f({x}) = {a}{x}^2 + {b}{x} + {c}$. Find $f({c})$.",
        lambda a, b, c: a * c * c + b * c + c,
    ),
)

SYNONYMS = (
    ("How many", "What number of"),
    ("Find", "Determine"),
    ("What is", "Calculate"),
    ("buys", "purchases"),
    ("chosen", "selected"),
    ("holds", "contains"),
    ("travels", "drives"),
    ("pays", "spends"),
    ("all possible", "all the possible"),
    ("must", "has to"),
    ("Let", "Suppose that"),
)


@dataclass(frozen=True)
class Problem:
    """A kind with its numbers and names."""

    kind: Kind
    a: int
    b: int
    c: int
    name: int
    variable: int

    def filled(self, text: str, names: tuple[str, ...] = NAMES) -> str:
        """A wording with everything put in."""
        double = "h" in re.findall(r"\{(\w)\}", text)
        found: dict[str, int | str] = {"a": self.a, "b": self.b, "c": 2 * self.c if double else self.c, "h": self.c}
        found |= {"n": names[self.name % len(names)], "x": VARIABLES[self.variable % len(VARIABLES)]}
        return re.sub(r"\{(\w)\}", lambda slot: str(found[slot[1]]), text)

    @property
    def row(self) -> dict[str, Any]:
        """As the benchmark has it."""
        return self.as_row(self.filled(self.kind.english), self.kind.answer)

    def as_row(self, question: str, answer: Callable[[int, int, int], int]) -> dict[str, Any]:
        """A row with the answer."""
        return {"question": question, "reference": str(answer(self.a, self.b, self.c)), "task": "math"}

    def hard_negative(self) -> dict[str, Any]:
        """Another question on the same facts."""
        return self.as_row(self.filled(self.kind.other), self.kind.other_answer)

    def changed(self, change: Change, random: Random) -> dict[str, Any]:
        """The problem as a row that a benchmark must not meet."""
        if change is Change.NUMBERS:
            other = drawn(self.kind, random)
            kept = Problem(self.kind, other.a, other.b, other.c, self.name, self.variable)
            return kept.row
        return self.as_row(self._worded(change, random), self.kind.answer)

    def _worded(self, change: Change, random: Random) -> str:
        english = self.kind.english
        match change:
            case Change.DRESS:
                return self.filled(english).upper() if random.random() < 0.5 else self._dressed()
            case Change.SYNONYMS:
                for word, synonym in SYNONYMS:
                    english = english.replace(word, synonym)
                return self.filled(english)
            case Change.REWORDED:
                return self.filled(self.kind.reworded)
            case Change.RENAMED:
                return Problem(self.kind, self.a, self.b, self.c, self.name + 1, self.variable + 1).filled(english)
            case Change.EMBEDDED:
                return f"Exercise {random.randrange(1, 99)} (homework). {self.filled(english)} Show all your work."
            case Change.TRANSLATED:
                return self.filled(self.kind.chinese, NAMES_CHINESE)
            case Change.NUMBERS:
                raise ValueError("another problem, not another wording")

    def _dressed(self) -> str:
        return "  " + self.filled(self.kind.english).replace("$", "$$").replace(" ", "  ").rstrip(".?")


def drawn(kind: Kind, random: Random) -> Problem:
    """A kind with random numbers: a small, a smaller and a large one."""
    return Problem(
        kind,
        random.randrange(11, 60),
        random.randrange(3, 11),
        random.randrange(61, 400),
        random.randrange(len(NAMES)),
        random.randrange(len(VARIABLES)),
    )


def problems(count: int, random: Random) -> Iterator[Problem]:
    """So many problems, all kinds in turn, no two alike."""
    seen: set[tuple[int, ...]] = set()
    while len(seen) < count:
        at = len(seen) % len(KINDS)
        problem = drawn(KINDS[at], random)
        key = (at, problem.a, problem.b, problem.c)
        if key not in seen:
            seen.add(key)
            yield problem
