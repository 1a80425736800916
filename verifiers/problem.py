"""What a verifier is asked. A plain frozen value: it is sent to worker processes."""

from collections.abc import Mapping
from typing import Any

import msgspec


# A struct: every item of every batch is one, and a frozen dataclass takes five times as long to make.
class Problem(msgspec.Struct, frozen=True):
    """One response to check against one or several reference answers.

    `response` is all the model wrote; `references` are alternatives, any one of which is right;
    `question` may help to read an ambiguous reference; `options` are the task's own settings,
    checked by the verifier that owns them.
    """

    response: str
    references: tuple[str, ...]
    question: str | None = None
    options: Mapping[str, Any] = {}
