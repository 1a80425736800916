"""What `touchstone bench` sends: groups of responses to made-up questions, as a training step has them.

Half of the answers are right, and within a group answers repeat under other text: a policy that has learned something
says the same thing often. Lengths are spread evenly over their logarithm: many short responses, some very long ones.
"""

import json
import math
import random
from collections.abc import Callable, Iterator

from touchstone_client import VerifyItem

GROUP = 16
"""Responses for one question, as in common GRPO settings."""
REPEATED = 0.6
"""Share of a group's answers that another member has given before."""
SHORTEST_CHARS, LONGEST_CHARS = 2_000, 30_000
SENTENCES = (
    "Let me set up the problem step by step.",
    "First we collect what is given and name the unknowns.",
    "Substituting this into the second relation and simplifying, the mixed terms cancel.",
    "Checking the boundary case separately gives no further solution.",
    "So the value found above is the only one that satisfies all conditions.",
)

Drawn = tuple[str, Callable[[], str], Callable[[], str]]
"""The reference, and how to write a right and a wrong final statement."""


def items(
    count: int, seed: int, *, chars: tuple[int, int] = (SHORTEST_CHARS, LONGEST_CHARS), tasks: str = "mixed"
) -> Iterator[VerifyItem]:
    """`count` items; the same seed gives the same items. `tasks`: `mixed`, or one of TASKS for all."""
    dice = random.Random(seed)
    text = " ".join(dice.choices(SENTENCES, k=2 * chars[1] // 40))
    for group in range(-(-count // GROUP)):
        name = tasks if tasks != "mixed" else dice.choices(list(SHARES), list(SHARES.values()))[0]
        task, draw = TASKS[name]
        reference, right, wrong = draw(dice)
        said: list[str] = []
        for member in range(min(GROUP, count - group * GROUP)):
            if said and dice.random() < REPEATED:
                said.append(dice.choice(said))
            else:
                said.append(right() if dice.random() < 0.5 else wrong())
            length = int(math.exp(dice.uniform(math.log(chars[0]), math.log(chars[1])))) - len(said[-1])
            at = dice.randrange(len(text) // 2)
            yield VerifyItem(
                id=f"{group}-{member}",
                task=task,
                question=f"Question {group} of the bench: find the value asked for.",
                response=f"Attempt {dice.randrange(10**9)}. {text[at : at + length]}.\n\n{said[-1]}",
                reference=reference,
            )


def _number(dice: random.Random) -> Drawn:
    value = dice.randint(2, 99_999)
    right = (f"{value}", f"{value:,}", f"{value}.0")
    return (
        str(value),
        lambda: rf"The answer is $\boxed{{{dice.choice(right)}}}$.",
        lambda: rf"The answer is $\boxed{{{dice.randint(100_000, 999_999)}}}$.",
    )


def _latex(dice: random.Random) -> Drawn:
    top, root = dice.randint(2, 99), dice.choice((2, 3, 5, 7))
    reference = rf"\frac{{{top}\sqrt{{{root}}}}}{{4}}"
    right = (reference, rf"\dfrac{{{top}}}{{4}}\sqrt{{{root}}}", rf"{top}\sqrt{{{root}}}/4")
    return (
        reference,
        lambda: rf"The answer is $\boxed{{{dice.choice(right)}}}$.",
        lambda: rf"The answer is $\boxed{{\frac{{{dice.randint(100, 999)}\sqrt{{{root}}}}}{{3}}}}$.",
    )


def _choice(dice: random.Random) -> Drawn:
    letter = dice.choice("ABCD")
    others = [other for other in "ABCD" if other != letter]
    return (
        letter,
        lambda: rf"The answer is \boxed{{{letter}}}.",
        lambda: rf"The answer is \boxed{{{dice.choice(others)}}}.",
    )


def _list(dice: random.Random) -> Drawn:
    values = dice.sample(range(1000), 4)
    return (
        json.dumps([f"n{value}" for value in values]),
        lambda: "The answer is: " + ", ".join(f"n{value}" for value in dice.sample(values, 4)),
        lambda: "The answer is: " + ", ".join(f"n{value}" for value in dice.sample(range(1000, 2000), 4)),
    )


def _json(dice: random.Random) -> Drawn:
    value = dice.randint(0, 999)
    return (
        json.dumps({"name": "probe", "value": value}),
        lambda: f'```json\n{{"name": "probe", "value": {value}}}\n```',
        lambda: f'```json\n{{"name": "probe", "value": {dice.randint(1000, 9999)}}}\n```',
    )


TASKS: dict[str, tuple[str, Callable[[random.Random], Drawn]]] = {
    "number": ("math", _number),
    "latex": ("math", _latex),
    "choice": ("choice", _choice),
    "list": ("list", _list),
    "json": ("json", _json),
}
"""The task of an item, and what draws its reference and answers."""
SHARES = {"number": 45, "latex": 35, "choice": 10, "list": 5, "json": 5}
"""Of a mixed load, in percent."""
