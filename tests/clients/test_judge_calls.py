"""`judge` and `reward`: how lists become requests, and what stands in for results that never came."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from tests.clients.conftest import Caller, Service, call, service, status
from touchstone_client import Client, JudgeCandidate, JudgeCase, JudgeStatus, RequestRejected, RewardItem
from touchstone_client._judge_batch import CHUNK_CASES, cut_cases, cut_items
from touchstone_client.testing import canned

__all__ = ["call", "service"]


def lengths(item: Mapping[str, Any]) -> float | None:
    return len(item["response"]) / 10 if item["response"] else None


def test_judgements_and_rewards_come_back_in_order() -> None:
    """Each candidate and each item gets its own number, in the order in which they were given."""
    cases = [
        JudgeCase(id=str(n), question="?", candidates=[JudgeCandidate(response=text) for text in ("x" * n, "")])
        for n in range(40)
    ]
    items = [{"id": str(n), "response": "x" * (n % 10)} for n in range(600)]
    with Client(transport=canned(lengths)) as client:
        judged = client.judge(cases, step=3)
        rewarded = client.reward(items)
    assert [(one.id, one.candidates[0].reward, one.candidates[1].reward) for one in judged[1:]] == [
        (str(n), n / 10, None) for n in range(1, 40)
    ]
    assert [one.reward for one in rewarded] == [(n % 10) / 10 or None for n in range(600)]
    assert {one.status for one in rewarded} == {JudgeStatus.SCORED, JudgeStatus.UNSCORED}


def test_a_group_is_never_cut() -> None:
    """Members of a group travel in one request, however many they are and whatever stands between them."""
    items = [RewardItem(group=f"g{n // 100}", response="x") for n in range(1000)]
    items.insert(350, RewardItem(group="g9", response="far away"))
    chunks = cut_items(items, {}, "raise")
    homes: dict[str | None, set[int]] = {}
    for chunk in chunks:
        for item in chunk.items:
            homes.setdefault(item.group, set()).add(chunk.start)
    assert all(len(home) == 1 for home in homes.values())
    assert [item for chunk in chunks for item in chunk.items] == items
    assert len(chunks) > 1


def test_cases_travel_a_few_at_a_time() -> None:
    """A failed request loses few judgements."""
    chunks = cut_cases([{"question": "?", "candidates": []}] * 50, {"step": 7}, "raise")
    assert [len(chunk.items) for chunk in chunks] == [CHUNK_CASES] * 3 + [2]
    sent = json.loads(chunks[-1].body(10.0))
    assert (len(sent["cases"]), sent["step"], sent["deadline_s"]) == (2, 7, 9.5)


def test_a_service_that_fails_costs_rewards_only(service: Service, call: Caller) -> None:
    """With `on_error="null"` every item and case has a result without a reward that says why."""
    service.always = status(500)
    (rewarded,) = call(service.url, "reward", [{"id": "a", "group": "g", "response": "x"}], on_error="null")
    (judged,) = call(service.url, "judge", [{"id": "c", "question": "?", "candidates": []}], on_error="null")
    assert (rewarded.id, rewarded.group, rewarded.reward, rewarded.status) == ("a", "g", None, "unscored")
    assert (rewarded.reason, judged.id, judged.problem.type) == ("client_failed", "c", "client_failed")


def test_bad_entries_cost_only_themselves_and_bad_calls_are_raised(service: Service, call: Caller) -> None:
    """A request refused for its items alone gives results that say what to fix; a wrong call is raised."""
    problem = {"type": "invalid_request", "title": "T", "status": 422, "detail": "none"}
    errors = [{"field": "items[0].rule", "message": "no such rule"}]
    service.always = status(422, json.dumps({**problem, "errors": errors}).encode())
    (rewarded,) = call(service.url, "reward", [{"response": "x"}])
    assert rewarded.problem.errors[0].message == "no such rule"
    cases = {**problem, "errors": [{"field": "cases[0].question", "message": "add it"}]}
    service.always = status(422, json.dumps(cases).encode())
    assert call(service.url, "judge", [{"candidates": []}])[0].problem.errors[0].message == "add it"
    service.always = status(422, json.dumps(problem).encode())
    with pytest.raises(RequestRejected):
        call(service.url, "reward", [{"response": "x"}], on_error="null")
