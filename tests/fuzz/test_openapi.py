"""Some hundred requests made from our own OpenAPI document; `make fuzz` sends many more."""

import pytest

from tests.fuzz.openapi import fuzz
from tests.live import LiveService

pytest.importorskip("schemathesis", reason="needs schemathesis")


def test_nothing_breaks_and_the_document_is_true(judging: LiveService) -> None:
    """Whatever is sent to any operation, the answer is no server error and has the documented status and shape."""
    fuzzed = fuzz(judging, examples=4, phases="examples,fuzzing", seed=7)
    assert fuzzed.status == 0, fuzzed.report
    assert fuzzed.requests > 50
