"""From a request's bytes to items that can be worked on, one by one.

Rule 1: one bad item never fails its batch. Fast path: everything decodes at once. Otherwise the envelope is
        read first and then each item by itself, by the contract's own models, which say what is wrong.
Rule 2: every complaint names its field as a path (`items[3].reference`) and says what to do.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import msgspec
from fastapi import Request
from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from app import wire
from app.errors import Malformed, TooLarge, Unusable, invalid_item
from touchstone_client import contract
from touchstone_client.contract import Recall
from verifiers.problem import Problem

if TYPE_CHECKING:
    from verifiers.registry import Verifier


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item that cannot be worked on."""

    id: str | None
    task: str
    problem: wire.Problem


@dataclass(frozen=True, slots=True)
class Accepted:
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


class _Envelope(contract.VerifyRequest):
    """The request with its items left unread."""

    items: Annotated[list[Any], Field(min_length=1, max_length=contract.MAX_ITEMS)]


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises TooLarge as soon as it is known to be, before anything is parsed."""
    advice = f"at most {max_bytes} bytes; send fewer items at a time"
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise TooLarge(f"the body has {announced} bytes, {advice}")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > max_bytes:
            raise TooLarge(f"the body has more than {max_bytes} bytes, {advice}")
    return bytes(body)


def read(body: bytes, verifiers: "Mapping[str, Verifier]") -> Batch:
    """Read a request. Raises Malformed, and Unusable when not one item can be worked on."""
    try:
        fast = wire.decode_request(body)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        batch = _read_slowly(body, verifiers)
    else:
        items = [_judge(item, index, verifiers) for index, item in enumerate(fast.items)]
        batch = Batch(items, fast.recall, fast.deadline_s, fast.opinions)
    rejected = [item for item in batch.items if isinstance(item, Rejected)]
    if len(rejected) == len(batch.items):
        errors = [error for item in rejected for error in item.problem.errors]
        raise Unusable(f"none of the {len(rejected)} items can be worked on; `errors` says what to fix", errors)
    return batch


def _judge(item: wire.Item, index: int, verifiers: "Mapping[str, Verifier]") -> Accepted | Rejected:
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
    raw = _parse(body)
    try:
        envelope = _Envelope.model_validate(raw)
    except ValidationError as error:
        known = contract.VerifyRequest.model_fields
        errors = [_complaint("", detail, raw, known) for detail in error.errors(include_url=False)]
        raise Unusable("the request's own fields are wrong; `errors` says what to fix", errors) from None
    items = [_read_item(raw_item, index, verifiers) for index, raw_item in enumerate(envelope.items)]
    return Batch(items, envelope.recall, envelope.deadline_s, envelope.opinions)


def _parse(body: bytes) -> object:
    # The standard library's parser lets lone surrogates through, so that only their item fails.
    try:
        return json.loads(body.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Malformed(f"the body is not UTF-8: byte {error.start} cannot be read; encode it as UTF-8") from None
    except ValueError as error:
        raise Malformed(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise Malformed("the body is nested too deeply") from None


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _read_item(raw: object, index: int, verifiers: "Mapping[str, Verifier]") -> Accepted | Rejected:
    try:
        item = contract.VerifyItem.model_validate(raw)
        if item.options:
            msgspec.json.encode(item.options)  # lone surrogates hide in here
    except ValidationError as error:
        known = contract.VerifyItem.model_fields
        details = error.errors(include_url=False)
        if isinstance(raw, dict) and isinstance(raw.get("reference"), (str, list)):
            details = [detail for detail in details if not _other_branch(detail, raw["reference"])]
        complaints = [_complaint(f"items[{index}]", detail, raw, known) for detail in details]
        summary = "; ".join(f"{complaint.field}: {complaint.message}" for complaint in complaints[:3])
        return Rejected(*_name(raw), invalid_item(summary, complaints))
    except UnicodeEncodeError:
        return _reject(*_name(raw), f"items[{index}].options", "holds text that is not Unicode; remove lone surrogates")
    read_item = wire.Item(item.response, item.reference, item.id, item.task, item.question, item.options)
    return _judge(read_item, index, verifiers)


def _other_branch(detail: ErrorDetails, reference: object) -> bool:
    """Pydantic complains for both readings of `reference`; only the one that was meant helps."""
    branch = detail["loc"][1] if len(detail["loc"]) > 1 and detail["loc"][0] == "reference" else None
    return isinstance(branch, str) and branch.startswith("list") is isinstance(reference, str)


def _name(raw: object) -> tuple[str | None, str]:
    """What the item calls itself, as far as that can be repeated."""
    fields = raw if isinstance(raw, dict) else {}
    item_id, task = fields.get("id"), fields.get("task", contract.VerifyItem.model_fields["task"].default)
    return (
        item_id if _repeatable(item_id, contract.MAX_ID_CHARS) else None,
        task if _repeatable(task, contract.MAX_TASK_CHARS) else "",
    )


def _repeatable(text: object, most: int) -> bool:
    return isinstance(text, str) and len(text) <= most and not any("\ud800" <= char <= "\udfff" for char in text)


def _complaint(root: str, detail: ErrorDetails, raw: object, known: Mapping[str, object]) -> wire.FieldProblem:
    location: Sequence[int | str] = detail["loc"]
    if location and location[0] == "reference":
        location = [location[0], *(part for part in location[1:] if isinstance(part, int))]
    path = root
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else part
    # A misspelt field may be anything: it is a name of the caller's, repeat it only so far.
    return wire.FieldProblem(_printable(path)[:200] or "(body)", _advice(detail, raw, known))


def _printable(text: str) -> str:
    return text.encode(errors="replace").decode()


def _advice(detail: ErrorDetails, raw: object, known: Mapping[str, object]) -> str:
    context = detail.get("ctx", {})
    match detail["type"]:
        case "missing":
            return "is required; add it"
        case "extra_forbidden":
            return f"no such field; remove it or check its spelling (known: {', '.join(known)})"
        case "string_too_long":
            return f"has more than {context['max_length']} characters; shorten it"
        case "too_long":
            return f"has more than {context['max_length']} entries; send fewer"
        case "too_short":
            return "must have at least one entry"
        case "string_unicode":
            return "is not Unicode text; remove lone surrogates"
        case "string_type" | "list_type" if detail["loc"] and detail["loc"][0] == "reference":
            return "must be a string or a non-empty list of strings"
        case "model_type" | "model_attributes_type":
            return f"must be a JSON object, not {_json_type(raw)}"
        case _:
            return f"{detail['msg'][:1].lower()}{detail['msg'][1:]}"


def _json_type(value: object) -> str:
    names = {str: "a string", list: "an array", bool: "a boolean", int: "a number", float: "a number"}
    return names.get(type(value), "null")
