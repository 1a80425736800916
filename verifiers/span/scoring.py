"""Exact match and F1 of an answer against one gold answer, single or of several spans.

Rule 1 (SQuAD): the tokens are equal, or F1 over them. Several gold answers: the best one counts.
Rule 2 (DROP): spans are paired one to one so that the sum of their F1 is largest; the mean runs over the longer of
        the two lists. A pair counts 0 where the gold span holds numbers and the answer shares none of them.
        Exact match: the same spans, as many of them.
Rule 3: a gold date is met by the same date written another way; a bare gold number by the number with a noun that
        the question counts ("How many yards": "12 yards").
"""

import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from verifiers.math_answer.quantities.calendar_time import moment
from verifiers.span.tokens import drop, f1, number, squad

MAX_SPANS = 64
"""Spans of one answer: the assignment is cubic in them."""

MAX_NOUN_WORDS = 3
"""Words of a counted noun behind a number: "field goal attempts"."""

_NUMBER_AND_NOUN = re.compile(r"\s*([-+]?[$€£]?[\d.,]*\d%?|[a-z-]+)\s+([a-z][a-z \-]*?)\s*", re.IGNORECASE)


class Score(NamedTuple):
    """Whether the answer is the gold answer exactly, and its F1."""

    exact: bool
    f1: float


def score(gold: Sequence[str], given: Sequence[str], style: str, question: str | None) -> Score:
    """The score of an answer's spans against a gold answer's.

    >>> score(["12"], ["12 yards"], "drop", "How many yards was the longest field goal?")
    Score(exact=True, f1=1.0)
    """
    words = squad if style == "squad" else drop
    if len(gold) == 1 and len(given) == 1:
        if _same_date(gold[0], given[0]) or _same_count(gold[0], given[0], question):
            return Score(True, 1.0)
        first, second = words(gold[0]), words(given[0])
        exact = first == second and bool(first)
        return Score(exact, 1.0 if exact else _pair(first, second, style))
    golds, givens = [words(span) for span in gold], [words(span) for span in given]
    exact = Counter(golds) == Counter(givens)
    if exact or not golds or not givens:
        return Score(exact, float(exact))
    table = [[_pair(first, second, style) for second in givens] for first in golds]
    return Score(False, assigned(table) / max(len(golds), len(givens)))


def _pair(gold: tuple[str, ...], given: tuple[str, ...], style: str) -> float:
    if style != "squad":
        numbers, others = _numbers(gold), _numbers(given)
        # Several numbers for the one that is asked are a list to pick from.
        if numbers and (not numbers & others or (len(gold) == 1 and len(others) > 1)):
            return 0.0
    return f1(gold, given)


def _numbers(words: tuple[str, ...]) -> frozenset[str]:
    return frozenset(word for word in words if number(word) is not None)


def _same_date(gold: str, given: str) -> bool:
    wanted = moment(gold)
    return wanted is not None and wanted.words.startswith("date") and moment(given) == wanted


def _same_count(gold: str, given: str, question: str | None) -> bool:
    """A bare number against the same number with the noun that the question asks for."""
    wanted = number(gold)
    if wanted is None:
        return False
    if number(given) == wanted and gold.count("%") == given.count("%"):
        return True
    counted = _NUMBER_AND_NOUN.fullmatch(given)
    if counted is None or number(counted[1]) != wanted or question is None:
        return False
    nouns = counted[2].lower().split()
    asked = set(re.findall(r"[a-z]+", question.lower()))
    return len(nouns) <= MAX_NOUN_WORDS and all({noun, noun + "s", noun.removesuffix("s")} & asked for noun in nouns)


def assigned(table: Sequence[Sequence[float]]) -> float:
    """The largest sum of entries, one a row and one a column (Hungarian method with potentials, O(n^2 m)).

    >>> assigned([[0.9, 0.8], [0.8, 0.1]])
    1.6
    """
    if len(table) > len(table[0]):
        table = list(zip(*table, strict=True))
    rows, columns = len(table), len(table[0])
    row_price, column_price = [0.0] * (rows + 1), [0.0] * (columns + 1)
    owner = [0] * (columns + 1)
    for row in range(1, rows + 1):
        _augment(table, row, owner, row_price, column_price)
    return sum(table[owner[column] - 1][column - 1] for column in range(1, columns + 1) if owner[column])


def _augment(
    table: Sequence[Sequence[float]],
    row: int,
    owner: list[int],
    row_price: list[float],
    column_price: list[float],
) -> None:
    """Give `row` a column, moving earlier rows along the cheapest path. Column 0 stands for "none yet"."""
    columns = len(owner) - 1
    slack, came_from, seen = [float("inf")] * (columns + 1), [0] * (columns + 1), [False] * (columns + 1)
    owner[0], at = row, 0
    while owner[at]:
        seen[at] = True
        current = owner[at]
        for column in range(1, columns + 1):
            if not seen[column]:
                cost = -table[current - 1][column - 1] - row_price[current] - column_price[column]
                if cost < slack[column]:
                    slack[column], came_from[column] = cost, at
        step, following = min((slack[column], column) for column in range(1, columns + 1) if not seen[column])
        for column in range(columns + 1):
            if seen[column]:
                row_price[owner[column]] += step
                column_price[column] -= step
            else:
                slack[column] -= step
        at = following
    while at:
        owner[at] = owner[came_from[at]]
        at = came_from[at]
