"""The service over HTTP with a real vLLM server behind it, and with a proxy between them that drops constraints.

The tiny model writes nonsense: looked at is the form of everything, never an opinion.
"""

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from grm.judge import UNCONSTRAINED
from grm.vllm_server import SupervisedBackend
from tests.live import LiveService
from tests.scripted_openai import Act, Asked, Json, ScriptedOpenAI

pytestmark = [pytest.mark.vllm, pytest.mark.asyncio(loop_scope="session")]

DEADLINE_S = 290.0
CONSTRAINTS = ("structured_outputs", "response_format", "grammar")
QUESTION = "How far does a car go in 2 hours at 75 km/h?"
RIGHT, WRONG = "It goes 2 * 75 = 150, so 150 km.", "75 + 2 = 77. The distance is 77 km."
RUBRIC = [
    {"id": "unit", "text": "States the unit", "kind": "essential"},
    {"id": "steps", "text": "Shows the steps"},
    {"id": "filler", "text": "Repeats the question", "kind": "pitfall"},
]
MALFORMED = {"judge_unparsable", "judge_truncated", "judge_off_scale", "judge_no_verdict"}


def cases() -> list[dict[str, Any]]:
    """Every protocol, with and without what its schema depends on."""
    two = [{"response": RIGHT}, {"response": WRONG}]
    both = ["outcome", "process"]
    given = {"question": QUESTION, "candidates": two, "votes": 1}
    return [
        {**given, "protocol": protocol, "reference": "150 km", "id": f"{protocol}-reference"}
        for protocol in ("pointwise", "process", "pairwise", "listwise", "label")
    ] + [
        {**given, "rubric": RUBRIC, "aspects": both, "id": "rubric-both"},
        {**given, "kind": "answer", "id": "own-answer"},
        {**given, "question": "写一首关于雪的诗。", "candidates": two[:1], "id": "open-own-criteria"},
        {**given, "reference": "150 km", "rubric": RUBRIC, "protocol": "listwise", "id": "listwise-rubric"},
    ]


def served(folder: Path, source: str, **settings: str) -> LiveService:
    """The service, asking the server at `source`."""
    own = {
        "TOUCHSTONE_MODEL__SOURCE": source,
        "TOUCHSTONE_POOL__WORKERS": "1",
        # The nonsense model pays an empty response as often as any other.
        "TOUCHSTONE_JUDGE__EMPTY_CONTROL": "false",
        "TOUCHSTONE_JUDGE__WRONG_CONTROL_SHARE": "0",
        "TOUCHSTONE_JUDGE__MAX_TOKENS": "6000",
        "TOUCHSTONE_JUDGE__MAX_VOTES": "1",
        "TOUCHSTONE_JUDGE__TIMEOUT_S": str(DEADLINE_S),
        "TOUCHSTONE_JUDGE__LOG_FILE": str(folder / "judgements.jsonl"),
        "TOUCHSTONE_CACHE__FILE": str(folder / "cache.sqlite3"),
    }
    return LiveService(folder, own | settings).wait_ready()


def ask(service: LiveService, path: str, **body: Any) -> dict[str, Any]:
    """The body of a 200."""
    reply = service.client.post(path, json={"deadline_s": DEADLINE_S, **body}, timeout=DEADLINE_S + 10)
    assert reply.status_code == 200, reply.text
    answer: dict[str, Any] = reply.json()
    return answer


def component(service: LiveService, name: str) -> dict[str, Any]:
    """What readiness says of a part, once its model has been probed."""
    for _ in range(600):
        told: dict[str, Any] = service.client.get("/readyz").json()["components"][name]
        if told["capabilities"]:
            return told
    raise TimeoutError("the model was never probed")


@pytest.fixture(scope="module")
def service(roomy: SupervisedBackend, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveService]:
    """The service beside the server."""
    assert roomy.url is not None
    running = served(tmp_path_factory.mktemp("service"), roomy.url)
    component(running, "judge")
    yield running
    running.stop()


async def test_readiness_tells_what_was_seen_to_work(service: LiveService) -> None:
    """Label and schema are proved apart; the dialect is found by itself."""
    seen = component(service, "judge")["capabilities"]
    assert (seen["constraint"], seen["schema"]) == ("structured_outputs", "structured_outputs")
    assert (seen["dialect"], seen["logprobs"], seen["notes"]) == ("vllm", True, [])


async def test_every_judgement_over_http_has_the_shape(service: LiveService) -> None:
    """All protocols, nine cases: not one reply is malformed, every scored candidate has its numbers."""
    results = ask(service, "/v1/judge", cases=cases())["results"]
    judged = [(result["id"], one) for result in results for one in result["candidates"]]
    assert len(judged) == 17
    assert not [(name, one["reason"], one["detail"]) for name, one in judged if one["reason"] in MALFORMED]
    # "No wrong step" beside a list of errors is well-formed nonsense.
    assert {one["reason"] for _, one in judged} <= {None, "judge_contradictory", "low_agreement"}
    assert all(0.0 <= one["reward"] <= 1.0 for _, one in judged if one["status"] == "scored")
    assert all(UNCONSTRAINED not in one["flags"] for _, one in judged)
    masses = [one["label_mass"] for name, one in judged if one["protocol"] in ("pointwise", "label") and one["reward"]]
    assert masses
    assert all(0.0 < mass <= 1.0 for mass in masses)
    logged = (service.folder / "judgements.jsonl").read_text().splitlines()
    replies = [exchange["reply"] for line in logged for exchange in json.loads(line)["exchanges"]]
    written = [reply for reply in replies if reply["completion_tokens"] > 1]
    assert len(written) >= 12
    for reply in written:
        assert reply["finish_reason"] == "stop"
        json.loads(reply["text"], strict=False)


async def test_the_same_request_gives_the_same_scores(
    service: LiveService, roomy: SupervisedBackend, tmp_path: Path
) -> None:
    """Another service with an empty cache, the same seed, temperature 0: the same rewards to the last bit."""
    assert roomy.url is not None
    wanted = [one for one in cases() if one["id"] in ("own-answer", "pointwise-reference", "label-reference")]
    other = served(tmp_path, roomy.url)
    try:
        component(other, "judge")
        told = [ask(one, "/v1/judge", cases=wanted)["results"] for one in (service, other)]
    finally:
        other.stop()
    first, second = (
        [[(one["reward"], one["votes"], one["label_mass"]) for one in result["candidates"]] for result in results]
        for results in told
    )
    assert first == second
    assert not any(result["cached"] for result in told[1])


async def test_rewards_over_http(service: LiveService) -> None:
    """Verifier, judge and both: what the rules decide is final, what the judge adds comes with its status."""
    shared = {"question": QUESTION, "reference": "150 km", "task": "math", "votes": 1}
    items = [
        {**shared, "id": "verifier", "response": RIGHT},
        {**shared, "id": "both", "response": RIGHT, "rule": "verifier_then_process"},
        {**shared, "id": "wrong", "response": WRONG, "rule": "verifier_then_process"},
        {"id": "open", "question": "Write a line about snow.", "response": "Snow on the pine.", "votes": 1},
        {"id": "empty", "question": "Write a line about snow.", "response": ""},
    ]
    results = {one["id"]: one for one in ask(service, "/v1/reward", items=items, recall="never")["results"]}
    assert (results["verifier"]["reward"], results["wrong"]["reward"]) == (1.0, 0.0)
    assert (results["empty"]["reward"], results["empty"]["status"]) == (0.0, "rejected")
    for name in ("both", "open"):
        assert results[name]["status"] == "scored", results[name]
        assert 0.0 <= results[name]["reward"] <= 1.0


async def test_the_second_look_over_http(service: LiveService) -> None:
    """What the rules refuse goes to the model, and what it says is read from a label with enough mass."""
    item = {"question": "Name the city.", "response": "The answer is \\boxed{the big one}", "reference": "Metropolis"}
    (result,) = ask(service, "/v1/verify", items=[item], recall="auto")["results"]
    assert result["model"] is not None, result
    assert "the model says yes with 0." in result["model"]["reason"]
    assert result["reward"] in (0.0, 1.0, None)


async def test_a_server_that_drops_constraints_is_seen_through(roomy: SupervisedBackend, tmp_path: Path) -> None:
    """A gateway that strips the fields and answers 200: readiness says so, and nothing unreadable is scored."""

    def strip(asked: Asked) -> Act:
        body = {name: value for name, value in asked.body.items() if name not in CONSTRAINTS}
        # Unheld, the nonsense model writes to the end of its room.
        body |= {"max_tokens": min(body["max_tokens"], 64)} if body else {}
        data = json.dumps(body).encode() if body else None
        request = urllib.request.Request(f"{roomy.url}{asked.path}", data, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=120) as reply:
                return Json(json.load(reply))
        except urllib.error.HTTPError as error:
            return Json(json.load(error), error.code)

    with ScriptedOpenAI(strip) as gateway:
        running = served(tmp_path, gateway.url)
        try:
            told = component(running, "judge")
            results = ask(running, "/v1/judge", cases=cases())["results"]
        finally:
            running.stop()
    seen = told["capabilities"]
    assert (seen["constraint"], seen["schema"], seen["logprobs"]) == ("none", "none", True)
    assert "no JSON schema: replies are read as they come" in told["detail"]
    assert len([note for note in seen["notes"] if "is ignored" in note]) == 6
    for result in results:
        for one in result["candidates"]:
            if one["protocol"] == "label":
                assert one["label_mass"] > 0.5
            else:
                assert (one["status"], one["reward"]) == ("unscored", None)
                assert UNCONSTRAINED in one["flags"]
