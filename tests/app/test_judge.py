"""`POST /v1/judge` through the whole application with a scripted judge."""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.cli.judge_replay import replay
from grm import judgement
from grm.backend import Busy, Completion, Reply, TooSlow, Unreachable
from grm.controls import EMPTY_RESPONSE
from grm.judge import PROTOCOLS
from tests.app.conftest import StartApp
from tests.app.scripted_judge import ScriptedJudge, always
from tests.processes import until
from tests.scripted_openai import ScriptedOpenAI
from touchstone_client import contract, contract_judge

ONE_VOTE = {"votes": 1, "max_votes": 1}


def case(*responses: str, **fields: Any) -> dict[str, Any]:
    candidates = [{"id": f"c{at}", "response": text} for at, text in enumerate(responses)]
    return {"id": "case", "question": "Write one sentence about the sea.", "candidates": candidates, **fields}


def rewards(result: dict[str, Any]) -> list[float | None]:
    return [candidate["reward"] for candidate in result["candidates"]]


@pytest.mark.parametrize("protocol", ["pointwise", "listwise", "pairwise"])
async def test_better_responses_earn_more(start_app: StartApp, protocol: str) -> None:
    """Every protocol pays in the order of quality, in the order of the candidates, under the caller's names."""
    texts = [f"The sea of quality={n} folds into sand." for n in (2, 9, 5)]
    async with start_app(judge=ScriptedJudge()) as running:
        reply = await running.http.post("/v1/judge", json={"cases": [case(*texts, protocol=protocol)]})
    (result,) = contract_judge.JudgeResponse.model_validate_json(reply.content).results
    assert [one.id for one in result.candidates] == ["c0", "c1", "c2"]
    low, high, middle = [one.reward for one in result.candidates]
    assert low is not None
    assert middle is not None
    assert high is not None
    assert low < middle < high
    assert {one.protocol for one in result.candidates} == {protocol}
    assert {one.model for one in result.candidates} == {"judge"}
    assert all(one.prompt_version.startswith(protocol) for one in result.candidates)
    assert sum(one.usage.calls for one in result.candidates) > 0


async def test_the_gate_asks_nobody(start_app: StartApp) -> None:
    """A response with nothing in it is rejected with 0 without a call, beside one that is judged."""
    judge = ScriptedJudge(always(9))
    async with start_app(judge=judge, judging={"empty_control": False}) as running:
        (result,) = await running.judge(case("...", ""))
        assert judge.asked == []
        (mixed,) = await running.judge(case("...", "The sea keeps its own time."))
    assert rewards(result) == [0.0, 0.0]
    assert [one["status"] for one in result["candidates"]] == ["rejected", "rejected"]
    assert rewards(mixed) == [0.0, 1.0]


async def test_a_judge_that_pays_nothing_for_something_is_not_believed(start_app: StartApp) -> None:
    """A judge that accepts the empty control scores nothing: unscored as control_failed, asked once per question."""
    judge = ScriptedJudge(always(9))
    async with start_app(judge=judge, judging=ONE_VOTE) as running:
        (first,) = await running.judge(case("The sea keeps its own time."))
        asked = len(judge.asked)
        (second,) = await running.judge(case("The sea is wide and has no end."))
        metrics = (await running.http.get("/metrics")).text
    assert rewards(first) == rewards(second) == [None]
    assert first["candidates"][0]["reason"] == "control_failed"
    assert (asked, len(judge.asked)) == (2, 3)
    assert 'touchstone_controls_total{kind="empty_response",result="failed"} 1.0' in metrics


async def test_a_judge_that_ignores_the_reference_is_not_believed(start_app: StartApp) -> None:
    """A positive that is accepted beside a wrong reference too is unscored; the other candidates keep their scores."""
    judge = ScriptedJudge()
    item = case("So it is 42, quality=8.", "So it is 41, quality=1.", reference="42")
    async with start_app(judge=judge, judging={**ONE_VOTE, "wrong_control_share": 1.0}) as running:
        (result,) = await running.judge(item)
    assert rewards(result) == [None, pytest.approx(1 / 9)]
    assert result["candidates"][0]["reason"] == "control_failed"
    assert "wrong_reference" in result["candidates"][0]["detail"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Unreachable("gone"), "backend_unavailable"),
        (Busy("full"), "backend_overloaded"),
        (TooSlow("late"), "judge_timeout"),
    ],
)
async def test_a_failed_judge_is_unscored_and_not_remembered(start_app: StartApp, error: Any, reason: str) -> None:
    """A judge that is away, busy or slow gives null with a reason, never 0; the next request asks again."""
    judge = ScriptedJudge(error=error)
    async with start_app(judge=judge, judging=ONE_VOTE) as running:
        (failed,) = await running.judge(case("The sea of quality=6."))
        judge.error = None
        (later,) = await running.judge(case("The sea of quality=6."))
    assert (rewards(failed), failed["candidates"][0]["reason"]) == ([None], reason)
    assert rewards(later) == [pytest.approx(6 / 9)]
    assert later["cached"] is False


async def test_a_judgement_is_remembered_under_all_that_can_change_it(start_app: StartApp, tmp_path: Path) -> None:
    """The same case costs nothing again, under other names too; another question, rubric or vote count is asked."""
    judge = ScriptedJudge()
    text = "The sea of quality=3."
    rubric = [{"id": "sea", "text": "Is about the sea."}]
    async with start_app(judge=judge, judging=ONE_VOTE) as running:
        (first,) = await running.judge(case(text))
        asked = len(judge.asked)
        renamed = case(text) | {"id": "other", "candidates": [{"id": "new", "response": text}]}
        (again,) = await running.judge(renamed)
        assert len(judge.asked) == asked
        for other in (
            case(text, question="?"),
            case(text, rubric=rubric),
            case(text, votes=2),
            case(text, kind="answer"),
        ):
            before = len(judge.asked)
            (result,) = await running.judge(other)
            assert (result["cached"], len(judge.asked) > before) == (False, True)
    async with start_app(judge=judge, judging=ONE_VOTE) as running:
        before = len(judge.asked)
        (stored,) = await running.judge(case(text))
    assert (first["cached"], again["cached"], stored["cached"]) == (False, True, True)
    assert (again["id"], again["candidates"][0]["id"]) == ("other", "new")
    assert rewards(first) == rewards(again) == rewards(stored)
    assert len(judge.asked) == before


async def test_identical_cases_in_flight_are_judged_once(start_app: StartApp) -> None:
    """The same case asked by many at once costs one judgement; a hasty caller takes it from nobody."""
    judge = ScriptedJudge(delay_s=0.3)
    async with start_app(judge=judge, judging=ONE_VOTE) as running:
        same = case("The sea of quality=3.")
        first = asyncio.create_task(running.judge(*[same] * 5))
        await until(lambda: len(judge.asked) > 0)
        (hasty,) = await running.judge(same, deadline_s=0.05)
        results = await first
    assert [rewards(result) for result in results] == [[pytest.approx(3 / 9)]] * 5
    assert hasty["candidates"][0]["reason"] == "judge_timeout"
    assert len(judge.asked) == 1


async def test_the_deadline_is_kept_and_what_is_done_counts(start_app: StartApp) -> None:
    """At the deadline a slow judge's cases are null and say so; a case that the gate decides is done."""
    async with start_app(judge=ScriptedJudge(delay_s=60)) as running, asyncio.timeout(20):
        slow, quick = await running.judge(case("The sea of quality=3."), case("..."), deadline_s=0.5)
    assert (rewards(slow), slow["candidates"][0]["reason"]) == ([None], "judge_timeout")
    assert rewards(quick) == [0.0]


BAD = {
    "no candidates": ({"question": "?", "candidates": []}, "cases[1].candidates", "at least one"),
    "no question": ({"candidates": [{"response": "x"}]}, "cases[1].question", "add it"),
    "unknown protocol": (case("x", protocol="dice"), "cases[1].protocol", "`pointwise`"),
    "one against nobody": (case("x", protocol="pairwise"), "cases[1].candidates", "2 to"),
    "misspelt": (case("x", rubrick=[]), "cases[1].rubrick", "rubric"),
    "two criteria alike": (
        case("x", rubric=[{"id": "a", "text": "b"}, {"id": "a", "text": "c"}]),
        "cases[1]",
        "rename",
    ),
    "too many votes": (case("x", votes=10), "cases[1].votes", "less than or equal to 9"),
    "half a character": (case("\ud800"), "cases[1].candidates[0].response", "surrogates"),
    "no object": (7, "cases[1]", "object"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_case_never_fails_its_request(start_app: StartApp, name: str) -> None:
    """A bad case comes back with what to fix, the others are judged; alone it is refused."""
    bad, field, advice = BAD[name]
    good = case("The sea of quality=3.")
    async with start_app(judge=ScriptedJudge(), judging=ONE_VOTE) as running:
        reply = await running.http.post("/v1/judge", content=json.dumps({"cases": [good, bad]}))
        alone = await running.http.post("/v1/judge", content=json.dumps({"cases": [bad]}))
    first, second = reply.json()["results"]
    assert rewards(first) == [pytest.approx(3 / 9)]
    error = contract_judge.JudgeResult.model_validate(second).problem
    assert error is not None
    assert error.errors[0].field == field
    assert advice in error.errors[0].message
    assert alone.status_code == 422


async def test_without_a_judge_the_request_is_refused(start_app: StartApp) -> None:
    """A service without a model says how to start one with a judge."""
    async with start_app() as running:
        reply = await running.http.post("/v1/judge", json={"cases": [case("x")]})
    assert (reply.status_code, reply.json()["type"]) == (422, "model_not_configured")
    assert "--judge-model" in reply.json()["detail"]


async def test_the_judge_is_the_model_unless_another_is_named(start_app: StartApp) -> None:
    """One model server serves both; with a judge of its own, the second look does not ask the judge."""
    both, judge = ScriptedJudge(), ScriptedJudge()
    both.name = "both"
    async with start_app(served=both) as running:
        (result,) = await running.judge(case("The sea of quality=3."))
        assert result["candidates"][0]["model"] == "both"
    asked = len(both.asked)
    async with start_app(served=both, judge=judge) as running:
        await running.judge(case("Another sea of quality=3."))
    assert len(both.asked) == asked
    assert judge.asked


async def test_too_many_candidates_waiting_is_503(start_app: StartApp) -> None:
    """A request that does not fit is told to come back; the ones inside are finished."""
    judge = ScriptedJudge(delay_s=0.3)
    async with start_app(judge=judge, judging={**ONE_VOTE, "queue_candidates": 2}) as running:
        first = asyncio.create_task(running.judge(case("quality=1 a", "quality=2 b", "quality=3 c")))
        await until(lambda: len(judge.asked) > 0)
        refused = await running.http.post("/v1/judge", json={"cases": [case("quality=4 d")]})
        assert len((await first)[0]["candidates"]) == 3
    assert (refused.status_code, refused.json()["type"]) == (503, "queue_full")
    assert int(refused.headers["retry-after"]) >= 1


async def test_every_judgement_can_be_logged(start_app: StartApp, tmp_path: Path) -> None:
    """With a log file each judgement is a line with its questions, replies and results; so is each control."""
    path = tmp_path / "logs" / "judgements.jsonl"
    async with start_app(judge=ScriptedJudge(), judging={**ONE_VOTE, "log_file": path}) as running:
        await running.judge(case("The sea of quality=3.", "The sea of quality=7."))
        await running.judge(case("The sea of quality=3.", "The sea of quality=7."))
    control, line = [json.loads(line) for line in path.read_text().splitlines()]
    assert (line["protocol"], line["model"], line["control"], len(line["exchanges"])) == ("pointwise", "judge", None, 2)
    assert (control["control"], control["judgements"][0]["reward"], len(control["exchanges"])) == (
        "empty_response",
        0,
        1,
    )
    replayed = await asyncio.to_thread(replay, path.read_bytes().splitlines())
    assert [one.category for one in replayed] == ["pointwise, empty_response control", "pointwise"]
    assert [one.agrees for one in replayed] == [True, True]
    assert "quality=3" in line["case"]["candidates"][0]["response"]
    assert [one["reward"] for one in line["judgements"]] == [pytest.approx(3 / 9), pytest.approx(7 / 9)]


async def test_a_log_is_bounded_and_may_fail(start_app: StartApp, tmp_path: Path) -> None:
    """A log grows to its size and is kept once; one that cannot be written costs lines, never a judgement."""
    path = tmp_path / "judgements.jsonl"
    async with start_app(judge=ScriptedJudge(), judging={**ONE_VOTE, "log_file": path, "log_mb": 1}) as running:
        for number in range(3):
            await running.judge(case(f"{number} quality=3 " + "the sea is wide and blue today " * 20_000))
    assert sorted(os.listdir(tmp_path)) == ["cache.sqlite3", "judgements.jsonl", "judgements.jsonl.1"]
    blocked = tmp_path / "judgements.jsonl" / "not-a-folder.jsonl"
    async with start_app(judge=ScriptedJudge(), judging={**ONE_VOTE, "log_file": blocked}) as running:
        (result,) = await running.judge(case("The lake of quality=3."))
        await until(lambda: "touchstone_judge_log_dropped_total 1.0" in _exposed(running))
    assert rewards(result) == [pytest.approx(3 / 9)]


def _exposed(running: Any) -> str:
    text: str = running.services.metrics.exposition().decode()
    return text


async def test_what_could_not_be_controlled_is_not_remembered(start_app: StartApp) -> None:
    """A judgement whose control got no answer stands, and is made again with its control when asked for again."""

    class Deaf(ScriptedJudge):
        deaf = True

        async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
            if self.deaf and EMPTY_RESPONSE in completion.messages[-1].content:
                raise Unreachable("gone")
            return await super().complete(completion, deadline_s=deadline_s)

    judge = Deaf(always(9))
    async with start_app(judge=judge, judging=ONE_VOTE) as running:
        (first,) = await running.judge(case("The sea keeps its own time."))
        judge.deaf = False
        (second,) = await running.judge(case("The sea keeps its own time."))
    assert (rewards(first), first["cached"]) == ([1.0], False)
    assert (rewards(second), second["candidates"][0]["reason"]) == ([None], "control_failed")


async def test_readiness_shows_what_the_judge_can_do(start_app: StartApp) -> None:
    """The readiness page has the judge with its proven capabilities, and asks for none where there is none."""
    async with start_app(judge=ScriptedJudge()) as running:
        page = (await running.http.get("/readyz")).json()
    assert page["components"]["judge"]["capabilities"]["constraint"] == "json_schema"
    assert page["components"]["judge"]["ok"]
    async with start_app() as running:
        page = (await running.http.get("/readyz")).json()
    assert page["ready"]
    assert "none configured" in page["components"]["judge"]["detail"]


async def test_replicas_behind_one_name(start_app: StartApp) -> None:
    """Several addresses are replicas of one model; readiness counts them and says what all can do."""
    with ScriptedOpenAI() as one, ScriptedOpenAI() as other:
        async with start_app(model={"source": f"{one.url}, {other.url}"}) as running:
            model = running.services.model
            assert model is not None
            await until(lambda: "2 of 2 replicas" in model.state.detail)
            page = (await running.http.get("/readyz")).json()["components"]["model"]
    assert page["ok"]
    assert page["capabilities"]["model"] == "scripted"


def test_wire_and_domain_agree_on_words() -> None:
    """Statuses, aspects and kinds of criteria are spelt alike on the wire and in the domain."""
    pairs = [
        (contract_judge.JudgeStatus, judgement.Status),
        (contract_judge.Aspect, judgement.Aspect),
        (contract_judge.CriterionKind, judgement.CriterionKind),
    ]
    for wire_words, domain_words in pairs:
        assert {one.value for one in wire_words} == {one.value for one in domain_words}


async def test_the_catalogue_names_protocols_and_rules(start_app: StartApp) -> None:
    """What a request can name is listed with its version; a client that knows tasks alone still reads its part."""
    async with start_app() as running:
        told = (await running.http.get("/v1/tasks")).json()
        example = (await running.http.get("/openapi.json")).json()["paths"]["/v1/tasks"]["get"]["responses"]["200"]
    assert {one["name"]: one["version"] for one in told["protocols"]} == {
        name: protocol.PROMPT_VERSION for name, protocol in PROTOCOLS.items()
    }
    assert {one["name"] for one in told["rules"]} == {"judge", "stratified", "verifier", "verifier_then_process"}
    assert all(one["description"] and one["version"] for part in told.values() for one in part)
    contract_judge.Catalogue.model_validate(example["content"]["application/json"]["example"])
    assert contract.TasksResponse.model_validate(told).tasks


async def test_the_guard_rails_sums_are_counters(start_app: StartApp) -> None:
    """Figures of several processes are made from sums that Prometheus can add up."""
    async with start_app(judge=ScriptedJudge(), judging=ONE_VOTE) as running:
        await running.judge(case("The sea of quality=9.", "The lake of quality=0."), step=1)
        exposed = _exposed(running)
    assert 'touchstone_guard_sums_total{sum="items",task="judge"} 2.0' in exposed
    assert 'touchstone_guard_sums_total{sum="paid",task="judge"} 1.0' in exposed
    assert 'touchstone_guard_sums_total{sum="controls",task="judge"} 1.0' in exposed
