"""The routes of a NeMo Gym resources server, with what its agents and Axolotl send."""

import json
from typing import Any

import pytest

from app import wire
from app.routes.compat_nemo_gym import failure_kind
from tests.app.conftest import PROFILES
from tests.live import LiveService
from touchstone_client.contract import Outcome
from touchstone_client.contract_judge import JudgeStatus


def row(text: str, **fields: Any) -> dict[str, Any]:
    """As Axolotl sends it: the row, the question and a response object."""
    message = {
        "id": "msg",
        "role": "assistant",
        "type": "message",
        "status": "completed",
        "content": [{"type": "output_text", "text": text, "annotations": []}],
    }
    return {
        "responses_create_params": {"input": [{"role": "user", "content": "6 * 7?"}]},
        "response": {
            "id": "resp",
            "created_at": 0,
            "model": "axolotl",
            "object": "response",
            "output": [{"type": "reasoning", "id": "r", "summary": []}, message],
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
        },
        **fields,
    }


def verify(service: LiveService, body: dict[str, Any], url: str = "/verify") -> dict[str, Any]:
    reply = service.client.post(url, json=body)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = json.loads(reply.text)
    return answer


def test_a_row_comes_back_with_its_reward(framework_service: LiveService) -> None:
    """All that was sent is echoed, known or not, beside the reward and its components."""
    body = row("It is \\boxed{42}.", expected_answer="42", uuid="r-1", nested={"a": [None, 1.5]})
    told = {
        "reward": 1.0,
        "mask_sample": False,
        "failure_kind": None,
        "failure_reason": None,
        "reward_components": {"verifier": 1.0},
    }
    assert verify(framework_service, body) == body | told
    assert verify(framework_service, row("\\boxed{41}", expected_answer="42"))["reward"] == 0.0


def test_no_verdict_is_masked(framework_service: LiveService) -> None:
    """A sample that could not be scored is masked and says whose fault it is, in Gym's words."""
    answer = verify(framework_service, row("\\boxed{42}", expected_answer="see the book"), "/verify?recall=never")
    assert (answer["reward"], answer["mask_sample"], answer["failure_kind"]) == (0.0, True, "touchstone:undecidable")
    assert "no rule could tell" in answer["failure_reason"]
    other = verify(
        framework_service, row("\\boxed{42}", expected_answer="see the book"), "/p/code/verify?task=math&recall=never"
    )
    assert (other["reward"], other["mask_sample"]) == (0.25, True)


def test_metadata_carries_tests_or_an_item(framework_service: LiveService) -> None:
    """Rows of code environments bring unit tests; others may bring a task and a rubric."""
    judged = row("Blue, quality=9.", verifier_metadata={"task": "open", "rubric": [{"id": "sea", "text": "The sea."}]})
    answer = verify(framework_service, judged)
    assert (answer["reward"], answer["reward_components"]["judge"]) == (1.0, 1.0)
    tests = {"inputs": ["2\n"], "outputs": ["5\n"], "fn_name": None}
    ran = verify(framework_service, row("```python\nprint(4)\n```", verifier_metadata={"unit_tests": tests}))
    if ran["mask_sample"]:
        pytest.skip("programs cannot be run here")
    assert (ran["reward"], ran["mask_sample"]) == (0.0, False)


def test_sessions_are_nothing_and_answers_can_be_verified_again(framework_service: LiveService) -> None:
    """Seeding and closing keep no state, in the older and the newer form; the service is stateless and says so."""
    post = framework_service.client.post
    named = {"resources_session_id": "s1", "episode_id": "e", "task_id": "t", "task_data": {}}
    for path in ("/seed_session", "/close_session"):
        assert post(path, json={}).json() == {}
        assert post(path, json=named).json() == {"resources_session_id": "s1"}
    assert framework_service.client.get("/reverify_mode").json() == "stateless"


def test_metrics_leave_masked_samples_out(framework_service: LiveService) -> None:
    """Means are over measured samples, for each row and overall; the masked are a share of their own."""
    answers = [
        {"_ng_task_index": 0, "reward": 1.0},
        {"_ng_task_index": 0, "reward": 0.0, "mask_sample": True},
        {"_ng_task_index": 1, "reward": 0.0, "mask_sample": False},
        {"_ng_task_index": 1, "reward": 0.0},
    ]
    told = framework_service.client.post("/aggregate_metrics", json={"verify_responses": answers}).json()
    assert told["agent_metrics"] == {"mean/reward": pytest.approx(1 / 3), "masked_share": 0.25}
    assert told["group_level_metrics"] == [
        {"_ng_task_index": 0, "mean/reward": 1.0, "masked_share": 0.5},
        {"_ng_task_index": 1, "mean/reward": 0.0, "masked_share": 0.0},
    ]
    assert framework_service.client.post("/aggregate_metrics", json={"verify_responses": []}).status_code == 200


def test_axolotl_finds_the_service_and_its_profiles(framework_service: LiveService) -> None:
    """The directory is JSON in a JSON string; Axolotl's `http://{host}:{port}/verify` leads to each server."""
    reply = framework_service.client.get("/global_config_dict_yaml")
    directory = json.loads(json.loads(reply.text))
    urls = {
        name: f"http://{server['host']}:{server['port']}/verify"
        for one in directory.values()
        for name, server in one["resources_servers"].items()
    }
    assert urls["touchstone"] == f"{framework_service.url}/verify"
    assert urls.keys() == {"touchstone", *PROFILES} - {"closed"}
    for name in ("touchstone", "math"):
        answer = framework_service.client.post(urls[name], json=row("\\boxed{42}", expected_answer="42"))
        assert answer.json()["reward"] == 1.0


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/verify", {"expected_answer": "4"}, "response"),
        ("/verify", {"expected_answer": "4", "response": {"text": "4"}}, "response.output"),
        ("/verify", row("4", expected_answer=["4" * 100_001]), "expected_answer[0]"),
        ("/verify", row("4", verifier_metadata={"task": "alchemy", "reference": "4"}), "verifier_metadata.task"),
        ("/aggregate_metrics", {}, "verify_responses"),
        ("/seed_session", {"resources_session_id": 7}, "resources_session_id"),
    ],
)
def test_bad_requests_say_what_to_fix(
    framework_service: LiveService, path: str, body: dict[str, Any], field: str
) -> None:
    """A row without a response, and what its reference cannot be, are named in the row's own words."""
    reply = framework_service.client.post(path, json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")
    assert reply.json()["errors"][0]["field"] == field


def undecided(stage: str, name: str, judged: str | None = None) -> wire.RewardResult:
    verdict = wire.VerifyResult("math", Outcome.UNDECIDABLE, None, wire.DecidedBy(stage, name), "why")
    judge = wire.CandidateResult(JudgeStatus.UNSCORED, None, reason=judged) if judged else None
    parts = wire.RewardComponents(verdict, judge)
    return wire.RewardResult("math", "verifier", None, JudgeStatus.UNSCORED, name, components=parts)


@pytest.mark.parametrize(
    ("result", "kind"),
    [
        (undecided("rules", "no_rule"), "touchstone:undecidable"),
        (undecided("service", "deadline"), "touchstone:deadline"),
        (undecided("service", "worker_died"), "verifier_error"),
        (undecided("model", "qwen"), "judge_failed"),
        (undecided("rules", "same_text", "backend_unavailable"), "judge_failed"),
        (undecided("rules", "same_text", "judge_unparsable"), "judge_unparseable"),
    ],
)
def test_failures_have_gyms_names(result: wire.RewardResult, kind: str) -> None:
    """Each way to have no verdict has a name of few, so that it can be grouped by."""
    assert failure_kind(result) == kind
