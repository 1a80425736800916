"""The `/v1` bodies as msgspec structs, for the hot path: a fifth of what pydantic costs for a batch.

Rule 1: the contract is `touchstone_client.contract`; a test holds these to its fields, defaults and limits.
Rule 2: nothing is explained here. What does not decode is read again, slowly, by `app.requests`, which says
        why.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from touchstone_client import contract
from touchstone_client.contract import Outcome, Recall
from touchstone_client.contract_judge import JudgeStatus

_Reference = Annotated[str, Meta(max_length=contract.MAX_REFERENCE_CHARS)]
_References = Annotated[list[_Reference], Meta(min_length=1, max_length=contract.MAX_REFERENCES)]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """contract.VerifyItem."""

    response: Annotated[str, Meta(max_length=contract.MAX_RESPONSE_CHARS)]
    reference: _Reference | _References
    id: Annotated[str, Meta(max_length=contract.MAX_ID_CHARS)] | None = None
    task: Annotated[str, Meta(max_length=contract.MAX_TASK_CHARS)] = "math"
    question: Annotated[str, Meta(max_length=contract.MAX_QUESTION_CHARS)] | None = None
    options: dict[str, Any] = {}


class VerifyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """contract.VerifyRequest."""

    items: Annotated[list[Item], Meta(min_length=1, max_length=contract.MAX_ITEMS)]
    recall: Recall = Recall.AUTO
    deadline_s: Annotated[float, Meta(gt=0, le=contract.MAX_DEADLINE_S)] | None = None
    opinions: bool = False
    step: Annotated[int, Meta(ge=0)] | None = None


class FieldProblem(msgspec.Struct, frozen=True):
    """contract.FieldProblem."""

    field: str
    message: str


class Problem(msgspec.Struct, frozen=True):
    """contract.Problem."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[FieldProblem] = []


class DecidedBy(msgspec.Struct, frozen=True, gc=False):
    """contract.DecidedBy."""

    stage: str
    name: str


class StageReport(msgspec.Struct, frozen=True, gc=False):
    """contract.StageReport."""

    outcome: Outcome
    name: str
    reason: str


class VerifyResult(msgspec.Struct, frozen=True):
    """contract.VerifyResult."""

    task: str
    outcome: Outcome
    reward: float | None
    decided_by: DecidedBy
    reason: str
    id: str | None = None
    answer: str | None = None
    cached: bool = False
    details: dict[str, Any] | None = None
    timings_ms: dict[str, float] = {}
    rules: StageReport | None = None
    model: StageReport | None = None
    problem: Problem | None = None


class VerifyResponse(msgspec.Struct, frozen=True):
    """contract.VerifyResponse."""

    results: list[VerifyResult]
    elapsed_ms: float
    model: str | None = None
    alarms: list[str] = []


class CriterionResult(msgspec.Struct, frozen=True):
    """contract_judge.CriterionResult."""

    id: str
    score: float
    quote: str = ""
    at: int | None = None
    comment: str = ""


class StepError(msgspec.Struct, frozen=True):
    """contract_judge.StepError."""

    kind: str
    quote: str = ""
    at: int | None = None
    step: int | None = None


class JudgeUsage(msgspec.Struct, frozen=True):
    """contract_judge.JudgeUsage."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class CandidateResult(msgspec.Struct, frozen=True):
    """contract_judge.CandidateResult."""

    status: JudgeStatus
    reward: float | None
    id: str | None = None
    reason: str | None = None
    detail: str = ""
    outcome: float | None = None
    process: float | None = None
    criteria: list[CriterionResult] = []
    errors: list[StepError] = []
    first_wrong_step: int | None = None
    votes: list[float] = []
    agreement: float | None = None
    confidence: float | None = None
    label_mass: float | None = None
    flags: list[str] = []
    protocol: str = ""
    model: str = ""
    prompt_version: str = ""
    usage: JudgeUsage = JudgeUsage()


class JudgeResult(msgspec.Struct, frozen=True):
    """contract_judge.JudgeResult."""

    candidates: list[CandidateResult]
    id: str | None = None
    cached: bool = False
    problem: Problem | None = None


class JudgeResponse(msgspec.Struct, frozen=True):
    """contract_judge.JudgeResponse."""

    results: list[JudgeResult]
    elapsed_ms: float
    model: str | None = None
    alarms: list[str] = []


class RewardComponents(msgspec.Struct, frozen=True):
    """contract_judge.RewardComponents."""

    verifier: VerifyResult | None = None
    judge: CandidateResult | None = None


class RewardResult(msgspec.Struct, frozen=True):
    """contract_judge.RewardResult."""

    task: str
    rule: str
    reward: float | None
    status: JudgeStatus
    reason: str
    id: str | None = None
    group: str | None = None
    detail: str = ""
    components: RewardComponents = RewardComponents()
    problem: Problem | None = None


class RewardResponse(msgspec.Struct, frozen=True):
    """contract_judge.RewardResponse."""

    results: list[RewardResult]
    elapsed_ms: float
    model: str | None = None
    judge: str | None = None
    alarms: list[str] = []


encode = msgspec.json.Encoder().encode
decode_request = msgspec.json.Decoder(VerifyRequest).decode
