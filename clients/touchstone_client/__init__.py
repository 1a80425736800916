"""Client of the Touchstone reward service."""

from touchstone_client._batch import Item, OnError
from touchstone_client._exchange import RetryPolicy
from touchstone_client.async_client import AsyncClient
from touchstone_client.client import Client
from touchstone_client.contract import (
    ComponentState,
    DecidedBy,
    FieldProblem,
    Outcome,
    Problem,
    Readiness,
    Recall,
    StageReport,
    TaskInfo,
    VerifyItem,
    VerifyResult,
)
from touchstone_client.contract_judge import (
    Aspect,
    CandidateResult,
    CriterionKind,
    CriterionResult,
    JudgeCandidate,
    JudgeCase,
    JudgeResult,
    JudgeStatus,
    JudgeUsage,
    Kind,
    RewardComponents,
    RewardItem,
    RewardResult,
    RubricCriterion,
    StepError,
)
from touchstone_client.errors import (
    DeadlineExceeded,
    Overloaded,
    RequestRejected,
    ServerFault,
    TouchstoneError,
    Unreachable,
)
from touchstone_client.micro_batch import AsyncMicroBatcher, Gathering
from touchstone_client.micro_batch_threads import MicroBatcher

__all__ = [
    "Aspect",
    "AsyncClient",
    "AsyncMicroBatcher",
    "CandidateResult",
    "Client",
    "ComponentState",
    "CriterionKind",
    "CriterionResult",
    "DeadlineExceeded",
    "DecidedBy",
    "FieldProblem",
    "Gathering",
    "Item",
    "JudgeCandidate",
    "JudgeCase",
    "JudgeResult",
    "JudgeStatus",
    "JudgeUsage",
    "Kind",
    "MicroBatcher",
    "OnError",
    "Outcome",
    "Overloaded",
    "Problem",
    "Readiness",
    "Recall",
    "RequestRejected",
    "RetryPolicy",
    "RewardComponents",
    "RewardItem",
    "RewardResult",
    "RubricCriterion",
    "ServerFault",
    "StageReport",
    "StepError",
    "TaskInfo",
    "TouchstoneError",
    "Unreachable",
    "VerifyItem",
    "VerifyResult",
]
