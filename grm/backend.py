"""What a model server is to the rest of the code: one method, one reply, one tree of errors.

BackendError
  Unreachable      nothing answered (connect refused, reset, DNS): the server's move
  Busy             429 or 503, after the retries: wait and come back
  TooSlow          the deadline passed first
  Refused          the server says the request is wrong (4xx): ours to fix
  BadReply         an answer that cannot be read as a completion (garbage, cut short, 5xx)

A Backend answers completions. A ServedModel is a Backend that also looks after its server: it probes it,
watches it, and (when it is ours) restarts it; `state` tells how that stands.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol

from grm.dialects import Dialect, Thinking

Constraint = Literal["structured_outputs", "json_schema", "grammar", "none"]
"""How a server is told to write one of several strings: vLLM's field, a JSON schema, or a GBNF grammar."""
SchemaForm = Literal["structured_outputs", "json_schema", "json_object", "none"]
"""How a server is told to write JSON of a schema: vLLM's field, the public API's `response_format`, llama.cpp's."""


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
    """What is asked of the model. `choices` constrains the text to one of them, `schema` to a JSON value of that
    schema, where the server can; at most one of the two. `thinking_tokens` come on top of `max_tokens` where the
    model may think.
    """

    messages: Sequence[Message]
    max_tokens: int
    temperature: float = 0.0
    seed: int | None = 0
    top_logprobs: int = 0
    choices: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None
    extra: Mapping[str, Any] | None = None
    thinking: Thinking = Thinking.OFF
    thinking_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. `tokens[i]` is the token written at position i, `top_logprobs[i]` maps its candidates to
    natural-log probabilities; both are empty where the server gives none. `thinking` is what the model wrote before
    `text`, wherever the server put it: material for people, never read for a verdict.
    """

    text: str
    model: str
    finish_reason: str
    top_logprobs: tuple[Mapping[str, float], ...] = ()
    prompt_tokens: int = 0
    completion_tokens: int = 0
    tokens: tuple[str, ...] = ()
    thinking: str = ""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What the start-up probe proved about a server, by trying it. `notes` says what it saw of each lack.

    `constraint` is the form for one of several strings, `schema` that for JSON; `thought_schema` is the latter where
    the model thinks first, and "none" where it would keep the model from thinking. `thinking` is what was tried
    beside OFF, `thinks` whether the model then did, and `thinking_budget` whether the limit of it is taken.
    """

    model: str
    logprobs: bool
    constraint: Constraint
    thinking_switch: bool = False
    notes: tuple[str, ...] = ()
    schema: SchemaForm = "none"
    dialect: Dialect = Dialect.OPENAI
    thinking: Thinking = Thinking.OFF
    thinks: bool = False
    thinking_budget: bool = False
    thought_schema: SchemaForm = "none"

    def schema_form(self, thinking: Thinking) -> SchemaForm:
        """The form that bites in a request with this much thinking."""
        return self.schema if thinking is Thinking.OFF else self.thought_schema


class Phase(StrEnum):
    """Where a served model stands. Only READY takes completions."""

    STARTING = "starting"
    READY = "ready"
    UNREACHABLE = "unreachable"
    RESTARTING = "restarting"
    FAILED = "failed"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class ModelState:
    """The phase, and one line on why: safe to show on a readiness page."""

    phase: Phase
    detail: str

    @property
    def ready(self) -> bool:
        """Whether completions are taken now."""
        return self.phase is Phase.READY


class Backend(Protocol):
    """A model server."""

    @property
    def name(self) -> str:
        """The model's name, for results, cache keys and metrics."""

    @property
    def capabilities(self) -> Capabilities | None:
        """What the probe proved; None before it has passed."""

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        """One completion within `deadline_s` seconds. Raises BackendError."""

    async def aclose(self) -> None:
        """Release connections (and a supervised server's process)."""


class ServedModel(Backend, Protocol):
    """A backend that looks after its server."""

    @property
    def state(self) -> ModelState:
        """How the server is right now. Never blocks."""

    async def start(self) -> None:
        """Begin to probe and watch in the background, on the running loop. Returns at once."""

    async def wait_ready(self, timeout_s: float) -> ModelState:
        """The state once it is ready, failed or closed, or at the latest after `timeout_s`."""


class ScriptedBackend:
    """A test double that is always ready: `answer` gives the reply to a completion, or the error to raise.

    `asked` keeps every completion, in order.
    """

    def __init__(
        self,
        answer: Callable[[Completion], Reply | BackendError],
        *,
        name: str = "scripted",
        capabilities: Capabilities | None = None,
    ) -> None:
        self.name = name
        self.capabilities = capabilities or Capabilities(
            name, logprobs=True, constraint="structured_outputs", schema="structured_outputs"
        )
        self.state = ModelState(Phase.READY, "scripted")
        self.asked: list[Completion] = []
        self._answer = answer

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        """What the script says."""
        self.asked.append(completion)
        answer = self._answer(completion)
        if isinstance(answer, BackendError):
            raise answer
        return answer

    async def start(self) -> None:
        """Nothing to start."""

    async def wait_ready(self, timeout_s: float) -> ModelState:
        """Ready."""
        return self.state

    async def aclose(self) -> None:
        """Closed, and says so."""
        self.state = ModelState(Phase.CLOSED, "closed")
