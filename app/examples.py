"""The documents of `POST /v1/verify` for OpenAPI: every example is sent to a live service by a test.

Rule 1: a request example and the response example of the same name belong together.
"""

from typing import Any

from touchstone_client import contract

_NO_SUCH_TASK = (
    "no such task; the known ones: `auto`, `choice`, `code`, `exact_text`, `grid`, `instructions`, `json`, `list`, "
    "`math`, `span`, `stem`, `tools`"
)

_REQUESTS: dict[str, Any] = {
    "one_item": {
        "summary": "One response against one reference",
        "value": {"items": [{"response": "42", "reference": "42"}]},
    },
    "several_references": {
        "summary": "A batch with names, a question and alternatives, rules alone",
        "value": {
            "recall": "never",
            "deadline_s": 10,
            "items": [
                {"id": "a", "response": "7", "reference": ["7", "seven"], "question": "What is 3 + 4?"},
                {"id": "b", "response": "12", "reference": "12"},
            ],
        },
    },
    "one_bad_item": {
        "summary": "A bad item does not fail its batch",
        "value": {"items": [{"response": "42", "reference": "42"}, {"id": "bad", "response": "42"}]},
    },
    "unknown_task": {
        "summary": "Refused: nothing in it can be worked on",
        "value": {"items": [{"task": "astrology", "response": "42", "reference": "42"}]},
    },
    "model_not_configured": {
        "summary": "Refused: asks for a model where none is configured",
        "value": {"recall": "always", "items": [{"response": "42", "reference": "42"}]},
    },
}


def _result(**fields: Any) -> dict[str, Any]:
    correct = {
        "id": None,
        "task": "math",
        "outcome": "correct",
        "reward": 1.0,
        "answer": "42",
        "decided_by": {"stage": "rules", "name": "same_text"},
        "reason": "the same text",
        "cached": False,
        "details": None,
        "timings_ms": {"quick": 0.01},
        "rules": {"outcome": "correct", "name": "same_text", "reason": "the same text"},
        "model": None,
        "problem": None,
    }
    return correct | fields


_MISSING = {"field": "items[1].reference", "message": "is required; add it"}
_RESPONSES: dict[str, Any] = {
    "one_item": {"value": {"results": [_result()], "model": None, "alarms": [], "elapsed_ms": 0.4}},
    "several_references": {
        "value": {
            "results": [_result(id="a", answer="7"), _result(id="b", answer="12")],
            "model": None,
            "alarms": [],
            "elapsed_ms": 0.5,
        }
    },
    "one_bad_item": {
        "value": {
            "results": [
                _result(),
                _result(
                    id="bad",
                    outcome="undecidable",
                    reward=None,
                    answer=None,
                    decided_by={"stage": "service", "name": "invalid_item"},
                    reason="items[1].reference: is required; add it",
                    timings_ms={},
                    rules=None,
                    problem={
                        "type": "invalid_item",
                        "title": "The item cannot be worked on",
                        "status": 422,
                        "detail": "items[1].reference: is required; add it",
                        "errors": [_MISSING],
                    },
                ),
            ],
            "model": None,
            "alarms": [],
            "elapsed_ms": 0.4,
        }
    },
}


def problem(kind: str, title: str, status: int, detail: str, *errors: dict[str, str]) -> dict[str, Any]:
    """The example of a problem."""
    return {"value": {"type": kind, "title": title, "status": status, "detail": detail, "errors": list(errors)}}


_MALFORMED = {
    "not_json": problem(
        "malformed",
        "The request cannot be read",
        400,
        "the body is not JSON: Expecting value: line 1 column 1 (char 0)",
    )
}
_TOO_LARGE = {
    "too_large": problem(
        "too_large",
        "The request body is too large",
        413,
        "the body has 70000000 bytes, at most 67108864 bytes; send fewer items at a time",
    )
}
_UNUSABLE = {
    "unknown_task": problem(
        "invalid_request",
        "The request cannot be worked on",
        422,
        "none of the 1 items can be worked on; `errors` says what to fix",
        {
            "field": "items[0].task",
            "message": _NO_SUCH_TASK,
        },
    ),
    "model_not_configured": problem(
        "model_not_configured",
        "No model is configured",
        422,
        "`recall: always` needs a model: start the service with `--model http://HOST:PORT/v1` or "
        "`--model vllm:NAME` (TOUCHSTONE_MODEL__SOURCE), or ask for `auto` or `never`",
    ),
}
_BUSY = {
    "queue_full": problem(
        "queue_full",
        "The service is busy",
        503,
        "the service has as much work waiting as it may hold; send it again in 1 s",
    )
}


def error(description: str, examples: dict[str, Any]) -> dict[str, Any]:
    """The documents of an error status."""
    schema = {"$ref": "#/components/schemas/Problem"}
    return {
        "description": description,
        "content": {"application/problem+json": {"schema": schema, "examples": examples}},
    }


def body(model: str, examples: dict[str, Any]) -> dict[str, Any]:
    """The documents of a request body."""
    schema = {"$ref": f"#/components/schemas/{model}"}
    return {"required": True, "content": {"application/json": {"schema": schema, "examples": examples}}}


VERIFY_BODY = body(contract.VerifyRequest.__name__, _REQUESTS)
VERIFY_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"examples": _RESPONSES}}},
    400: error("Not JSON, or not UTF-8.", _MALFORMED),
    413: error("The body is too large.", _TOO_LARGE),
    422: error("Nothing in the request can be worked on.", _UNUSABLE),
    503: error("Too much work is waiting; see Retry-After.", _BUSY),
}
