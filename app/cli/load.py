"""What `touchstone bench` sends: groups of responses to made-up questions, as a training step has them.

Half of the answers are numbers and half LaTeX, half of them are right, and within a group answers repeat: a policy
that has learned something says the same thing often.
"""

import random
from collections.abc import Iterator

from touchstone_client import VerifyItem

GROUP = 16
"""Responses for one question, as in common GRPO settings."""
SENTENCES = (
    "Let me set up the problem step by step.",
    "First we collect what is given and name the unknowns.",
    "Substituting this into the second relation and simplifying, the mixed terms cancel.",
    "Checking the boundary case separately gives no further solution.",
    "So the value found above is the only one that satisfies all conditions.",
)


def items(count: int, seed: int) -> Iterator[VerifyItem]:
    """`count` items; the same seed gives the same items."""
    dice = random.Random(seed)
    for group in range(-(-count // GROUP)):
        reference, right, wrong = dice.choice((_number, _latex))(dice)
        for member in range(min(GROUP, count - group * GROUP)):
            answer = dice.choice(right) if dice.random() < 0.5 else dice.choice(wrong)
            thoughts = " ".join(dice.choices(SENTENCES, k=dice.randint(5, 30)))
            yield VerifyItem(
                id=f"{group}-{member}",
                question=f"Question {group} of the bench: find the value asked for.",
                response=f"{thoughts}\n\nThe answer is $\\boxed{{{answer}}}$.",
                reference=reference,
            )


Answers = tuple[str, list[str], list[str]]
"""The reference, right ways to write it, and wrong answers."""


def _number(dice: random.Random) -> Answers:
    value = dice.randint(2, 99_999)
    return str(value), [str(value), f"{value:,}", f"{value}.0"], [str(value + 1), str(-value), str(value * 10)]


def _latex(dice: random.Random) -> Answers:
    top, root = dice.randint(2, 99), dice.choice((2, 3, 5, 7))
    reference = rf"\frac{{{top}\sqrt{{{root}}}}}{{4}}"
    right = [reference, rf"\dfrac{{{top}}}{{4}}\sqrt{{{root}}}", rf"{top}\sqrt{{{root}}}/4"]
    return reference, right, [rf"\frac{{{top}\sqrt{{{root}}}}}{{3}}", rf"{top}\sqrt{{{root}}}"]
