"""What `POST /v1/explain`, `GET /v1/stats` and `GET /v1/disagreements` answer."""

from typing import Annotated, Any

from pydantic import BaseModel, Field

from app.recent import Kind, Second
from touchstone_client.contract import Outcome, StageReport, VerifyResult
from verifiers.explanation import Explanation

Characters = Annotated[tuple[int, int], Field(description="Begin and end, counted in Unicode characters.")]


class HeardBody(BaseModel):
    """One question to the model."""

    asked: Annotated[str, Field(description="`first`, `swapped`, or a control: `empty_response`, `wrong_reference`.")]
    reference: str
    answer: str
    accepts: Annotated[bool | None, Field(description="Null when it could not be told.")]
    yes: Annotated[float | None, Field(description="P(yes) / (P(yes) + P(no)), where it was measured.")]
    label_mass: Annotated[float | None, Field(description="P(yes) + P(no), where it was measured.")]
    reason: str


class ExplainResponse(BaseModel):
    """One item's verdict, and the way to it."""

    result: VerifyResult
    explanation: Annotated[
        Explanation | None, Field(description="What was found and how it was read; null where the task cannot say.")
    ]
    places: Annotated[list[Characters], Field(description="Where the answer stands in the response, if it does.")]
    heard: Annotated[list[HeardBody], Field(description="What the model was asked, asked again to be shown.")]
    threshold: Annotated[float, Field(description="The probability of yes from which the model accepts.")]
    model: str | None
    elapsed_ms: float


class StatsResponse(BaseModel):
    """What this server process did lately."""

    process: Annotated[str, Field(description="A name of this server process; others count for themselves.")]
    now: Annotated[int, Field(description="The second that is still running.")]
    kept_s: Annotated[int, Field(description="Seconds kept.")]
    queued: int
    workers: int
    wanted_workers: int
    alarms: Annotated[list[str], Field(description="Guard-rails that sound.")]
    latency_min_ms: Annotated[float, Field(description="Upper bound of latency bucket 0.")]
    latency_buckets_per_doubling: int
    seconds: Annotated[list[Second], Field(description="Oldest first; seconds in which nothing happened are left out.")]


class DisagreementBody(BaseModel):
    """One answer on which rules and model disagree."""

    id: int
    at: Annotated[float, Field(description="Unix time.")]
    kind: Kind
    task: str
    question: str | None
    references: list[str]
    response: str
    shortened: Annotated[bool, Field(description="Not all of the item's text was kept.")]
    options: dict[str, Any]
    answer: str | None
    outcome: Outcome
    rules: StageReport
    model: StageReport
    label_mass: float | None
    times: Annotated[int, Field(description="Responses that gave this answer; the last one is shown.")]


class DisagreementsResponse(BaseModel):
    """The latest first."""

    most: Annotated[int, Field(description="How many are kept at most; 0: keeping them is switched off.")]
    tasks: list[str]
    items: list[DisagreementBody]
