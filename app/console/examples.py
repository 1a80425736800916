"""The documents of `POST /v1/explain` for OpenAPI; a test sends the example to a live service."""

from typing import Any

from app import examples
from touchstone_client import contract

EXPLAIN_BODY = examples.body(
    contract.VerifyRequest.__name__,
    {
        "a_fraction": {
            "summary": "How a fraction in a box was read",
            "value": {"items": [{"response": "So it is \\boxed{\\frac{2}{4}}.", "reference": "\\frac{1}{2}"}]},
        }
    },
)
EXPLAIN_RESPONSES: dict[int | str, dict[str, Any]] = {}
