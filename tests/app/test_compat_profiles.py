"""Task, settings and key in the URL, for trainers that have nothing else; and the documents of their routes."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.settings import Settings
from tests.app.conftest import PROFILES
from tests.app.test_process import _steady
from tests.live import LiveService

BODY = {"response": "\\boxed{42}", "label": "42"}
ROUTES = ("/get_reward", "/rm", "/verify")


def test_an_unknown_profile_lists_the_known(framework_service: LiveService) -> None:
    """A mistyped profile is a 404 that names those that there are."""
    reply = framework_service.client.post("/p/maths/rm", json=BODY)
    assert (reply.status_code, reply.json()["type"]) == (404, "unknown_profile")
    assert all(f"`{name}`" in reply.json()["detail"] for name in PROFILES)


def test_without_profiles_the_advice_is_how_to_make_one(service: LiveService) -> None:
    """Where no profile is configured, the 404 says which setting makes one."""
    assert "TOUCHSTONE_PROFILES" in service.client.post("/p/math/rm", json=BODY).json()["detail"]


@pytest.mark.parametrize(
    ("url", "headers", "status"),
    [
        ("/p/closed/rm?key=sesame", {}, 200),
        ("/p/closed/rm", {"authorization": "Bearer sesame"}, 200),
        ("/p/closed/rm", {"x-api-key": "sesame"}, 200),
        ("/p/closed/rm", {}, 401),
        ("/p/closed/rm?key=poppy", {}, 401),
        ("/p/closed/rm?key=s%C3%A9same", {}, 401),
        ("/p/math/rm?key=whatever", {}, 200),
        ("/rm?key=whatever", {}, 200),
    ],
)
def test_a_profile_may_have_a_key(
    framework_service: LiveService, url: str, headers: dict[str, str], status: int
) -> None:
    """A key opens its profile from the URL or from a header; where none is asked for, one does no harm."""
    reply = framework_service.client.post(url, json=BODY, headers=headers)
    assert reply.status_code == status, reply.text
    if status == 401:
        assert reply.json()["type"] == "wrong_key"
        assert "sesame" not in reply.text


def test_the_url_changes_single_fields_of_a_profile(framework_service: LiveService) -> None:
    """Parameters stand beside a profile's own fields, and win."""
    choice = {"response": "The answer is B.", "label": "B", "prompt": "Which? A) 1 B) 2"}
    assert framework_service.client.post("/p/math/rm?task=choice", json=choice).json() == 1.0
    undecided = {"response": "\\boxed{42}", "label": "see the book"}
    assert framework_service.client.post("/p/math/rm?on_no_verdict=zero", json=undecided).json() == 0.0
    assert framework_service.client.post("/p/math/rm?options=x", json=BODY).status_code == 422


def test_frameworks_share_the_cache_with_everybody(framework_service: LiveService) -> None:
    """What `/v1/verify` decided, a framework's route does not decide again."""
    item = {"response": "so \\boxed{x^2+2x+1}", "reference": "(x+1)^2", "question": "Expand."}
    framework_service.client.post("/v1/verify", json={"items": [item], "recall": "never"})

    def hits() -> float:
        lines = framework_service.client.get("/metrics").text.splitlines()
        (line,) = [
            one for one in lines if one.startswith('touchstone_cache_reads_total{kind="verdict",result="memory"}')
        ]
        return float(line.rsplit(" ", 1)[1])

    before = hits()
    body = {"response": item["response"], "label": item["reference"], "prompt": item["question"]}
    assert framework_service.client.post("/p/math/rm", json=body).json() == 1.0
    assert hits() == before + 1


@pytest.mark.parametrize(
    "profile", [{"rule": "dice"}, {"on_no_verdict": "value"}, {"tsak": "math"}, {"deadline_s": 0}, {"recall": "maybe"}]
)
def test_a_wrong_profile_is_found_at_the_start(profile: dict[str, Any]) -> None:
    """A mistyped profile is no setting."""
    with pytest.raises(ValidationError):
        Settings.model_validate({"profiles": {"math": profile}})


@pytest.mark.parametrize("path", ROUTES)
def test_every_request_example_does_what_the_documents_say(service: LiveService, path: str) -> None:
    """Each documented request, sent to a live service, gets the documented answer of the same name."""
    call = service.client.get("/openapi.json").json()["paths"][path]["post"]
    requests = call["requestBody"]["content"]["application/json"]["examples"]
    answers = {
        name: (int(status), example["value"])
        for status, answer in call["responses"].items()
        for content in answer["content"].values()
        for name, example in content.get("examples", {}).items()
    }
    assert requests.keys() == answers.keys()
    for name, example in requests.items():
        status, documented = answers[name]
        reply = service.client.post(path, json=example["value"])
        assert reply.status_code == status, name
        assert _steady(json.loads(reply.text)) == _steady(documented), name


def test_the_documents_name_the_urls_parameters(service: LiveService) -> None:
    """Everything that the URL may say is in the documents, and nothing else."""
    paths = service.client.get("/openapi.json").json()["paths"]
    for path in ROUTES:
        names = {one["name"] for one in paths[path]["post"]["parameters"]}
        assert names - {"format"} == {"task", "rule", "recall", "deadline_s", "on_no_verdict", "value", "key"}
    assert not [path for path in paths if path.startswith("/p/")]
