"""What a verifier is asked. A plain frozen value: it is pickled to worker processes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Problem:
    """One response to check against one or several reference answers.

    `response` is all the model wrote; `references` are alternatives, any one of which is right;
    `question` may help to read an ambiguous reference; `options` are the task's own settings,
    checked by the verifier that owns them.
    """

    response: str
    references: tuple[str, ...]
    question: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
