"""A list of items as chunks, and the chunks' results as one list again. No I/O.

Rule 1: each item is turned into JSON once; the time left is added when a chunk is sent.
Rule 2: results come back in the order of the items, one for each, or the call fails.
Rule 3: a wrong call is raised whatever `on_error` says: every chunk would be rejected alike, and a run whose
        rewards are all null for a mistyped setting helps nobody.
Rule 4: a wrong item costs its own result, never an error. The service rejects a request of wrong items only;
        which items travel together is ours, so that must not show.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel
from pydantic_core import PydanticSerializationError, to_json

from touchstone_client._exchange import Reply
from touchstone_client.contract import (
    MAX_DEADLINE_S,
    DecidedBy,
    Outcome,
    Problem,
    Recall,
    VerifyItem,
    VerifyResponse,
    VerifyResult,
)
from touchstone_client.errors import RequestRejected, ServerFault, TouchstoneError

Item = VerifyItem | Mapping[str, Any]
OnError = Literal["raise", "null"]

MIN_CHUNK_ITEMS = 64
"""Below this the request costs more than its items: 8 together cost 3 times as much each as 64 (measured)."""
MAX_CHUNK_ITEMS = 256
"""Above this latency grows and throughput hardly does."""
MAX_CHUNK_BYTES = 512 * 1024
"""The same knee for long responses. One item may be larger than this and then travels alone."""
REPLY_SHARE = 0.1
"""Share of the time left that the service does not get, so that its answer is back in time."""
MAX_REPLY_S = 0.5
"""More than this no answer needs to come back."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What holds for all items of one call."""

    recall: Recall
    opinions: bool
    on_error: OnError
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Chunk:
    """The items that travel in one request; `start` is the place of the first in the whole list."""

    start: int
    items: Sequence[Item]
    payload: bytes
    asking: Asking

    @property
    def method(self) -> str:
        """POST."""
        return "POST"

    @property
    def path(self) -> str:
        """The verification route."""
        return "/v1/verify"

    def body(self, left_s: float) -> bytes:
        """The request as JSON."""
        rest: dict[str, Any] = {"recall": self.asking.recall, "opinions": self.asking.opinions}
        if self.asking.step is not None:
            rest["step"] = self.asking.step
        return b'{"items":[' + self.payload + b"]," + to_json(rest | {"deadline_s": service_deadline_s(left_s)})[1:]

    def read(self, reply: Reply) -> list[VerifyResult] | None:
        """The results, from a 200."""
        if reply.status != 200:
            return None
        results = VerifyResponse.model_validate_json(reply.body).results
        if len(results) != len(self.items):
            raise ServerFault(f"{len(results)} results came back for {len(self.items)} items")
        return results

    def undecided(self, error: TouchstoneError) -> list[VerifyResult]:
        """What to put in place of the results after `error`; raises it where the caller wants it raised."""
        if isinstance(error, RequestRejected):
            if (problem := error.problem) is None or not about_entries(problem, "items"):
                raise error
            decided_by = DecidedBy(stage="service", name=problem.type)
            return [
                _undecided(item, decided_by, problem.detail, own)
                for item, own in zip(self.items, own_problems(problem, len(self.items), "items"), strict=True)
            ]
        if self.asking.on_error == "raise":
            raise error
        decided_by = DecidedBy(stage="client", name=type(error).__name__)
        return [_undecided(item, decided_by, str(error)) for item in self.items]


def service_deadline_s(left_s: float) -> float:
    """What the service gets of the time left: it has to answer before we give up."""
    return min(left_s - min(MAX_REPLY_S, left_s * REPLY_SHARE), MAX_DEADLINE_S)


def own_problems(problem: Problem, count: int, field: str) -> list[Problem]:
    """The problem of a request with `count` entries in `field`, cut down to what concerns each."""
    return [
        problem.model_copy(update={"errors": [e for e in problem.errors if e.field.startswith(f"{field}[{at}]")]})
        for at in range(count)
    ]


def about_entries(problem: Problem, field: str) -> bool:
    """Whether every complaint is about some entry of `field`, none about the call."""
    return bool(problem.errors) and all(error.field.startswith(f"{field}[") for error in problem.errors)


R = TypeVar("R")


class Part(Protocol[R]):
    """Some of a call's items: one request, and what to put in place of its results when it fails."""

    @property
    def start(self) -> int:
        """The place of its first item in the whole list."""

    @property
    def items(self) -> Sequence[Any]:
        """Its items."""

    @property
    def method(self) -> str:
        """The HTTP method."""

    @property
    def path(self) -> str:
        """The route."""

    def body(self, left_s: float) -> bytes:
        """The request as JSON."""

    def read(self, reply: Reply) -> list[R] | None:
        """The results, from a 200."""

    def undecided(self, error: TouchstoneError) -> list[R]:
        """What to put in place of the results after `error`; raises it where the caller wants it raised."""


class Tally(Generic[R]):
    """Collects the results of the parts in whatever order they come, and reports progress."""

    def __init__(self, chunks: Sequence[Part[R]], progress: Callable[[int, int], None] | None) -> None:
        self._total = sum(len(chunk.items) for chunk in chunks)
        self._progress = progress
        self._done = 0
        self._by_start: dict[int, list[R]] = {}

    def add(self, chunk: Part[R], results: list[R]) -> None:
        """Take the results of one part."""
        self._by_start[chunk.start] = results
        self._done += len(results)
        if self._progress is not None:
            self._progress(self._done, self._total)

    def results(self) -> list[R]:
        """One result for each item, in the order of the items."""
        return [result for start in sorted(self._by_start) for result in self._by_start[start]]


def cut(items: Iterable[Item], asking: Asking, concurrency: int) -> list[Chunk]:
    """Chunks that keep all connections busy, within the limits on items and bytes."""
    items = list(items)
    size = min(MAX_CHUNK_ITEMS, max(MIN_CHUNK_ITEMS, -(-len(items) // concurrency)))
    chunks: list[Chunk] = []
    pieces: list[bytes] = []
    start = held = 0
    for at, item in enumerate(items):
        piece = as_json(item, at)
        if pieces and (len(pieces) == size or held + len(piece) > MAX_CHUNK_BYTES):
            chunks.append(Chunk(start, items[start:at], b",".join(pieces), asking))
            pieces, start, held = [], at, 0
        pieces.append(piece)
        held += len(piece)
    if pieces:
        chunks.append(Chunk(start, items[start:], b",".join(pieces), asking))
    return chunks


def as_json(item: Any, at: int) -> bytes:
    """One item as JSON. Raises RequestRejected that names it."""
    try:
        return to_json(item)
    except (PydanticSerializationError, UnicodeEncodeError) as error:
        try:
            return to_json(_without_surrogates(item))
        except PydanticSerializationError:
            raise RequestRejected(f"items[{at}] cannot be written as JSON: {error}") from error


def _without_surrogates(value: Any) -> Any:
    # Half a surrogate pair comes from cutting text between two bytes of a token; UTF-8 cannot carry it.
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case BaseModel():
            return _without_surrogates(value.model_dump())
        case Mapping():
            return {key: _without_surrogates(part) for key, part in value.items()}
        case list() | tuple():
            return [_without_surrogates(part) for part in value]
        case _:
            return value


def _undecided(item: Item, decided_by: DecidedBy, reason: str, problem: Problem | None = None) -> VerifyResult:
    name, task = (item.id, item.task) if isinstance(item, VerifyItem) else (item.get("id"), item.get("task", "math"))
    return VerifyResult(
        id=name,
        task=task,
        outcome=Outcome.UNDECIDABLE,
        reward=None,
        decided_by=decided_by,
        reason=reason,
        problem=problem,
    )
