"""What can be asked besides verification: the tasks, the state of the parts, whether the service is alive."""

from dataclasses import dataclass

from touchstone_client._exchange import Reply
from touchstone_client.contract import Readiness, TaskInfo, TasksResponse


@dataclass(frozen=True, slots=True)
class _Get:
    path: str

    @property
    def method(self) -> str:
        return "GET"

    def body(self, left_s: float) -> None:
        """A GET carries nothing."""


class ListTasks(_Get):
    """`GET /v1/tasks`."""

    def read(self, reply: Reply) -> list[TaskInfo] | None:
        """The verifiers, from a 200."""
        return TasksResponse.model_validate_json(reply.body).tasks if reply.status == 200 else None


class AskReady(_Get):
    """`GET /readyz`."""

    def read(self, reply: Reply) -> Readiness | None:
        """The state of every part. "Not ready" is an answer too, and comes with a 503."""
        return Readiness.model_validate_json(reply.body) if reply.status in (200, 503) else None


class AskHealthy(_Get):
    """`GET /healthz`."""

    def read(self, reply: Reply) -> bool | None:
        """True, from a 200."""
        return True if reply.status == 200 else None


LIST_TASKS = ListTasks("/v1/tasks")
ASK_READY = AskReady("/readyz")
ASK_HEALTHY = AskHealthy("/healthz")
