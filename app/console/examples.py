"""The documents of `POST /v1/explain` for OpenAPI; a test sends the example to a live service."""

from typing import Any

from app import examples
from touchstone_client import contract

_FRACTION = {
    "result": {
        "id": None,
        "task": "math",
        "outcome": "correct",
        "reward": 1.0,
        "answer": "\\frac{2}{4}",
        "decided_by": {"stage": "rules", "name": "same_number"},
        "reason": "\\frac{2}{4} is \\frac{1}{2}",
        "cached": False,
        "details": None,
        "timings_ms": {"quick": 0.18},
        "rules": {"outcome": "correct", "name": "same_number", "reason": "\\frac{2}{4} is \\frac{1}{2}"},
        "model": None,
        "problem": None,
    },
    "explanation": {
        "task": "math",
        "how": "box",
        "answer": "\\frac{2}{4}",
        "parts": [],
        "refusal": None,
        "hedged": False,
        "compared": [
            {
                "reference": "\\frac{1}{2}",
                "same": True,
                "rule": "same_number",
                "answer_read": {"text": "\\frac{2}{4}", "tree": "Div\n  top: Num num=2\n  bottom: Num num=4"},
                "reference_read": {"text": "\\frac{1}{2}", "tree": "Div\n  top: Num num=1\n  bottom: Num num=2"},
                "passed": [],
                "steps": [],
                "unreadable": None,
            }
        ],
    },
    "places": [[16, 27]],
    "heard": [],
    "threshold": 0.8,
    "model": None,
    "elapsed_ms": 4.0,
}

EXPLAIN_BODY = examples.body(
    contract.VerifyRequest.__name__,
    {
        "a_fraction": {
            "summary": "How a fraction in a box was read",
            "value": {"items": [{"response": "So it is \\boxed{\\frac{2}{4}}.", "reference": "\\frac{1}{2}"}]},
        },
        "two_items": {
            "summary": "Refused: one item at a time",
            "value": {"items": [{"response": "1", "reference": "1"}, {"response": "2", "reference": "2"}]},
        },
    },
)
EXPLAIN_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {"content": {"application/json": {"examples": {"a_fraction": {"value": _FRACTION}}}}},
    422: examples.error(
        "Not exactly one item that can be worked on.",
        {
            "two_items": examples.problem(
                "invalid_request",
                "The request cannot be worked on",
                422,
                "one item at a time is explained, not 2; send the others to /v1/verify",
            )
        },
    ),
}
