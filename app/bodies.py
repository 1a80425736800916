"""From a request's bytes to models of the contract, with complaints that say what to fix.

Rule 1: every complaint names its field as a path (`items[3].reference`) and says what to do.
"""

import json
from collections.abc import Mapping, Sequence
from typing import NoReturn, TypeVar

import msgspec
from fastapi import Request
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from app import wire
from app.errors import Malformed, TooLarge, Unusable

Model = TypeVar("Model", bound=BaseModel)


async def read_body(request: Request, max_bytes: int) -> bytes:
    """The whole body. Raises TooLarge as soon as it is known to be, before anything is parsed."""
    advice = f"at most {max_bytes} bytes; send fewer items at a time"
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > max_bytes:
        raise TooLarge(f"the body has {announced} bytes, {advice}")
    chunks = []
    size = 0
    async for chunk in request.stream():
        chunks.append(chunk)
        size += len(chunk)
        if size > max_bytes:
            raise TooLarge(f"the body has more than {max_bytes} bytes, {advice}")
    return b"".join(chunks)


def parse(body: bytes) -> object:
    """The body's JSON. Raises Malformed."""
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


def read_envelope(raw: object, model: type[Model], full: type[BaseModel]) -> Model:
    """The request's own fields. `full` names the fields that there are. Raises Unusable."""
    try:
        return model.model_validate(raw)
    except ValidationError as error:
        known = full.model_fields
        errors = [_complaint("", detail, raw, known) for detail in error.errors(include_url=False)]
        raise Unusable("the request's own fields are wrong; `errors` says what to fix", errors) from None


def read_entry(raw: object, model: type[Model], path: str) -> Model | list[wire.FieldProblem]:
    """One entry of a request, or what to fix in it."""
    try:
        entry = model.model_validate(raw)
        if options := getattr(entry, "options", None):
            msgspec.json.encode(options)  # lone surrogates hide in here
    except ValidationError as error:
        details = error.errors(include_url=False)
        if isinstance(raw, dict) and isinstance(raw.get("reference"), (str, list)):
            details = [detail for detail in details if not _other_branch(detail, raw["reference"])]
        return [_complaint(path, detail, raw, model.model_fields) for detail in details]
    except UnicodeEncodeError:
        return [wire.FieldProblem(f"{path}.options", "holds text that is not Unicode; remove lone surrogates")]
    return entry


def summary(complaints: Sequence[wire.FieldProblem]) -> str:
    """The first complaints in one line."""
    return "; ".join(f"{complaint.field}: {complaint.message}" for complaint in complaints[:3])


def _other_branch(detail: ErrorDetails, reference: object) -> bool:
    """Pydantic complains for both readings of `reference`; only the one that was meant helps."""
    branch = detail["loc"][1] if len(detail["loc"]) > 1 and detail["loc"][0] == "reference" else None
    return isinstance(branch, str) and branch.startswith("list") is isinstance(reference, str)


def repeatable(text: object, most: int) -> bool:
    """Whether a name that the caller gave can be given back."""
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
