"""JSON that is well formed and means harm: lone surrogates, numbers without end, deep nests, in every operation."""

import pytest

from tests.live import LiveService

HALF = r'"\ud800"'
NEST = "[" * 50_000 + "]" * 50_000
BODIES: dict[str, list[str]] = {
    "/run_code": [
        f'{{"code": {HALF}}}',
        f'{{"code": "1", "stdin": {HALF}}}',
        f'{{"code": "1", "files": {{{HALF}: 5}}}}',
        '{"code": "1", "run_timeout": 1e999}',
        '{"code": "1", "run_timeout": NaN}',
    ],
    "/test_program": [
        f'{{"program": {HALF}, "tests": ["assert 1"]}}',
        '{"program": "", "tests": [""]}',
        '{"program": "1", "tests": ["assert 1"], "max_execution_time": 1e308}',
    ],
    "/test_program_stdio": [f'{{"program": "1", "tests": [{{"input": {HALF}, "output": "1"}}]}}'],
    "/v1/verify": [
        f'{{"items": [{{"response": {HALF}, "reference": "1"}}]}}',
        f"{{{HALF}: 1}}",
        f'{{"items": [{{"response": "1", "reference": "1", "options": {NEST}}}]}}',
        '{"items": [{"response": "1", "reference": "1", "options": {"a": 1e999}}]}',
        '{"items": [{"response": "1", "reference": "1"}], "deadline_s": 1e999}',
        '{"items": [{"response": "1", "reference": "1"}], "step": 99999999999999999999999}',
        '{"items": [{"response": "1", "reference": "", "task": "code", "options": {"tests": [99999999999999999999]}}]}',
    ],
    "/v1/judge": [f'{{"cases": [{{"question": {HALF}, "id": {HALF}, "candidates": [{{"response": "a"}}]}}]}}'],
    "/v1/reward": [f'{{"items": [{{"response": {HALF}, "reference": "1", "group": {HALF}}}]}}'],
    "/v1/explain": [f'{{"response": {HALF}, "reference": "1"}}'],
    "/get_reward": [f'{{"query": [{HALF}], "prompts": [{HALF}], "labels": ["1"]}}'],
    "/rm": [f'{{"prompt": {HALF}, "response": "1", "label": "1"}}'],
    "/verify": [f'{{"responses_create_params": {{"input": {HALF}}}, "response": {{"output": []}}}}'],
    "/seed_session": [NEST],
    "/aggregate_metrics": [f"{{{HALF}: 1}}"],
}


@pytest.mark.parametrize(("path", "body"), [(path, body) for path, bodies in BODIES.items() for body in bodies])
def test_hostile_json(judging: LiveService, path: str, body: str) -> None:
    """It is refused or answered, never a failure of ours, and the only worker still works."""
    reply = judging.client.post(path, content=body, headers={"content-type": "application/json"})
    assert reply.status_code < 500, reply.text
    good = {"items": [{"response": "\\boxed{(x+1)^2}", "reference": f"x^2+2x+1+{len(body)}-{len(body)}"}]}
    assert judging.client.post("/v1/verify", json=good).json()["results"][0]["outcome"] == "correct"
