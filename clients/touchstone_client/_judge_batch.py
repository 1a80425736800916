"""Cases for `/v1/judge` and items for `/v1/reward`, cut into requests. No I/O; the rules are those of `_batch`.

Rule 1: a group travels whole, however large: its members are judged together, or their rewards do not compare.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from pydantic_core import to_json

from touchstone_client._batch import (
    MAX_CHUNK_BYTES,
    MAX_CHUNK_ITEMS,
    OnError,
    about_entries,
    as_json,
    own_problems,
    service_deadline_s,
)
from touchstone_client._exchange import Reply
from touchstone_client.contract import Problem
from touchstone_client.contract_judge import (
    CLIENT_FAILED,
    JudgeCase,
    JudgeResponse,
    JudgeResult,
    JudgeStatus,
    RewardItem,
    RewardResponse,
    RewardResult,
)
from touchstone_client.errors import RequestRejected, ServerFault, TouchstoneError

Case = JudgeCase | Mapping[str, Any]
Rewarded = RewardItem | Mapping[str, Any]
R = TypeVar("R", JudgeResult, RewardResult)
CHUNK_CASES = 16
"""A judge takes seconds for a case: small requests keep every replica busy and lose little when one fails."""


@dataclass(frozen=True, slots=True)
class _Chunk(Generic[R]):
    """The entries that travel in one request. `rest` is what holds for all of them."""

    start: int
    items: Sequence[Any]
    payload: bytes
    rest: Mapping[str, Any]
    on_error: OnError
    field: ClassVar[str]

    @property
    def method(self) -> str:
        """POST."""
        return "POST"

    def body(self, left_s: float) -> bytes:
        """The request as JSON."""
        rest = dict(self.rest) | {"deadline_s": service_deadline_s(left_s)}
        return b'{"' + self.field.encode() + b'":[' + self.payload + b"]," + to_json(rest)[1:]

    def _checked(self, results: list[R]) -> list[R]:
        if len(results) != len(self.items):
            raise ServerFault(f"{len(results)} results came back for {len(self.items)} asked for")
        return results

    def _excuse(self, error: TouchstoneError) -> list[Problem | None]:
        """What concerns each entry; raises the error where the caller wants it raised."""
        if isinstance(error, RequestRejected):
            if (problem := error.problem) is None or not about_entries(problem, self.field):
                raise error
            return list(own_problems(problem, len(self.items), self.field))
        if self.on_error == "raise":
            raise error
        return [None] * len(self.items)


class JudgeChunk(_Chunk[JudgeResult]):
    """Cases for `/v1/judge`."""

    __slots__ = ()
    path = "/v1/judge"
    field = "cases"

    def read(self, reply: Reply) -> list[JudgeResult] | None:
        """The results, from a 200."""
        return self._checked(JudgeResponse.model_validate_json(reply.body).results) if reply.status == 200 else None

    def undecided(self, error: TouchstoneError) -> list[JudgeResult]:
        """Results without candidates, that say what happened."""
        return [
            JudgeResult(id=_field(item, "id"), candidates=[], problem=problem or _failed(error))
            for item, problem in zip(self.items, self._excuse(error), strict=True)
        ]


class RewardChunk(_Chunk[RewardResult]):
    """Items for `/v1/reward`."""

    __slots__ = ()
    path = "/v1/reward"
    field = "items"

    def read(self, reply: Reply) -> list[RewardResult] | None:
        """The results, from a 200."""
        return self._checked(RewardResponse.model_validate_json(reply.body).results) if reply.status == 200 else None

    def undecided(self, error: TouchstoneError) -> list[RewardResult]:
        """Results without a reward, that say what happened."""
        return [
            RewardResult(
                id=_field(item, "id"),
                group=_field(item, "group"),
                task=_field(item, "task") or "",
                rule=_field(item, "rule") or "",
                reward=None,
                status=JudgeStatus.UNSCORED,
                reason=problem.type if problem else CLIENT_FAILED,
                detail=problem.detail if problem else str(error),
                problem=problem,
            )
            for item, problem in zip(self.items, self._excuse(error), strict=True)
        ]


def given(**fields: Any) -> dict[str, Any]:
    """The fields that were given."""
    return {name: value for name, value in fields.items() if value is not None}


def cut_cases(cases: Iterable[Case], rest: Mapping[str, Any], on_error: OnError) -> list[JudgeChunk]:
    """Requests of a few cases each."""
    cases = list(cases)
    pieces = [as_json(case, at) for at, case in enumerate(cases)]
    return [
        JudgeChunk(start, cases[start:end], b",".join(pieces[start:end]), rest, on_error)
        for start, end in _spans([(at, at + 1) for at in range(len(cases))], pieces, CHUNK_CASES)
    ]


def cut_items(items: Iterable[Rewarded], rest: Mapping[str, Any], on_error: OnError) -> list[RewardChunk]:
    """Requests of whole groups. Members of a group that stand apart in the list travel with all between them."""
    items = list(items)
    pieces = [as_json(item, at) for at, item in enumerate(items)]
    return [
        RewardChunk(start, items[start:end], b",".join(pieces[start:end]), rest, on_error)
        for start, end in _spans(_groups(items), pieces, MAX_CHUNK_ITEMS)
    ]


def _groups(items: Sequence[Rewarded]) -> list[tuple[int, int]]:
    """Spans that no group reaches across.

    >>> _groups([{"group": "a"}, {"group": "b"}, {"group": "a"}, {}, {"group": "c"}])
    [(0, 3), (3, 4), (4, 5)]
    """
    last = {group: at for at, item in enumerate(items) if (group := _field(item, "group")) is not None}
    spans: list[tuple[int, int]] = []
    start = reach = 0
    for at, item in enumerate(items):
        group = _field(item, "group")
        reach = max(reach, at if group is None else last[group])
        if at == reach:
            spans.append((start, at + 1))
            start = reach = at + 1
    return spans


def _spans(wholes: Sequence[tuple[int, int]], pieces: Sequence[bytes], most: int) -> list[tuple[int, int]]:
    """Neighbouring wholes together, while they stay within the limits on entries and bytes."""
    spans: list[tuple[int, int]] = []
    held = 0
    for start, end in wholes:
        size = sum(len(piece) for piece in pieces[start:end])
        if spans and end - spans[-1][0] <= most and held + size <= MAX_CHUNK_BYTES:
            spans[-1] = (spans[-1][0], end)
            held += size
        else:
            spans.append((start, end))
            held = size
    return spans


def _field(item: Case | Rewarded, name: str) -> Any:
    return item.get(name) if isinstance(item, Mapping) else getattr(item, name, None)


def _failed(error: TouchstoneError) -> Problem:
    return Problem(type=CLIENT_FAILED, title="No answer came from the service", status=503, detail=str(error))
