"""From a request's bytes to items that can be worked on, one by one.

Rule 1: one bad item never fails its batch. Fast path: everything decodes at once. Otherwise the envelope is
        read first and then each item by itself, by the contract's own models, which say what is wrong.
Rule 2: every complaint names its field as a path (`items[3].reference`) and says what to do.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from pydantic import Field

from app import wire
from app.bodies import parse, read_entry, read_envelope, repeatable, summary
from app.errors import Unusable, invalid_item
from touchstone_client import contract
from touchstone_client.contract import Recall
from verifiers.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from verifiers.registry import Verifier


class Rejected(msgspec.Struct, frozen=True):
    """An item that cannot be worked on."""

    id: str | None
    task: str
    problem: wire.Problem


class Accepted(msgspec.Struct, frozen=True):
    """An item that can."""

    id: str | None
    task: str
    problem: Problem


@dataclass(frozen=True, slots=True)
class Batch:
    """A request, read."""

    items: list[Accepted | Rejected]
    recall: Recall
    deadline_s: float | None
    opinions: bool
    step: int | None = None


class _Envelope(contract.VerifyRequest):
    """The request with its items left unread."""

    items: Annotated[list[Any], Field(min_length=1, max_length=contract.MAX_ITEMS)]


def read(body: bytes, verifiers: "Mapping[str, Verifier]") -> Batch:
    """Read a request. Raises Malformed, and Unusable when not one item can be worked on."""
    try:
        fast = wire.decode_request(body)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        batch = _read_slowly(body, verifiers)
    else:
        items = [check_item(item, index, verifiers) for index, item in enumerate(fast.items)]
        batch = Batch(items, fast.recall, fast.deadline_s, fast.opinions, fast.step)
    rejected = [item for item in batch.items if isinstance(item, Rejected)]
    if len(rejected) == len(batch.items):
        errors = [error for item in rejected for error in item.problem.errors]
        raise Unusable(f"none of the {len(rejected)} items can be worked on; `errors` says what to fix", errors)
    return batch


def check_item(item: wire.Item, index: int, verifiers: "Mapping[str, Verifier]") -> Accepted | Rejected:
    """What the shape does not tell: the task and its options."""
    verifier = verifiers.get(item.task)
    if verifier is None:
        known = ", ".join(f"`{name}`" for name in sorted(verifiers))
        return _reject(item.id, item.task, f"items[{index}].task", f"no such task; the known ones: {known}")
    complaint = verifier.check_options(item.options)
    if complaint is not None:
        return _reject(item.id, item.task, f"items[{index}].options", complaint)
    references = (item.reference,) if isinstance(item.reference, str) else tuple(item.reference)
    return Accepted(item.id, item.task, Problem(item.response, references, item.question, item.options))


def _reject(item_id: str | None, task: str, field: str, message: str) -> Rejected:
    error = wire.FieldProblem(field, message)
    return Rejected(item_id, task, invalid_item(f"{field}: {message}", [error]))


def _read_slowly(body: bytes, verifiers: "Mapping[str, Verifier]") -> Batch:
    envelope = read_envelope(parse(body), _Envelope, contract.VerifyRequest)
    items = [_read_item(raw_item, index, verifiers) for index, raw_item in enumerate(envelope.items)]
    return Batch(items, envelope.recall, envelope.deadline_s, envelope.opinions, envelope.step)


def _read_item(raw: object, index: int, verifiers: "Mapping[str, Verifier]") -> Accepted | Rejected:
    item = read_entry(raw, contract.VerifyItem, f"items[{index}]")
    if isinstance(item, list):
        return Rejected(*_name(raw), invalid_item(summary(item), item))
    read_item = wire.Item(item.response, item.reference, item.id, item.task, item.question, item.options)
    return check_item(read_item, index, verifiers)


def _name(raw: object) -> tuple[str | None, str]:
    """What the item calls itself, as far as that can be repeated."""
    fields = raw if isinstance(raw, dict) else {}
    item_id, task = fields.get("id"), fields.get("task", contract.VerifyItem.model_fields["task"].default)
    return (
        item_id if repeatable(item_id, contract.MAX_ID_CHARS) else None,
        task if repeatable(task, contract.MAX_TASK_CHARS) else "",
    )
