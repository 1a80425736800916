"""`POST /v1/reward` through the whole application: routing, rules, groups, failures."""

from typing import Any

import pytest

from app.reward_rules import Paid, stratified, with_process
from app.settings import RewardSettings
from grm.backend import Unreachable
from grm.judgement import Judgement, Reason, Status
from tests.app.conftest import StartApp
from tests.app.scripted import ScriptedModel
from tests.app.scripted_judge import ScriptedJudge, always
from touchstone_client import contract_judge

JUDGING = {"votes": 1, "max_votes": 1, "empty_control": False, "wrong_control_share": 0.0}


def item(response: str, **fields: Any) -> dict[str, Any]:
    return {"task": "faulty", "question": "How much is it?", "response": response, "reference": "7", **fields}


def opened(response: str, **fields: Any) -> dict[str, Any]:
    return {"question": "Write about the sea.", "response": response, **fields}


async def test_the_verifier_alone(start_app: StartApp) -> None:
    """An item with a reference is paid by its verifier; no judge is needed or asked."""
    async with start_app() as running:
        reply = await running.http.post("/v1/reward", json={"items": [item("so 7", id="a"), item("so 8"), item("die")]})
    results = contract_judge.RewardResponse.model_validate_json(reply.content).results
    assert [one.reward for one in results] == [1.0, 0.0, None]
    assert [one.rule for one in results] == ["verifier"] * 3
    assert [one.status for one in results] == ["scored", "scored", "unscored"]
    assert (results[0].id, results[0].reason, results[2].reason) == ("a", "last_word", "worker_died")
    assert results[0].components.verifier is not None
    assert results[0].components.judge is None


async def test_the_verifiers_second_look_counts_here_too(start_app: StartApp) -> None:
    """A rescue by the model pays as in /v1/verify, and `recall: never` asks for none."""
    async with start_app(served=ScriptedModel()) as running:
        (rescued,) = await running.reward(item("so agree"))
        (plain,) = await running.reward(item("so agree"), recall="never")
    assert (rescued["reward"], plain["reward"]) == (1.0, 0.0)


async def test_the_judge_alone(start_app: StartApp) -> None:
    """An item without a reference is paid by the judge; what the gate refuses is rejected with 0."""
    async with start_app(judge=ScriptedJudge(), judging=JUDGING) as running:
        results = await running.reward(opened("Blue, quality=6."), opened("..."), opened("Grey, quality=3."))
    assert [one["reward"] for one in results] == [pytest.approx(6 / 9), 0.0, pytest.approx(3 / 9)]
    assert [one["status"] for one in results] == ["scored", "rejected", "scored"]
    assert {one["rule"] for one in results} == {"judge"}
    assert {one["task"] for one in results} == {"open"}
    assert results[1]["reason"] == "symbols_only"


async def test_the_judge_says_how_and_never_whether(start_app: StartApp) -> None:
    """The verdict is the outcome: a wrong answer gets 0 unasked; a bad process lowers a right one by its weight."""
    judge = ScriptedJudge()
    async with start_app(judge=judge, judging=JUDGING) as running:
        good, poor, wrong = await running.reward(
            *[
                item(text, rule="verifier_then_process")
                for text in ("quality=9 so 7", "quality=4 so 7", "quality=9 so 8")
            ]
        )
    # 1 - 0.3 + 0.3 * 4/9
    assert [good["reward"], poor["reward"], wrong["reward"]] == [1.0, pytest.approx(0.7 + 0.3 * 4 / 9), 0.0]
    assert wrong["components"]["judge"] is None
    assert (good["components"]["judge"]["process"], good["components"]["verifier"]["reward"]) == (1.0, 1.0)
    assert len(judge.asked) == 2


async def test_a_judge_that_fails_costs_its_part_only(start_app: StartApp) -> None:
    """Where the judge is away, items that need it are null; those that the verifier decides alone are paid."""
    judge = ScriptedJudge(error=Unreachable("gone"))
    async with start_app(judge=judge, judging=JUDGING) as running:
        results = await running.reward(
            item("so 7"),
            item("so 7", rule="verifier_then_process"),
            item("so 8", rule="verifier_then_process"),
            opened("x y z"),
        )
    assert [one["reward"] for one in results] == [1.0, None, 0.0, None]
    assert results[1]["reason"] == results[3]["reason"] == "backend_unavailable"


async def test_a_group_is_judged_together(start_app: StartApp) -> None:
    """Members of a group go into one question of a relative protocol; other groups and lone items do not."""
    judge = ScriptedJudge()
    groups = [
        opened(f"{text}, quality={n}.", group="g", protocol="listwise")
        for n, text in ((1, "Wet"), (9, "Deep"), (5, "Blue"))
    ]
    async with start_app(judge=judge, judging=JUDGING) as running:
        results = await running.reward(*groups, opened("Salt, quality=5.", group="h", protocol="listwise"))
    assert [one["reward"] for one in results] == [pytest.approx(n / 9) for n in (1, 9, 5, 5)]
    assert [one["group"] for one in results] == ["g", "g", "g", "h"]
    shown = [sum(f"quality={n}" in ask.messages[-1].content for n in (1, 9)) for ask in judge.asked]
    assert sorted(shown) == [0, 0, 2, 2]


async def test_members_that_say_the_same_get_the_same(start_app: StartApp) -> None:
    """Identical responses of a group cost one judgement and get one reward."""
    judge = ScriptedJudge()
    async with start_app(judge=judge, judging=JUDGING) as running:
        results = await running.reward(*[opened("Blue, quality=6.", group="g")] * 5)
    assert [one["reward"] for one in results] == [pytest.approx(6 / 9)] * 5
    assert len(judge.asked) == 1


async def test_one_member_alone_cannot_be_compared(start_app: StartApp) -> None:
    """A relative protocol with nobody to compare with gives null, and says so."""
    async with start_app(judge=ScriptedJudge(), judging=JUDGING) as running:
        (result,) = await running.reward(opened("Blue.", group="g", protocol="pairwise"))
    assert (result["reward"], result["reason"]) == (None, "nothing_to_compare")


async def test_stratified_orders_within_the_verdicts(start_app: StartApp) -> None:
    """Within a group, the judge spreads right answers below 1 and wrong ones above 0, and never across."""
    texts = [f"quality={n} {name} so {end}" for n, name, end in ((9, "a", 7), (1, "b", 7), (9, "c", 8), (1, "d", 8))]
    async with start_app(judge=ScriptedJudge(), judging=JUDGING) as running:
        results = await running.reward(*[item(text, group="g", rule="stratified") for text in texts])
        even = await running.reward(*[item(text, group="g", rule="stratified") for text in ("e so 7", "f so 8")])
    assert [one["reward"] for one in results] == [1.0, 0.9, 0.1, 0.0]
    assert [one["reward"] for one in even] == [1.0, 0.0]


def judged(reward: float | None, status: Status = Status.SCORED, reason: Reason | None = None) -> Judgement:
    return Judgement("0", status, reward, reason)


RIGHT, WRONG, OPEN = Paid(1.0, Status.SCORED, "r"), Paid(0.0, Status.SCORED, "r"), Paid(None, Status.UNSCORED, "r")


def test_what_a_rule_does_not_get_makes_null() -> None:
    """Neither rule replaces a missing component, and an undecided verdict stays undecided whatever the judge says."""
    assert with_process(RIGHT, None).reward is None
    assert with_process(RIGHT, judged(None, Status.UNSCORED, Reason.TIMEOUT)).reason == "judge_timeout"
    assert with_process(OPEN, judged(1.0)).reward is None
    assert with_process(WRONG, None).reward == 0.0
    told = stratified([RIGHT, WRONG, OPEN], [None, judged(0.9), judged(0.9)], 0.1)
    assert [paid.reward for paid in told] == [None, 0.0, None]


def test_no_judgement_lifts_a_wrong_answer_to_a_right_one() -> None:
    """Whatever the judge gives, every wrong answer of a group stays below every right one."""
    said = [0.0, 0.1, 0.5, 0.9, 1.0]
    verdicts = [RIGHT] * 5 + [WRONG] * 5
    told = [paid.reward or 0.0 for paid in stratified(verdicts, [judged(given) for given in said * 2], 0.1)]
    assert min(told[:5]) > max(told[5:])


async def test_operators_name_rules_by_task(start_app: StartApp) -> None:
    """A rule from the settings holds for items of its task that name none."""
    groups = {"reward": {"rules": {"faulty": "verifier_then_process"}}}
    async with start_app(judge=ScriptedJudge(always(9)), judging=JUDGING, groups=groups) as running:
        told, named = await running.reward(item("so 7"), item("so 7", rule="verifier"))
    assert (told["rule"], named["rule"]) == ("verifier_then_process", "verifier")


def test_a_rule_that_there_is_not_is_no_setting() -> None:
    """A mistyped rule in the settings is found before the first request."""
    with pytest.raises(ValueError, match="verifier_then_process"):
        RewardSettings(rules={"math": "verifer"})


BAD = {
    "unknown rule": (item("7", rule="dice"), "items[1].rule", "`verifier`"),
    "unknown task": (item("7", task="alchemy"), "items[1].task", "`open`"),
    "nothing to verify with": (opened("7", rule="verifier"), "items[1].rule", "use `judge`"),
    "no question for the judge": ({"response": "7"}, "items[1].question", "add it"),
    "no process": (
        item("7", rule="verifier_then_process", protocol="pairwise", group="g"),
        "items[1].protocol",
        "process",
    ),
    "bad options": (item("7", options={"x": 1}), "items[1].options", "remove"),
    "alone": (opened("7", protocol="pairwise"), "items[1].protocol", "2 to"),
    "no response": ({"question": "?"}, "items[1].response", "add it"),
    "no object": ("7", "items[1]", "object"),
}


@pytest.mark.parametrize("name", BAD)
async def test_a_bad_item_never_fails_its_request(start_app: StartApp, name: str) -> None:
    """A bad item comes back with what to fix, its neighbours are paid; alone it is refused."""
    bad: Any
    bad, field, advice = BAD[name]
    async with start_app(judge=ScriptedJudge(), judging=JUDGING) as running:
        good, refused = await running.reward(item("so 7"), bad)
        alone = await running.http.post("/v1/reward", json={"items": [bad]})
    assert good["reward"] == 1.0
    error = contract_judge.RewardResult.model_validate(refused).problem
    assert error is not None
    assert (refused["reward"], error.errors[0].field) == (None, field)
    assert advice in error.errors[0].message
    assert alone.status_code == 422


async def test_without_a_judge_its_items_are_refused(start_app: StartApp) -> None:
    """A request that needs a judge where there is none is refused with what to configure."""
    async with start_app() as running:
        reply = await running.http.post("/v1/reward", json={"items": [item("so 7"), opened("blue")]})
    assert (reply.status_code, reply.json()["type"]) == (422, "model_not_configured")


async def test_the_deadline_is_kept(start_app: StartApp) -> None:
    """At the deadline a slow judge's items are null; verified ones are paid."""
    async with start_app(judge=ScriptedJudge(delay_s=60), judging=JUDGING) as running:
        results = await running.reward(item("so 7"), opened("blue sea"), deadline_s=0.5)
    assert [one["reward"] for one in results] == [1.0, None]
    assert results[1]["reason"] == "judge_timeout"


@pytest.mark.parametrize("protocol", ["pointwise", "label"])
async def test_the_judge_sees_every_reference(start_app: StartApp, protocol: str) -> None:
    """Of several references any one is right: all stand in the judge's question, and each passes the gate."""
    judge = ScriptedJudge(always(9))
    asked = opened(
        "N/A", task="faulty", reference=["none given", "not available", "N/A"], rule="judge", protocol=protocol
    )
    async with start_app(judge=judge, judging=JUDGING) as running:
        (paid,) = await running.reward(asked)
    assert paid["status"] == "scored"
    said = judge.asked[0].messages[-1].content
    assert all(reference in said for reference in ("none given", "not available", "N/A"))


async def test_other_references_are_another_question(start_app: StartApp) -> None:
    """A judgement is kept under all of its references."""
    judge = ScriptedJudge()
    async with start_app(judge=judge, judging=JUDGING) as running:
        for more in ("one", "two", "two"):
            await running.reward(opened("It is quality=5.", task="faulty", reference=["5", more], rule="judge"))
    assert len(judge.asked) == 2
