"""Pointwise, process and label: one candidate at a time."""

import json
from pathlib import Path
from typing import Any

import pytest

from grm.asking import Policy
from grm.backend import Capabilities, Completion, Reply, ScriptedBackend
from grm.controls import (
    ControlKind,
    ControlOutcome,
    after_failure,
    empty_control,
    key,
    outcome,
    policy_for_controls,
    sampled,
    spoil,
    wrong_reference_control,
)
from grm.judge import judge
from grm.judgement import Aspect, Candidate, Case, Criterion, CriterionKind, Judgement, Reason, Status, Task
from grm.protocols import pointwise
from grm.protocols.process import MAX_STEPS, split_steps
from tests.grm.judges import filled, label, question, responses, says

QUESTION = "Solve 2x + 7 = 31."
RIGHT = "Subtract 7: 2x = 24. Divide by 2: x = 12."
ONE_VOTE = Policy(votes=1, max_votes=1)
BOTH = frozenset(Aspect)
ATTACKS = Path(__file__).parents[3] / "shared" / "data" / "adversarial_dev.jsonl"


def case(text: str = RIGHT, **more: Any) -> Case:
    return Case(QUESTION, (Candidate("c", text),), **{"reference": "12", "task": Task.ANSWER, **more})


def writing(value: Any) -> ScriptedBackend:
    return ScriptedBackend(lambda completion: says(value))


async def one(asked: Case, protocol: str, backend: ScriptedBackend, policy: Policy = ONE_VOTE) -> Judgement:
    (judgement,) = await judge(asked, protocol, backend, policy, deadline_s=5.0)
    return judgement


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        (case(), ["outcome_score"]),
        (case(reference=None), ["own_answer", "outcome_score"]),
        (case(aspects=BOTH), ["process_errors", "process_score", "outcome_score"]),
        (case(reference=None, task=Task.OPEN), ["criteria", "findings", "outcome_score"]),
        (case(rubric=(Criterion("r", "short"),)), ["findings", "outcome_score"]),
    ],
)
async def test_the_verdict_comes_last(asked: Case, fields: list[str]) -> None:
    """Own answer or criteria first, evidence next, the score that decides at the very end."""
    backend = ScriptedBackend(lambda completion: says(filled(completion.schema or {})))
    await one(asked, "pointwise", backend)
    schema = backend.asked[0].schema
    assert schema is not None
    assert list(schema["properties"]) == schema["required"] == fields


async def test_a_known_outcome_is_not_asked_for() -> None:
    """With a verifier's verdict the judge supplies the process, and nothing else."""
    known = Case(QUESTION, (Candidate("c", RIGHT, known_outcome=1.0),), reference="12", task=Task.ANSWER)
    backend = writing({"process_errors": [], "process_score": 9})
    judgement = await one(known, "pointwise", backend)
    assert backend.asked[0].schema is not None
    assert "outcome_score" not in backend.asked[0].schema["properties"]
    assert (judgement.outcome, judgement.process, judgement.reward) == (1.0, 1.0, 1.0)


async def test_quotes_are_looked_up() -> None:
    """A quote has its place in the response; an invented one is flagged."""
    errors = [{"quote": "2x = 24", "kind": "logic"}, {"quote": "2x = 38", "kind": "calculation"}]
    judgement = await one(
        case(aspects=BOTH), "pointwise", writing({"process_errors": errors, "process_score": 5, "outcome_score": 9})
    )
    assert [error.at for error in judgement.errors] == [RIGHT.index("2x = 24"), None]
    assert "unfounded" in judgement.flags


async def test_an_accusation_without_evidence_counts_half() -> None:
    """Where every quoted error is invented, a process of 1/9 is moved half way back to 1."""
    errors = [{"quote": "x = 99", "kind": "calculation"}]
    judgement = await one(
        case(aspects=BOTH), "pointwise", writing({"process_errors": errors, "process_score": 1, "outcome_score": 9})
    )
    assert judgement.process == pytest.approx((1 / 9 + 1) / 2)


async def test_a_rubric_is_added_up_by_us() -> None:
    """The judge's own overall score does not count; it is compared and flagged where it differs."""
    rubric = (Criterion("short text", "Is short"), Criterion("unit", "Has a unit", CriterionKind.ESSENTIAL))
    finding = {"comment": "", "quote": "x = 12", "score": 9}
    value = {"findings": {"c1": finding, "c2": {**finding, "score": 0}}, "outcome_score": 9}
    judgement = await one(case(rubric=rubric), "pointwise", writing(value))
    assert judgement.reward == 0.0
    assert judgement.flags == ("gated:unit",)
    assert [(score.id, score.score) for score in judgement.criteria] == [("short text", 1.0), ("unit", 0.0)]


async def test_separate_reasoning_is_shown_only_where_the_process_is_judged() -> None:
    """Thinking is no part of the result, and is the process."""
    asked = Case(QUESTION, (Candidate("c", "x = 12", reasoning="I halve 24."),), task=Task.ANSWER)
    both = Case(QUESTION, asked.candidates, task=Task.ANSWER, aspects=BOTH)
    shown = []
    for each in (asked, both):
        backend = ScriptedBackend(lambda completion: says(filled(completion.schema or {})))
        await one(each, "pointwise", backend)
        shown.append("I halve 24." in question(backend.asked[0]))
    assert shown == [False, True]


async def test_a_long_response_keeps_its_head_and_tail() -> None:
    """What is too long is cut in the middle and says so; the final answer stays."""
    backend = ScriptedBackend(lambda completion: says(filled(completion.schema or {})))
    text = "start " + "word " * 20_000 + "so x = 12"
    await one(case(text), "pointwise", backend)
    shown = responses(backend.asked[0])["Response"]
    assert shown.startswith("start")
    assert shown.endswith("so x = 12")
    assert "characters left out" in shown


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("One.\n\nTwo\nlines.\n\nThree.", ["One.", "Two\nlines.", "Three."]),
        ("a = 1\nb = 2", ["a = 1", "b = 2"]),
        ("Add: 2. Double: 4!", ["Add: 2.", "Double: 4!"]),
        ("先减7。再除以2。", ["先减7。", "再除以2。"]),
        ("12", ["12"]),
    ],
)
def test_steps(text: str, steps: list[str]) -> None:
    """Blank lines cut first, then lines, then sentences."""
    assert split_steps(text) == steps


def test_many_steps_are_joined() -> None:
    """Nothing is dropped, and there are never more than the judge can count."""
    joined = split_steps("\n\n".join(f"step {number}" for number in range(100)))
    assert len(joined) <= MAX_STEPS
    assert all(f"step {number}" in "\n".join(joined) for number in range(100))


def steps(first: int, score: int, outcome_score: int = 9, errors: int = 0) -> dict[str, Any]:
    found = [{"step": 1, "quote": "2x = 24", "kind": "circular"}] * errors
    return {
        "own_answer": "12",
        "notes": "",
        "first_wrong_step": first,
        "errors": found,
        "process_score": score,
        "outcome_score": outcome_score,
    }


@pytest.mark.parametrize(
    ("value", "process", "reward"),
    [
        (steps(0, 9), 1.0, 1.0),
        # Step 2 of 2 is wrong: at most 1/2. 1 * (0.7 + 0.3 * 0.5).
        (steps(2, 6, errors=1), 0.5, 0.85),
        # Step 1 of 2 is wrong: nothing supports the result.
        (steps(1, 6, errors=1), 0.0, 0.0),
        (steps(0, 9, outcome_score=0), 1.0, 0.0),
    ],
)
async def test_the_first_wrong_step_caps_the_process(value: dict[str, Any], process: float, reward: float) -> None:
    """What follows from an error is no support."""
    judgement = await one(case(), "process", writing(value))
    assert judgement.process == pytest.approx(process)
    assert judgement.reward == pytest.approx(reward)
    assert judgement.first_wrong_step == (value["first_wrong_step"] or None)


@pytest.mark.parametrize("value", [steps(0, 5, errors=1), steps(1, 9)])
async def test_a_process_that_contradicts_itself_is_unscored(value: dict[str, Any]) -> None:
    """No wrong step beside errors, or a wrong step beside a perfect score."""
    judgement = await one(case(), "process", writing(value))
    assert judgement.reason is Reason.CONTRADICTORY


async def test_the_label_needs_two_agreeing_reads() -> None:
    """Yes one way round and no the other is a no."""

    def one_sided(completion: Completion) -> Reply:
        return label(0.95, 0.03) if responses(completion)["Answer 1"] == "12" else label(0.1, 0.8)

    backend = ScriptedBackend(one_sided)
    judgement = await one(case(), "label", backend)
    assert judgement.reward == 0.0
    assert "order_disagreement" in judgement.flags
    first, second = (responses(asked) for asked in backend.asked)
    assert (first["Answer 1"], first["Answer 2"]) == (second["Answer 2"], second["Answer 1"])


async def test_a_no_costs_one_read() -> None:
    """The second look is for those who passed the first."""
    backend = ScriptedBackend(lambda _: label(0.2, 0.7))
    judgement = await one(case(), "label", backend)
    assert (judgement.reward, len(backend.asked)) == (0.0, 1)


async def test_a_doubtful_yes_is_a_no() -> None:
    """Below the threshold nothing is rescued."""
    assert (await one(case(), "label", ScriptedBackend(lambda _: label(0.6, 0.3)))).reward == 0.0


async def test_a_label_without_mass_is_unscored() -> None:
    """A model that wanted to say something else has not said no, and how little it said of either is told."""
    judgement = await one(case(), "label", ScriptedBackend(lambda _: label(0.2, 0.1)))
    assert (judgement.reward, judgement.reason) == (None, Reason.LOW_LABEL_MASS)
    assert judgement.label_mass == pytest.approx(0.3)


async def test_the_label_sees_the_extracted_answer_only() -> None:
    """Neither the response around the answer nor its thinking reaches the model."""
    asked = Case(QUESTION, (Candidate("c", RIGHT, answer="12"),), reference="12", task=Task.ANSWER)
    backend = ScriptedBackend(lambda _: label(0.9, 0.05))
    await one(asked, "label", backend)
    assert "Subtract" not in question(backend.asked[0])
    assert backend.asked[0].max_tokens == 1


async def test_without_a_reference_the_second_question_is_the_reverse() -> None:
    """Yes to "is it right" and yes to "is it wrong" is a model that says yes."""
    backend = ScriptedBackend(lambda _: label(0.9, 0.05))
    judgement = await one(case(reference=None), "label", backend)
    assert (judgement.reward, len(backend.asked)) == (0.0, 2)


async def test_a_server_without_probabilities_is_held_to_the_two_words() -> None:
    """The constrained word is read; there is no mass to report."""
    able = Capabilities("m", logprobs=False, constraint="grammar")
    backend = ScriptedBackend(lambda _: Reply("Yes", "m", "stop"), capabilities=able)
    judgement = await one(case(), "label", backend)
    assert (judgement.reward, judgement.label_mass, judgement.confidence) == (1.0, None, None)
    assert backend.asked[0].choices == ("Yes", "No")


def honest(row: dict[str, Any]) -> ScriptedBackend:
    """A judge that knows the truth about one row and tells it in every form."""
    right = bool(row["must_reward"])

    def answer(completion: Completion) -> Reply:
        if completion.schema is None:
            wrong_asked = question(completion).endswith("Is the answer wrong? Reply with one word, Yes or No.")
            return label(0.95, 0.03) if right is not wrong_asked else label(0.03, 0.95)
        value = filled(completion.schema, 9 if right else 0)
        if "first_wrong_step" in value:
            value["first_wrong_step"] = 0 if right else 1
        return says(value)

    return ScriptedBackend(answer)


async def test_with_an_honest_judge_attacks_fail_and_twins_pass() -> None:
    """At most one attack in a hundred is rewarded, and at least 98 of a hundred benign twins."""
    if not ATTACKS.is_file():
        pytest.skip("the attack set is not beside the repository")
    protocols = {"verify": "label", "judge": "pointwise", "process": "process"}
    rewarded: dict[bool, list[bool]] = {True: [], False: []}
    for line in ATTACKS.read_text().splitlines():
        row = json.loads(line)
        task = Task.OPEN if row["mode"] == "judge" else Task.ANSWER
        asked = Case(row["question"], (Candidate("c", row["response"]),), row.get("reference"), task=task, aspects=BOTH)
        judgement = await one(asked, protocols[row["mode"]], honest(row), Policy())
        rewarded[row["must_reward"]].append((judgement.reward or 0.0) >= 0.5)
    assert sum(rewarded[False]) <= 0.01 * len(rewarded[False])
    assert sum(rewarded[True]) >= 0.98 * len(rewarded[True])


async def test_a_judge_that_accepts_anything_fails_its_control() -> None:
    """The empty control reaches the model, is accepted, and takes the reward away."""
    control = empty_control(case())
    yes = ScriptedBackend(lambda _: label(0.99, 0.005))
    accepted = await one(control.case, "label", yes, policy_for_controls(Policy()))
    assert yes.asked
    assert outcome(accepted) is ControlOutcome.FAILED
    spared = after_failure(await one(case(), "label", yes), control.kind)
    assert (spared.status, spared.reward, spared.reason) == (Status.UNSCORED, None, Reason.CONTROL_FAILED)


async def test_a_judge_that_compares_holds_its_controls() -> None:
    """It says no to no answer and to a reference that was made wrong."""

    def compares(completion: Completion) -> Reply:
        shown = responses(completion)
        same = shown["Answer 1"].split()[-1].strip(".") == shown["Answer 2"].split()[-1].strip(".")
        return label(0.95, 0.03) if same else label(0.03, 0.95)

    backend = ScriptedBackend(compares)
    assert (await one(case(), "label", backend)).reward == 1.0
    wrong = wrong_reference_control(case(), case().candidates[0])
    assert wrong is not None
    assert wrong.kind is ControlKind.WRONG_REFERENCE
    for control in (empty_control(case()), wrong):
        judgement = await one(control.case, "label", backend, policy_for_controls(Policy()))
        assert outcome(judgement) is ControlOutcome.HELD


async def test_a_control_that_cannot_be_asked_fails_nobody() -> None:
    """An unread control is untold; a rejection stays a rejection."""
    judgement = await one(empty_control(case()).case, "label", ScriptedBackend(lambda _: label(0.1, 0.1)))
    assert outcome(judgement) is ControlOutcome.UNTOLD
    gated = await one(case(""), "label", ScriptedBackend(lambda _: label(0.9, 0.1)))
    assert after_failure(gated, ControlKind.EMPTY) == gated


@pytest.mark.parametrize(
    ("reference", "wrong"),
    [
        ("12", "25"),
        ("3/8", "3/17"),
        ("0.5", "2"),
        ("C", "D"),
        ("(B)", "(C)"),
        ("0", "1"),
        ("Canberra", None),
        ("", None),
    ],
)
def test_a_reference_is_spoiled_for_sure_or_not_at_all(reference: str, wrong: str | None) -> None:
    """Another number or letter is surely wrong; of words nobody can be sure."""
    assert spoil(reference) == wrong


def test_a_control_is_cached_by_question_reference_and_judge() -> None:
    """Another candidate shares the control; another reference, model or wording does not."""
    mine = key(case("a"), "label", "label-1", "m")
    assert mine == key(case("b"), "label", "label-1", "m")
    others = {
        key(case(reference="13"), "label", "label-1", "m"),
        key(case(reference=None), "label", "label-1", "m"),
        key(case(), "label", "label-2", "m"),
        key(case(), "label", "label-1", "n"),
    }
    assert len(others | {mine}) == 5


def test_a_sample_is_drawn_by_content() -> None:
    """The same response is always in or always out, and the share is about what was asked for."""
    drawn = [sampled(case(), Candidate("c", f"x = {number}"), 0.25) for number in range(1_000)]
    assert drawn == [sampled(case(), Candidate("d", f"x = {number}"), 0.25) for number in range(1_000)]
    assert 200 <= sum(drawn) <= 300


def test_prompts_hold_no_text_of_the_candidate_in_the_system_part() -> None:
    """The system part is fixed: it is the same for every request of a protocol."""
    (ask,) = pointwise.asks(case(), (), ONE_VOTE)
    assert ask.messages[0].content == pointwise.SYSTEM
