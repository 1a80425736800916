"""A verdict found in a reply, and the words that announce one."""

import re
from dataclasses import dataclass
from enum import IntEnum

from grm.replies.expected import TIE, Expected

Value = str | float | bool | tuple[float, ...]


class Strength(IntEnum):
    """FORMAL is a marked verdict ([[A]], \\boxed{7}, Final Decision: Yes), STATED is prose, BARE a lone label."""

    BARE = 1
    STATED = 2
    FORMAL = 3


@dataclass(frozen=True, slots=True)
class Match:
    """One verdict: what it says, where, how strongly, and whether it is announced as the last word.

    `overall` marks a total among part scores.
    """

    value: Value
    at: int
    strength: Strength
    final: bool = False
    off_scale: bool = False


_FINAL = re.compile(
    r"\b(?:final(?:ly)?|overall|total|correct(?:ion|ed)|revis(?:e|ed|ion)|instead|on reflection|in conclusion"
    r"|therefore|thus|hence|in summary|concluding)\b|最终|总分|总评|总体|综合|修正|更正|因此|所以|综上",
    re.IGNORECASE,
)
ANNOUNCED_WITHIN_CHARS = 48
"""How far before a verdict the word stands that makes it the last one, on the same line."""

NOUN = (
    r"(?:assistant|response|output|answer|model|candidate|solution|completion|option|choice|text|回答|回复|助手|答案"
    r"|选项|模型|输出)"
)
VERDICT = (
    r"(?:verdict|decision|judge?ment|judging|choice|pick|selection|winner|preference|preferred(?:\s+\w+)?|conclusion"
    r"|result|rank(?:ing|ed)|urteil|entscheidung|veredicto|decisión"
    r"|better(?:\s+\w+)?"
    r"|best(?:\s+\w+)?|final\s+(?:answer|label|grade|evaluation|assessment)|evaluation|assessment|label|correctness"
    r"|判断|判定|结论|决定|选择|结果|胜者|裁决|评判|最终答案)"
)
IS = r"(?:\s*(?:is|was|are|would\s+be|:|=|->|→|为|是|就是)\s*)+"
MARKS = r"[\s*_`\"'“”#(\[<]{0,16}"  # bounded: a page of asterisks would be read again from each of them


def is_final(text: str, at: int) -> bool:
    """Whether the verdict at that place is announced as the last word."""
    start = max(text.rfind("\n", 0, at) + 1, at - ANNOUNCED_WITHIN_CHARS)
    return _FINAL.search(text, start, at) is not None


def is_asked(text: str, end: int) -> bool:
    """Whether the sentence that goes on there is a question."""
    return re.match(r"[^.!?。！？\n]{0,80}[?？]", text[end : end + 81]) is not None


def name_pattern(expected: Expected) -> str:
    """A pattern for the candidates' names and what judges write for them."""
    return "(" + "|".join(sorted(map(re.escape, aliases(expected)), key=len, reverse=True)) + ")"


def aliases(expected: Expected) -> dict[str, str]:
    """Spellings, casefolded, to names. A first candidate is also called 1, one, first, a."""
    table: dict[str, str] = {}
    letters, numbers = "abcdefghijklmnopqrstuvwxyz", ("one", "two", "three", "four")
    ordinals = ("first", "second", "third", "fourth")
    for name in expected.names:
        table[name.casefold()] = name
    for index, name in enumerate(expected.names):
        others = [str(index + 1)]
        others += [letters[index]] if index < len(letters) else []
        others += [numbers[index], ordinals[index]] if index < len(numbers) else []
        for other in others:
            table.setdefault(other, name)
    return table


def named(spelling: str, expected: Expected) -> str:
    """The name behind a spelling, or TIE."""
    spelling = spelling.strip()
    return spelling if spelling in expected.names else aliases(expected).get(spelling.casefold(), TIE)
