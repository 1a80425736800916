"""What the question tells the rules, and how much work they may do. Built once per comparison."""

import msgspec

MAX_STEPS = 20_000
"""Elementary evaluation steps per comparison: about 20 ms of CPU. Counted, never timed, so that a verdict does
not depend on how busy the machine is."""


class OutOfSteps(Exception):
    """The comparison has used up its budget; the caller passes the pair on."""


class Hints(msgspec.Struct, frozen=True):
    """Readings that the question asks for. All False or None without a question: then the rules stay cautious.

    `places` counts decimals ("nearest hundredth" is 2, "nearest integer" 0, "nearest ten" -1); `significant`
    counts significant digits. `asked` are the variables asked for, in the question's order ("ordered pair (a, b)").
    `sorted` asks for an order that only makes a list neat.
    `positive` are the integers that it calls positive or natural.
    """

    exact: bool = False
    approximate: bool = False
    places: int | None = None
    significant: int | None = None
    degrees: bool = False
    radians: bool = False
    percent: bool = False
    ordered: bool = False
    sorted: bool = False
    find_all: bool = False
    interval: bool = False
    equation: bool = False
    expression: bool = False
    probability: bool = False
    ratio: bool = False
    clock: bool = False
    combined: bool = False
    asked: tuple[str, ...] = ()
    variables: frozenset[str] = frozenset()
    integers: frozenset[str] = frozenset()
    positive: frozenset[str] = frozenset()
    base: int | None = None
    unit: str | None = None
    choices: tuple[tuple[str, str], ...] = ()


class Context:
    """Hints plus a step counter. `spend(n)` raises OutOfSteps when the budget is gone. `nested` counts how deep the
    comparison stands inside its structures: 0 for the whole answers.
    """

    __slots__ = ("hints", "nested", "steps")

    def __init__(self, hints: Hints | None = None, steps: int = MAX_STEPS) -> None:
        self.hints = hints or Hints()
        self.nested = 0
        self.steps = steps

    def spend(self, steps: int = 1) -> None:
        """Count work done."""
        self.steps -= steps
        if self.steps < 0:
            raise OutOfSteps
