"""The `/v1` wire: frozen models and enums. Pydantic only; the service and every client share this file.

Rule 1: closed vocabularies are enums; open ones (task, rule, stage names) are strings checked by the service.
Rule 2: a reward is 1.0, 0.0 or null. Null means "leave this sample out" and always comes with a reason.
Rule 3: fields are only ever added. A client ignores what it does not know.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

MAX_ITEMS = 4_096
"""Items in one request; the client cuts longer lists into chunks."""
MAX_RESPONSE_CHARS = 1_000_000
"""Past this the item is refused: a million characters is far above any context window's answer."""
MAX_REFERENCE_CHARS = 100_000
MAX_REFERENCES = 64
MAX_QUESTION_CHARS = 200_000
MAX_DEADLINE_S = 600.0
MAX_ID_CHARS = 512
MAX_TASK_CHARS = 64


class Outcome(StrEnum):
    """What was concluded. `undecidable` is the service's fault or the reference's, never the response's."""

    CORRECT = "correct"
    INCORRECT = "incorrect"
    UNREADABLE = "unreadable"
    UNDECIDABLE = "undecidable"


class Recall(StrEnum):
    """Whether the model gets a second look at what the rules did not accept."""

    AUTO = "auto"
    NEVER = "never"
    ALWAYS = "always"


class _Wire(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Request(BaseModel):
    # A misspelt field in a request is a lost setting: refuse it.
    model_config = ConfigDict(frozen=True, extra="forbid")


class VerifyItem(_Request):
    """One response to check against its reference."""

    id: Annotated[
        str | None, Field(max_length=MAX_ID_CHARS, description="Your own name for the item; comes back in the result.")
    ] = None
    task: Annotated[str, Field(max_length=MAX_TASK_CHARS, description="Which verifier: see `GET /v1/tasks`.")] = "math"
    question: Annotated[
        str | None,
        Field(max_length=MAX_QUESTION_CHARS, description="The question asked. Helps where the reference is ambiguous."),
    ] = None
    response: Annotated[str, Field(max_length=MAX_RESPONSE_CHARS, description="All that the model wrote.")]
    reference: Annotated[
        Annotated[str, Field(max_length=MAX_REFERENCE_CHARS)]
        | Annotated[
            list[Annotated[str, Field(max_length=MAX_REFERENCE_CHARS)]], Field(min_length=1, max_length=MAX_REFERENCES)
        ],
        Field(description="The gold answer, or several of which any one is right."),
    ]
    options: Annotated[dict[str, Any], Field(description="Settings of the task's verifier.")] = {}


class VerifyRequest(_Request):
    """A batch to verify. Results come back in the same order."""

    items: Annotated[list[VerifyItem], Field(min_length=1, max_length=MAX_ITEMS)]
    recall: Annotated[
        Recall,
        Field(
            description="`auto`: the model looks again where the rules do not accept, if a model is configured. "
            "`never`: rules alone. `always`: as auto, but refused when no model is configured."
        ),
    ] = Recall.AUTO
    deadline_s: Annotated[
        float | None,
        Field(
            gt=0,
            le=MAX_DEADLINE_S,
            description="Seconds until the answer is of no more use. Items not decided by then are undecidable.",
        ),
    ] = None
    opinions: Annotated[
        bool,
        Field(
            description="Ask the model about every answer, also where the rules accept, and report what it said. "
            "Never changes an outcome."
        ),
    ] = False
    step: Annotated[
        int | None, Field(ge=0, description="The policy's training step, for the guard-rails over time.")
    ] = None


class FieldProblem(_Wire):
    """One thing to fix in a request."""

    field: Annotated[str, Field(description="Where, as a path: `items[3].reference`.")]
    message: Annotated[str, Field(description="What is wrong and what to do about it.")]


class Problem(_Wire):
    """An error as RFC 9457 `application/problem+json`."""

    type: Annotated[str, Field(description="A stable name of the kind of error.")]
    title: str
    status: int
    detail: Annotated[str, Field(description="What went wrong and what to do about it.")]
    errors: list[FieldProblem] = []


class DecidedBy(_Wire):
    """Which stage had the last word, and which named rule or model in it."""

    stage: Annotated[
        str,
        Field(
            description="`rules`, `model`, `service` when neither was reached, or `client`: the service gave no answer."
        ),
    ]
    name: str


class StageReport(_Wire):
    """What one stage said by itself, whoever had the last word."""

    outcome: Outcome
    name: Annotated[str, Field(description="The rule or the model.")]
    reason: str


class VerifyResult(_Wire):
    """The verdict on one item."""

    id: str | None = None
    task: str
    outcome: Outcome
    reward: Annotated[
        float | None,
        Field(description="1, 0, a share where partial credit was asked for, or null for 'leave this sample out'."),
    ]
    answer: Annotated[str | None, Field(description="What was taken from the response as its answer.")] = None
    decided_by: DecidedBy
    reason: str
    cached: Annotated[bool, Field(description="Taken from the cache, or shared with an identical item in flight.")] = (
        False
    )
    details: Annotated[
        dict[str, Any] | None, Field(description="What the task has to tell beyond the outcome: per-test results, say.")
    ] = None
    timings_ms: Annotated[dict[str, float], Field(description="Milliseconds per stage.")] = {}
    rules: Annotated[StageReport | None, Field(description="What the rules said.")] = None
    model: Annotated[StageReport | None, Field(description="What the model said, if it was asked.")] = None
    problem: Annotated[Problem | None, Field(description="Set when the item itself was unusable: what to fix.")] = None


class VerifyResponse(_Wire):
    """Results in the order of the request's items."""

    results: list[VerifyResult]
    model: Annotated[str | None, Field(description="The model of the second look; null when none is configured.")] = (
        None
    )
    alarms: Annotated[list[str], Field(description="Guard-rails that a rate has passed: look for reward hacking.")] = []
    elapsed_ms: float


class TaskInfo(_Wire):
    """One verifier."""

    name: str
    version: str
    description: str


class TasksResponse(_Wire):
    """The verifiers this service has."""

    tasks: list[TaskInfo]


class ComponentState(_Wire):
    """How one part of the service is. `required` parts make the service not ready."""

    ok: bool
    required: bool
    detail: str
    capabilities: Annotated[
        dict[str, Any] | None, Field(description="What a model server was seen to do, by trying it; null before that.")
    ] = None


class Readiness(_Wire):
    """Whether the service can take work, and how each part is."""

    ready: bool
    version: str
    components: dict[str, ComponentState]
