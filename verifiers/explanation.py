"""How a verdict was reached, for people: what was found in the response, how both sides were read, who decided.

Rule 1: bounded whatever the item: lines and characters are cut, and marked as cut.
Rule 2: nothing is decided here: an explanation never changes a verdict.
"""

from dataclasses import dataclass

MAX_TEXT_CHARS = 4_000
"""Of a text as it was read; nobody reads further."""
MAX_STEPS = 60
"""Decisions told of one comparison: a list of thousands is compared part by part."""
CUT = " …"


def cut(text: str, most: int = MAX_TEXT_CHARS) -> str:
    """The text, marked where it was cut.

    >>> cut("abcdef", 3)
    'abc …'
    """
    return text if len(text) <= most else text[:most] + CUT


@dataclass(frozen=True, slots=True)
class Read:
    """One side as it was read: in one spelling, and as a typed tree, a node on a line."""

    text: str
    tree: str


@dataclass(frozen=True, slots=True)
class Compared:
    """The answer against one reference. `same` is None where no rule could tell; `passed` are the rules that said "not
    mine" before `rule` decided; `steps` are the decisions on the whole and its parts, inner ones first and indented.
    Both sides are told as they read, also where text alone decided; None where one is no formula.
    """

    reference: str
    same: bool | None
    rule: str
    answer_read: Read | None
    reference_read: Read | None
    passed: tuple[str, ...]
    steps: tuple[str, ...]
    unreadable: str | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """`how` names what found the answer; `refusal` says why none was taken."""

    task: str
    how: str
    answer: str | None
    parts: tuple[str, ...]
    refusal: str | None
    hedged: bool
    compared: tuple[Compared, ...]
