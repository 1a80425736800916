"""The documents of the frameworks' own routes for OpenAPI: every example is sent to a live service by a test.

Rule 1: a request example and the response example of the same name belong together.
"""

from typing import Any

from app.examples import body, error, problem
from app.profiles import OnNoVerdict, Profile
from touchstone_client.contract import Recall

_UNTOLD = "no rule could tell whether the answer says what the reference says; no model stage is configured"
_CHOICES = {"recall": [one.value for one in Recall], "on_no_verdict": [one.value for one in OnNoVerdict]}


def _parameter(name: str, description: str, choices: list[str] | None = None) -> dict[str, Any]:
    schema = {"type": "string"} | ({"enum": choices} if choices else {})
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


PARAMETERS = [
    _parameter(name, part.description or "", _CHOICES.get(name))
    for name, part in Profile.model_fields.items()
    if name not in ("options", "key")
] + [_parameter("key", "The caller's key, where it can send no header.")]
FORMAT = _parameter("format", "`number`: the reward alone; `dict`: an object.", ["number", "dict"])

_OPENRLHF_REQUESTS: dict[str, Any] = {
    "one_sample": {
        "summary": "What OpenRLHF sends for one sample",
        "value": {
            "query": ["<|im_start|>user\n6 * 7?<|im_end|>\n<|im_start|>assistant\nIt is \\boxed{42}.<|im_end|>"],
            "prompts": ["<|im_start|>user\n6 * 7?<|im_end|>\n<|im_start|>assistant\n"],
            "labels": ["42"],
        },
    },
    "lengths": {"summary": "Refused: a prompt is missing", "value": {"query": ["6 * 7?42"], "prompts": []}},
    "no_reference": {
        "summary": "No verdict: the reference says nothing that can be compared",
        "value": {"query": ["6 * 7?\\boxed{42}"], "prompts": ["6 * 7?"], "labels": ["see the book"]},
    },
}
_OPENRLHF_SHOWN = {
    "one_sample": {
        "value": {
            "rewards": [1.0],
            "scores": [1.0],
            "extra_logs": {"touchstone_no_verdict": [0.0], "touchstone_judged": [0.0]},
        }
    }
}
_SLIME_REQUESTS: dict[str, Any] = {
    "one_sample": {
        "summary": "What slime sends",
        "value": {"prompt": "6 * 7?", "response": "It is \\boxed{42}.", "label": "42"},
    },
    "label_with_task": {
        "summary": "A label that names its task",
        "value": {
            "prompt": [{"role": "user", "content": "Which one? A) 41 B) 42"}],
            "response": "The answer is B.",
            "label": '{"task": "choice", "reference": "B"}',
        },
    },
    "unknown_task": {
        "summary": "Refused: the label names a task that there is not",
        "value": {"prompt": "6 * 7?", "response": "42", "label": {"task": "astrology", "reference": "42"}},
    },
}
_SLIME_SHOWN = {"one_sample": {"value": 1.0}, "label_with_task": {"value": 1.0}}
_GYM_ROW: dict[str, Any] = {
    "responses_create_params": {"input": [{"role": "user", "content": "6 * 7?"}]},
    "expected_answer": "42",
    "uuid": "row-17",
    "response": {
        "id": "resp",
        "object": "response",
        "output": [
            {
                "id": "msg",
                "type": "message",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "It is \\boxed{42}.", "annotations": []}],
            }
        ],
    },
}
_MASKED = {**_GYM_ROW, "expected_answer": "see the book"}
_GYM_REQUESTS: dict[str, Any] = {
    "one_row": {"summary": "A row of a math environment", "value": _GYM_ROW},
    "masked": {"summary": "No verdict: the sample is masked", "value": _MASKED},
    "no_output": {"summary": "Refused: no response object", "value": {**_GYM_ROW, "response": {"text": "42"}}},
}
_GYM_SHOWN = {
    "one_row": {
        "value": _GYM_ROW
        | {
            "reward": 1.0,
            "mask_sample": False,
            "failure_kind": None,
            "failure_reason": None,
            "reward_components": {"verifier": 1.0},
        }
    },
    "masked": {
        "value": _MASKED
        | {
            "reward": 0.0,
            "mask_sample": True,
            "failure_kind": "touchstone:undecidable",
            "failure_reason": f"no_rule: {_UNTOLD}",
            "reward_components": {},
        }
    },
}


def _responses(shown: dict[str, Any], refused: dict[str, Any], **others: Any) -> dict[int | str, dict[str, Any]]:
    return {
        200: {"content": {"application/json": {"examples": shown}}},
        404: error("The URL names an unknown profile.", {}),
        422: error("The request cannot be worked on.", refused),
        503: error("No reward could be decided, or too much work is waiting.", others),
    }


_FIELDS = "the request's own fields are wrong; `errors` says what to fix"
_NONE = "none of the 1 entries can be worked on; `errors` says what to fix"
_TASKS = (
    "no such task; the known ones: `auto`, `choice`, `code`, `exact_text`, `grid`, `instructions`, `json`, `list`, "
    "`math`, `open`, `span`, `stem`, `tools`"
)
_TITLE = "The request cannot be worked on"

OPENRLHF_BODY = body("GetRewardRequest", _OPENRLHF_REQUESTS)
OPENRLHF_RESPONSES = _responses(
    _OPENRLHF_SHOWN,
    {
        "lengths": problem(
            "invalid_request",
            _TITLE,
            422,
            _FIELDS,
            {"field": "prompts", "message": "has 0 entries for 1 queries; send one for each"},
        )
    },
    no_reference=problem(
        "no_verdict",
        "No reward could be decided",
        503,
        f"no reward could be decided (no_rule: {_UNTOLD}); to go on without one, add `?on_no_verdict=nan`, `zero` or "
        "`value` to the URL",
    ),
)
SLIME_BODY = body("RmRequest", _SLIME_REQUESTS)
SLIME_RESPONSES = _responses(
    _SLIME_SHOWN,
    {"unknown_task": problem("invalid_request", _TITLE, 422, _NONE, {"field": "label.task", "message": _TASKS})},
)
GYM_BODY = body("VerifyBody", _GYM_REQUESTS)
GYM_RESPONSES = _responses(
    _GYM_SHOWN,
    {
        "no_output": problem(
            "invalid_request",
            _TITLE,
            422,
            "the response cannot be read",
            {
                "field": "response.output",
                "message": "must be a list of output items, as OpenAI's Responses API has it",
            },
        )
    },
)
