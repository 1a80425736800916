"""What the rules say about two texts, read in their first reading, with hints as a question would give them."""

from collections.abc import Mapping
from typing import Any, TypeAlias

from verifiers.math_answer.context import Context, Hints
from verifiers.math_answer.reading.reader import read
from verifiers.math_answer.rules import Comparison

Case: TypeAlias = tuple[str, str, dict[str, Any]]
"""Reference, response, hints."""


def rule_verdict(reference: str, response: str, hints: Mapping[str, Any]) -> bool | None:
    """Yes, no, or None for "not mine"."""
    return Comparison(Context(Hints(**hints))).decide(read(reference), read(response))[0]
