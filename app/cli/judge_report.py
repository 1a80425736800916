"""The tables of `touchstone judge`: accuracy by category, order-consistency, ties, unscored share, cost.

Rule 1: one response: right where the reward is at least ACCEPTED_FROM and the label true, or below and false.
        Several: right where the labelled one alone has the highest reward; a tie at the top counts half, or whole
        where the label is a tie.
Rule 2: what is unscored is never right, and its share stands beside the accuracy.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table

from app.cli.judge_rows import TIE, Labelled
from touchstone_client import JudgeResult, JudgeUsage

ACCEPTED_FROM = 0.5
SAME = 1e-9
"""Rewards closer than this are a tie."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A row's result; `swapped` is that of its candidates in the reverse order, where that was asked for."""

    row: Labelled
    result: JudgeResult
    swapped: JudgeResult | None = None


def rewards(result: JudgeResult) -> list[float] | None:
    """The rewards, or None where one is missing."""
    values = [candidate.reward for candidate in result.candidates]
    known = [value for value in values if value is not None]
    return known if known and len(known) == len(values) else None


def best(values: Sequence[float]) -> tuple[int, ...]:
    """The places of the highest rewards."""
    return tuple(at for at, value in enumerate(values) if value >= max(values) - SAME)


def score(row: Labelled, result: JudgeResult, *, reverse: bool = False) -> float | None:
    """1 for a right judgement, 0.5 for a tie, 0 else; None where it is unscored."""
    values = rewards(result)
    if values is None:
        return None
    if reverse:
        values = values[::-1]
    if isinstance(row.label, bool):
        return float((values[0] >= ACCEPTED_FROM) is row.label)
    top = best(values)
    if row.label == TIE:
        return float(len(top) == len(values))
    return (1.0 if len(top) == 1 else 0.5) if row.label in top else 0.0


@dataclass(slots=True)
class Line:
    """One category's figures."""

    rows: int = 0
    scored: int = 0
    points: float = 0.0
    readings: int = 0
    ties: int = 0
    compared: int = 0
    consistent: int = 0
    orders: int = 0

    def add(self, judged: Judged) -> None:
        """Count one row."""
        self.rows += 1
        both = [(judged.result, False)] + ([(judged.swapped, True)] if judged.swapped else [])
        for result, reverse in both:
            self.readings += 1
            points = score(judged.row, result, reverse=reverse) if judged.row.label is not None else None
            self.points += points or 0.0
            values = rewards(result)
            self.scored += values is not None
            if values is not None and len(values) > 1:
                self.compared += 1
                self.ties += len(best(values)) > 1
        if judged.swapped is not None:
            first, second = rewards(judged.result), rewards(judged.swapped)
            if first is not None and second is not None:
                self.orders += 1
                self.consistent += best(first) == best(second[::-1])


def accuracy_table(judged: Sequence[Judged]) -> Table:
    """By category, and all."""
    lines: defaultdict[str, Line] = defaultdict(Line)
    total = Line()
    for one in judged:
        lines[one.row.category].add(one)
        total.add(one)
    table = Table(title=f"{len(judged)} rows judged", title_justify="left")
    for heading in ("category", "rows", "accuracy", "order-consistent", "ties", "unscored"):
        table.add_column(heading, justify="left" if heading == "category" else "right")
    labelled = any(one.row.label is not None for one in judged)
    named = sorted(lines.items()) if len(lines) > 1 else []
    for name, line in [*named, ("all", total)]:
        table.add_row(
            name,
            str(line.rows),
            _share(line.points, line.readings) if labelled else "no labels",
            _share(line.consistent, line.orders),
            _share(line.ties, line.compared),
            _share(line.readings - line.scored, line.readings),
        )
    return table


def cost_line(judged: Sequence[Judged]) -> str:
    """What all of it cost."""
    results = [result for one in judged for result in (one.result, one.swapped) if result is not None]
    usages: list[JudgeUsage] = [candidate.usage for result in results for candidate in result.candidates]
    calls = sum(usage.calls for usage in usages)
    prompt, written = sum(u.prompt_tokens for u in usages), sum(u.completion_tokens for u in usages)
    cached = sum(result.cached for result in results)
    return f"{calls} calls, {prompt} prompt tokens, {written} tokens written; {cached} of {len(results)} from the cache"


def _share(part: float, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "-"
