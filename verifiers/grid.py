"""Logic grids (ZebraLogic): the cells of the solution that a response shows, as JSON or as a Markdown table.

Rule 1: the reference's cells are counted. A cell that the response lacks is wrong; one that it adds earns nothing.
Rule 2: the last JSON object that holds a grid is the answer; without any JSON, the last Markdown table. An object that
        is broken, or a house that is there twice, makes the answer unreadable: no earlier grid takes its place.
Rule 3: names and values are compared but for case, spaces and Markdown emphasis. "Eric or Peter" is not Eric.
"""

import re
from collections.abc import Mapping
from typing import Any

from verifiers.json_text import NotJsonError, json_values, read_json
from verifiers.normalisation import folded
from verifiers.problem import Problem
from verifiers.shown_text import shown
from verifiers.verdict import Outcome, Verdict

__all__ = ["DESCRIPTION", "VERSION", "check_options", "readable", "verify"]

VERSION = "1"
DESCRIPTION = "Logic grids (ZebraLogic): a JSON solution or a table, compared cell by cell."

MAX_CELLS = 10_000
MAX_LINES = 20_000
MAX_WRONG_SHOWN = 50
"""Wrong cells listed in the details."""

Grid = dict[tuple[str, str], str]
"""(house, attribute) to value, all of them folded."""

_HOUSE = re.compile(r"(?:house|position|no\.?|number|#|房子|房屋)?[\s#:]*(\d{1,4})(?:\s*号?(?:房子|房屋)?)")
_HOUSE_NAMES = frozenset(
    ("house", "houses", "houseno", "housenumber", "house#", "#", "no", "no.", "position", "房子", "房屋")
)
_WRAPPERS = ("solution", "answer", "grid", "table")
_RULE_LINE = re.compile(r"\|?+\s*+:?-++:?+\s*+(?:\|\s*+:?-++:?+\s*+)*+\|?\s*+")


class _NotAGridError(ValueError):
    """Why a value or a table is no grid."""


def check_options(options: Mapping[str, object]) -> str | None:
    """None when the options are usable, else what to fix."""
    if unknown := sorted(set(options) - {"reward"}):
        return f"no such option: {', '.join(unknown)}; the grid task knows reward"
    return None if options.get("reward", "pass") in ("pass", "cells") else "reward must be 'pass' or 'cells'"


def readable(reference: str) -> bool:
    """Whether the reference is a grid in JSON."""
    try:
        return bool(_reference(reference))
    except (NotJsonError, _NotAGridError):
        return False


def verify(problem: Problem) -> Verdict:
    """The verdict on the last grid that the response shows."""
    complaint = check_options(problem.options)
    if complaint is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", complaint)
    try:
        references = [_reference(text) for text in problem.references]
    except (NotJsonError, _NotAGridError) as error:
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", f"the reference is no grid: {error}")
    text, refusal = shown(problem.response)
    if refusal is not None:
        return Verdict(Outcome.UNREADABLE, "no_grid", refusal)
    try:
        verdicts = [_compared(wanted, *_answer(text, wanted), problem.options) for wanted in references]
    except (NotJsonError, _NotAGridError) as error:
        return Verdict(Outcome.UNREADABLE, "no_grid", str(error))
    return max(verdicts, key=lambda verdict: (verdict.outcome is Outcome.CORRECT, verdict.credit or 0.0))


def _compared(wanted: Grid, given: Grid, text: str, options: Mapping[str, Any]) -> Verdict:
    wrong = {cell: given.get(cell) for cell, value in wanted.items() if given.get(cell) != value}
    right = len(wanted) - len(wrong)
    credit = right / len(wanted) if options.get("reward") == "cells" else None
    details = {
        "right": right,
        "cells": len(wanted),
        "accuracy": right / len(wanted),
        "extra": len(given.keys() - wanted.keys()),
        "wrong": [
            {"house": cell[0], "attribute": cell[1], "given": value, "missing": value is None}
            for cell, value in list(wrong.items())[:MAX_WRONG_SHOWN]
        ],
    }
    if not wrong:
        return Verdict(Outcome.CORRECT, "cells", f"all {right} cells are right", text, None, False, credit, details)
    (house, attribute), value = next(iter(wrong.items()))
    why = f"{right} of {len(wanted)} cells are right; {house}, {attribute}: {value or 'missing'}"
    return Verdict(Outcome.INCORRECT, "cells", why, text, None, False, credit, details)


def _reference(text: str) -> Grid:
    value = _unwrapped(read_json(text))
    if isinstance(value, dict) and isinstance(value.get("header"), list) and isinstance(value.get("rows"), list):
        grid = _from_rows(value["header"], value["rows"])
    else:
        grid = _from_json(value)
    if not grid:
        raise _NotAGridError("it has no cells")
    return grid


def _answer(text: str, wanted: Grid) -> tuple[Grid, str]:
    """The grid to compare, and its text."""
    for found in reversed(json_values(text)):
        if found.flaw is not None and text[found.start] == "{":
            raise _NotAGridError(f"the last JSON object cannot be read: {found.flaw}")
        grid = _shaped(found.value)
        if grid is not None:
            return _turned(grid, wanted), text[found.start : found.end]
    table = _last_table(text)
    if table is None:
        raise _NotAGridError("no grid in the response: neither a JSON object of houses nor a table")
    header, rows, written = table
    return _turned(_from_rows(header, rows), wanted), written


def _shaped(value: Any) -> Grid | None:
    """The grid that an object is, None for an object of another shape. Raises _NotAGridError for a broken grid."""
    inner = _unwrapped(value)
    if isinstance(inner, dict) and isinstance(inner.get("header"), list) and isinstance(inner.get("rows"), list):
        return _from_rows(inner["header"], inner["rows"])
    cells = list(inner.values()) if isinstance(inner, dict) else inner if isinstance(inner, list) else []
    return _from_json(inner) if any(isinstance(part, dict) for part in cells) else None


def _unwrapped(value: Any) -> Any:
    """What stands under "solution"."""
    while isinstance(value, dict):
        inner = next((value[key] for key in value if folded(key) in _WRAPPERS), None)
        if not isinstance(inner, dict | list):
            return value
        value = inner
    return value


def _from_json(value: Any) -> Grid:
    """{"House 1": {"Name": "Eric"}}, or a list of rows that name their house."""
    grid: Grid = {}
    if isinstance(value, list):
        for number, row in enumerate(value, 1):
            cells = dict(row) if isinstance(row, dict) else {}
            key = next((key for key in cells if _squeezed(key) in _HOUSE_NAMES), None)
            _add_house(grid, str(cells.pop(key)) if key is not None else str(number), cells)
        return grid
    if not isinstance(value, dict):
        raise _NotAGridError("it is no JSON object")
    for house, cells in value.items():
        if isinstance(cells, dict):
            _add_house(grid, house, cells)
    return grid


def _add_house(grid: Grid, house: str, cells: Mapping[str, Any]) -> None:
    for attribute, value in cells.items():
        if _squeezed(attribute) not in _HOUSE_NAMES:
            _add(grid, house, attribute, value)


def _from_rows(header: list[Any], rows: list[Any]) -> Grid:
    """A table whose first column names the house, or whose header does."""
    grid: Grid = {}
    for row in rows:
        if not isinstance(row, list) or len(row) != len(header) or not row:
            raise _NotAGridError("a row has another number of cells than the header")
        for attribute, value in zip(header[1:], row[1:], strict=True):
            _add(grid, str(row[0]), str(attribute), value)
    return grid


def _add(grid: Grid, house: str, attribute: str, value: Any) -> None:
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or isinstance(value, dict | list):
        return  # no value, or several: wrong wherever the reference has one
    if len(grid) >= MAX_CELLS:
        raise _NotAGridError(f"more than {MAX_CELLS} cells")
    cell = (_named(house), _named(attribute))
    if cell in grid:
        raise _NotAGridError(f"{cell[0]}, {cell[1]} is there twice")
    grid[cell] = _squeezed(str(value))


def _turned(grid: Grid, wanted: Grid) -> Grid:
    """With houses first, as the reference has them."""
    houses = {house for house, _ in wanted}
    if any(house in houses for house, _ in grid) or not any(house in houses for _, house in grid):
        return grid
    return {(house, attribute): value for (attribute, house), value in grid.items()}


def _named(name: str) -> str:
    """A house or an attribute: "House 1" is "1", "Book Genre" is "bookgenre"."""
    name = _bare(name)
    house = _HOUSE.fullmatch(name)
    return str(int(house[1])) if house else re.sub(r"[\s_-]", "", name)


def _squeezed(value: str) -> str:
    return "".join(_bare(value).split())


def _bare(text: str) -> str:
    text = text.strip().strip("*_`").strip()
    return " ".join(text.lower().split()) if text.isascii() else folded(text)  # the same, five times as fast


def _last_table(text: str) -> tuple[list[Any], list[Any], str] | None:
    """Header, rows and text of the last Markdown table."""
    lines = text.split("\n")
    if len(lines) > MAX_LINES:
        raise _NotAGridError(f"more than {MAX_LINES} lines")
    for at in range(len(lines) - 1, 0, -1):
        if (
            "|" in lines[at]
            and "|" in lines[at - 1]
            and len(lines[at]) < 2_000
            and _RULE_LINE.fullmatch(lines[at].strip())
        ):
            end = at + 1
            while end < len(lines) and "|" in lines[end]:
                end += 1
            rows = [_cells(line) for line in lines[at + 1 : end]]
            return list(_cells(lines[at - 1])), [list(row) for row in rows], "\n".join(lines[at - 1 : end])
    return None


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]
