"""What a model server is to the rest of the code: one method, one reply, one tree of errors.

BackendError
  Unreachable      nothing answered (connect refused, reset, DNS): the server's move
  Busy             429 or 503, after the retries: wait and come back
  TooSlow          the deadline passed first
  Refused          the server says the request is wrong (4xx): ours to fix
  BadReply         an answer that cannot be read as a completion (garbage, cut short, 5xx)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol


class BackendError(Exception):
    """A model server gave no usable completion. `str()` is a short reason that is safe to show to callers."""


class Unreachable(BackendError):
    """Nothing answered."""


class Busy(BackendError):
    """The server sheds load."""


class TooSlow(BackendError):
    """No reply within the deadline."""


class Refused(BackendError):
    """The server rejects the request."""


class BadReply(BackendError):
    """The reply cannot be read."""


@dataclass(frozen=True, slots=True)
class Message:
    """One chat message."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Completion:
    """What is asked of the model. `choices` constrains the text to one of these strings where the server can."""

    messages: Sequence[Message]
    max_tokens: int
    temperature: float = 0.0
    seed: int | None = 0
    top_logprobs: int = 0
    choices: tuple[str, ...] = ()
    extra: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `top_logprobs[i]` maps candidate tokens at position i to natural-log probabilities."""

    text: str
    model: str
    finish_reason: str
    top_logprobs: tuple[Mapping[str, float], ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the start-up probe proved about a server, by trying it."""

    model: str
    logprobs: bool
    constraint: Literal["structured_outputs", "json_schema", "grammar", "none"]


class Backend(Protocol):
    """A model server."""

    @property
    def name(self) -> str:
        """The model's name, for results, cache keys and metrics."""

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        """One completion within `deadline_s` seconds. Raises BackendError."""

    async def aclose(self) -> None:
        """Release connections (and a supervised server's process)."""
