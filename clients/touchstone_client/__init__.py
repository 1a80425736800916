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
from touchstone_client.errors import (
    DeadlineExceeded,
    Overloaded,
    RequestRejected,
    ServerFault,
    TouchstoneError,
    Unreachable,
)

__all__ = [
    "AsyncClient",
    "Client",
    "ComponentState",
    "DeadlineExceeded",
    "DecidedBy",
    "FieldProblem",
    "Item",
    "OnError",
    "Outcome",
    "Overloaded",
    "Problem",
    "Readiness",
    "Recall",
    "RequestRejected",
    "RetryPolicy",
    "ServerFault",
    "StageReport",
    "TaskInfo",
    "TouchstoneError",
    "Unreachable",
    "VerifyItem",
    "VerifyResult",
]
