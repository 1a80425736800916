"""The project's float64 test vectors, which lie beside the repository; tests on them skip where they are missing."""

import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

FOLDER = Path(__file__).parents[4] / "shared" / "vectors"


@cache
def load(name: str) -> Any:
    """A vector file, or None where it is missing."""
    path = FOLDER / f"{name}.json"
    return json.loads(path.read_text("utf-8")) if path.is_file() else None


def required(name: str) -> Any:
    """A vector file; the test that asks skips where it is missing."""
    found = load(name)
    if found is None:
        pytest.skip(f"no {name}.json in shared/vectors")
    return found


def params(name: str, *keys: str, leave_out: tuple[str, ...] = ()) -> Iterable[Any]:
    """One pytest parameter for each case under the keys; one that skips where the file is missing."""
    found = load(name)
    if found is None:
        return [pytest.param(None, id="missing", marks=pytest.mark.skip(reason=f"no {name}.json in shared/vectors"))]
    for key in keys:
        found = found[key]
    pairs = found.items() if isinstance(found, dict) else enumerate(found)
    return [pytest.param((key, case), id=_label(key, case)) for key, case in pairs if key not in leave_out]


def _label(key: object, case: object) -> str:
    name = case.get("name", case.get("loss_type")) if isinstance(case, dict) else None
    return f"{key}-{name}" if name else str(key)


def numbers(values: Any) -> Tensor:
    """A float64 tensor; None is NaN."""
    return torch.tensor(_filled(values), dtype=torch.float64)


def flags(values: Any) -> Tensor:
    """A mask from zeros and ones."""
    return torch.tensor(values, dtype=torch.float64).bool()


def padded(rows: list[list[float]], width: int) -> Tensor:
    """Ragged rows, right padded with 0."""
    return numbers([row + [0.0] * (width - len(row)) for row in rows])


def places(pairs: list[list[int]], shape: torch.Size) -> Tensor:
    """A mask that is set at the given (row, column) pairs."""
    found = torch.zeros(shape, dtype=torch.bool)
    for row, column in pairs:
        found[row, column] = True
    return found


def _filled(values: Any) -> Any:
    if isinstance(values, list):
        return [_filled(value) for value in values]
    return float("nan") if values is None else values
