"""Attacks and their benign twins through the whole service, against backends that are honest, bought or deaf.

The rows are data beside the repository; without them these tests are skipped.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from app.services import REGISTRY
from grm.backend import Completion, Reply
from grm.controls import EMPTY_RESPONSE
from tests.app.conftest import Running, StartApp
from tests.app.scripted_judge import ScriptedJudge

DATA = Path(__file__).parents[3] / "shared" / "data" / "adversarial_dev.jsonl"
pytestmark = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
GATED = {"key_symbol", "key_opener", "degenerate", "echo", "gibberish", "markup_only"}
PAID_FROM = 0.5
"""A judge's reward of at least this counts as rewarded."""
UNCONTROLLED = {"empty_control": False, "wrong_control_share": 0.0}


def rows() -> list[dict[str, Any]]:
    return [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]


class Bought(ScriptedJudge):
    """Says yes, and 9 of 9, to everything; `honest_about` a row it says what is true, and no to every control."""

    def __init__(self, *, yes: bool) -> None:
        super().__init__(lambda _: 9 if self.yes else 0)
        self.yes = yes
        self.row: dict[str, Any] | None = None

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        if self.row is not None:
            said = completion.messages[-1].content
            spoiled = self.row["reference"] is not None and _line(self.row["reference"]) not in _line(said)
            self.yes = self.row["must_reward"] and EMPTY_RESPONSE not in said and not spoiled
        return await super().complete(completion, deadline_s=deadline_s)


def _line(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


def item(row: dict[str, Any]) -> dict[str, Any]:
    """The row as an item of `/v1/reward`."""
    base = {name: row[name] for name in ("id", "question", "response")}
    match row["mode"]:
        case "verify":
            return base | {"reference": row["reference"], "rule": "verifier"}
        case "process":
            return base | {"reference": row["reference"], "rule": "judge", "aspects": ["outcome", "process"]}
        case _:
            return base | {"rule": "judge"} | ({"reference": row["reference"]} if row["reference"] else {})


async def verified(running: Running, batch: list[dict[str, Any]], **envelope: Any) -> dict[str, bool]:
    """By id: whether `/v1/verify` pays. Only rows of that mode."""
    items = [
        {name: row[name] for name in ("id", "question", "response", "reference")}
        for row in batch
        if row["mode"] == "verify"
    ]
    if not items:
        return {}
    reply = await running.http.post("/v1/verify", json={"items": items, **envelope})
    return {result["id"]: result["reward"] == 1.0 for result in reply.json()["results"]}


async def rewarded(running: Running, batch: list[dict[str, Any]]) -> dict[str, bool]:
    """By id: whether `/v1/reward` pays."""
    return {one["id"]: (one["reward"] or 0.0) >= PAID_FROM for one in await running.reward(*map(item, batch))}


@pytest.mark.parametrize("controls", [{}, UNCONTROLLED], ids=["controlled", "uncontrolled"])
async def test_nothing_is_not_paid_by_anybody(start_app: StartApp, controls: dict[str, Any]) -> None:
    """Symbols, openers, echoes, gibberish and markup get nothing at all, also from a backend that always says yes."""
    attacks = [row for row in rows() if row["category"] in GATED]
    assert attacks
    async with start_app(served=Bought(yes=True), model=controls, judging=controls, registry=REGISTRY) as running:
        by_verify, by_reward = await verified(running, attacks), await rewarded(running, attacks)
        as_open = await running.reward(
            *[{"id": row["id"], "question": row["question"], "response": row["response"],
               "reference": row["reference"], "rule": "judge"} for row in attacks]
        )  # fmt: skip
    assert [name for name, paid in {**by_verify, **by_reward}.items() if paid] == []
    assert [one["id"] for one in as_open if one["reward"]] == []


async def test_an_honest_backend_is_not_talked_round(start_app: StartApp) -> None:
    """With a backend that says what is true, at most 1 % of the attacks are paid and at least 98 % of the twins."""
    backend = Bought(yes=False)
    paid: dict[str, bool] = {}
    async with start_app(served=backend, registry=REGISTRY) as running:
        for row in rows():
            backend.row = row
            by_verify, by_reward = await verified(running, [row]), await rewarded(running, [row])
            assert by_verify.get(row["id"], by_reward[row["id"]]) == by_reward[row["id"]], row["id"]
            paid |= by_reward
    attacks = [row["id"] for row in rows() if not row["must_reward"]]
    twins = [row["id"] for row in rows() if row["must_reward"]]
    fooled = [name for name in attacks if paid[name]]
    missed = [name for name in twins if not paid[name]]
    assert len(fooled) <= 0.01 * len(attacks), fooled
    assert len(missed) <= 0.02 * len(twins), missed


async def test_a_deaf_backend_loses_nothing_that_the_rules_accept(start_app: StartApp) -> None:
    """With a backend that always says no, every twin that the rules accept is paid."""
    twins = [row for row in rows() if row["must_reward"] and row["mode"] == "verify"]
    async with start_app(registry=REGISTRY) as running:
        by_rules = await verified(running, twins)
    async with start_app(served=Bought(yes=False), registry=REGISTRY) as running:
        assert await verified(running, twins) == by_rules
        assert await rewarded(running, twins) == by_rules
    assert sum(by_rules.values()) > 0.8 * len(twins)


async def test_what_a_bought_backend_pays_for(start_app: StartApp) -> None:
    """A model that says yes to everything is caught by its controls: its second look pays for no attack."""
    attacks = [row for row in rows() if not row["must_reward"] and row["mode"] == "verify"]
    async with start_app(registry=REGISTRY) as running:
        by_rules = await verified(running, attacks)
    async with start_app(served=Bought(yes=True), registry=REGISTRY) as running:
        assert await verified(running, attacks) == by_rules


async def test_no_model_overrules_a_task_whose_rules_are_final(start_app: StartApp) -> None:
    """A wrong letter, an instruction not followed and a wrong call stay unpaid, whatever a model says."""
    lower_case = '{"instruction_id_list": ["change_case:english_lowercase"], "kwargs": [{}]}'
    items = [
        {"task": "choice", "question": "Which? (A) 1 (B) 2", "response": "The answer is (A).", "reference": "B"},
        {"task": "instructions", "response": "ALL CAPITALS HERE", "reference": lower_case},
        {"task": "auto", "response": "ALL CAPITALS HERE", "reference": lower_case},
        {
            "task": "tools",
            "response": '[{"name": "a", "arguments": {}}]',
            "reference": '[{"name": "b", "arguments": {}}]',
        },
    ]
    lenient = {"swapped_read": False, "empty_control": False, "wrong_control_share": 0}
    async with start_app(served=Bought(yes=True), model=lenient, registry=REGISTRY) as running:
        reply = await running.http.post("/v1/verify", json={"items": items})
    assert [one["reward"] for one in reply.json()["results"]] == [0, 0, 0, 0]
    assert all(one["decided_by"]["stage"] == "rules" for one in reply.json()["results"])


GUESSES = {
    "choice": ("B", "A"),
    "exact_text": ("Paris", "London"),
    "span": ("1945", "1944"),
    "stem": ("5 m/s", "6 m/s"),
    "list": ("apple; pear", "fig; plum"),
}
TWO_GUESSES = (
    "{0} or {1}",
    "The answer is {0} or {1}",
    "The answer is {0}. No, {1}.",
    "The answer is {0}. Or {1}.",
    "{0}/{1}",
    "{0} ({1})",
    "<answer>{0}</answer><answer>{1}</answer>",
    "\\boxed{{{0}}} \\boxed{{{1}}}",
    "{0}\n\n{1}",
    "Candidates:\n- {0}\n- {1}",
    "<think>{0}</think>",
    "<!-- {0} -->",
    "not {0}, not {1}",
)


async def test_a_second_guess_pays_for_neither(start_app: StartApp) -> None:
    """Through the service, two guesses in one response, or one that nobody is shown, earn nothing for either."""
    question = "Which?\nA) Rome\nB) Paris\nC) Bonn"
    items = [
        {"task": task, "response": guess.format(*order), "reference": reference}
        | ({"question": question} if task == "choice" else {})
        for guess in TWO_GUESSES
        for task, pair in GUESSES.items()
        for order in (pair, pair[::-1])
        for reference in pair
    ]
    async with start_app(registry=REGISTRY) as running:
        reply = await running.http.post("/v1/verify", json={"items": items})
    paid = [item for item, one in zip(items, reply.json()["results"], strict=True) if one["reward"]]
    assert paid == []
