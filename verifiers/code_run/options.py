"""An item's own settings for the code task, checked once and read into one frozen value.

Rule 1: complaints name the option and say what it may be.
Rule 2: `tests` may stand here or, as JSON or assert lines, in the reference.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from verifiers.code_run.engines import Language

DEFAULT_TIMEOUT_S: Final = 4.0
MAX_TIMEOUT_S: Final = 60.0
"""CPU seconds for one test; the time of all tests together is the engine configuration's."""
DEFAULT_MEMORY_MB: Final = 512
MAX_MEMORY_MB: Final = 4_096
MAX_TESTS: Final = 1_000
DEFAULT_TOLERANCE: Final = 1e-6
LANGUAGES: Final[Mapping[str, Language]] = {
    "python": Language.PYTHON,
    "python3": Language.PYTHON,
    "py": Language.PYTHON,
    "cpp": Language.CPP,
    "c++": Language.CPP,
    "javascript": Language.JAVASCRIPT,
    "js": Language.JAVASCRIPT,
    "nodejs": Language.JAVASCRIPT,
}


class Reward(StrEnum):
    """What a program earns that passes only some of its tests: nothing, or its share."""

    PASS = "pass"  # noqa: S105 - no password
    FRACTION = "fraction"


class Compare(StrEnum):
    """When an output is the expected one; see `expectations`."""

    LINES = "lines"
    TOKENS = "tokens"
    FLOAT = "float"
    EXACT = "exact"


class BadOptions(ValueError):
    """The item's options or tests cannot be used; the text says what to fix."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The options, read. `setup` is code put before the program and before its tests; `checker` is the source of a
    Python function `check(input, expected, output)`; `response_is_program` skips the search for a fenced block.
    """

    language: Language = Language.PYTHON
    tests: Any = None
    reward: Reward = Reward.PASS
    compare: Compare = Compare.LINES
    tolerance: float = DEFAULT_TOLERANCE
    timeout_s: float = DEFAULT_TIMEOUT_S
    memory_mb: int = DEFAULT_MEMORY_MB
    entry_point: str | None = None
    setup: str = ""
    checker: str | None = None
    response_is_program: bool = False


def read(options: Mapping[str, object]) -> Settings:
    """The settings. Raises BadOptions."""
    unknown = [name for name in options if name not in Settings.__dataclass_fields__]
    if unknown:
        known = ", ".join(Settings.__dataclass_fields__)
        raise BadOptions(f"unknown option {', '.join(map(repr, unknown))}; the code task knows {known}")
    values: dict[str, Any] = dict(options)
    if "language" in values:
        values["language"] = _one_of(values["language"], "language", LANGUAGES)
    if "reward" in values:
        values["reward"] = _one_of(values["reward"], "reward", {one.value: one for one in Reward})
    if "compare" in values:
        values["compare"] = _one_of(values["compare"], "compare", {one.value: one for one in Compare})
    _number(values, "tolerance", 1.0)
    _number(values, "timeout_s", MAX_TIMEOUT_S)
    _number(values, "memory_mb", MAX_MEMORY_MB)
    for name in ("entry_point", "setup", "checker"):
        if name in values and not isinstance(values[name], str):
            raise BadOptions(f"{name} must be text")
    if not isinstance(values.get("response_is_program", False), bool):
        raise BadOptions("response_is_program must be true or false")
    settings = Settings(**values)
    if settings.language is not Language.PYTHON and (settings.setup or settings.entry_point):
        raise BadOptions("entry_point and setup are for Python programs; use stdin and stdout tests")
    return settings


def _one_of(value: object, name: str, known: Mapping[str, Any]) -> Any:
    if not isinstance(value, str) or value.lower() not in known:
        raise BadOptions(f"{name} must be one of {', '.join(known)}")
    return known[value.lower()]


def _number(values: dict[str, Any], name: str, most: float) -> None:
    if name not in values:
        return
    value = values[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= most:
        raise BadOptions(f"{name} must be a number above 0 and at most {most:g}")
    if name == "memory_mb":
        values[name] = max(1, int(value))
