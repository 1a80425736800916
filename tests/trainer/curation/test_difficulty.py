"""Pass rates and suspect references, from given and from sampled responses, through a real service."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveService
from tests.scripted_openai import Act, Asked, Json, ScriptedOpenAI, completion
from tests.trainer.curation.commands import touchstone_data
from touchstone_client import Client
from touchstone_trainer.curation.difficulty import Band, Fate, Rater, Sampling
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.rows import Found, Place
from touchstone_trainer.curation.stage import Done

QUESTION = "What is 6 times 7?"
Rated = Callable[..., Done]


def row(responses: Any = None, reference: str = "42", **more: Any) -> dict[str, Any]:
    given = {} if responses is None else {"responses": responses}
    return {"question": QUESTION, "reference": reference, **given, **more}


def boxes(*answers: Any) -> list[str]:
    return [f"So it is \\boxed{{{answer}}}." for answer in answers]


@pytest.fixture
def rate(service: LiveService) -> Rated:
    def run(*rows: dict[str, Any], url: str = service.url, **options: Any) -> Done:
        with Client(url) as client:
            return Rater(client, **options)([Found(at, Place("here", at + 1), one) for at, one in enumerate(rows)])

    return run


def test_the_band_is_what_teaches() -> None:
    """Of eight responses one right one is enough and one wrong one is; all or none is not; three decide nothing."""
    band = Band()
    assert band.fate([1.0] + [0.0] * 7) is Fate.KEPT
    assert band.fate([0.0] + [1.0] * 7) is Fate.KEPT
    assert band.fate([1.0] * 8) is Fate.TOO_EASY
    assert band.fate([0.0] * 8) is Fate.TOO_HARD
    assert band.fate([1.0, 0.0, 1.0]) is Fate.UNMEASURED
    assert Band(0.25, 0.5).fate([1.0, 0.0, 0.0, 0.0]) is Fate.KEPT


def test_rows_are_rated_by_the_verifier(rate: Rated) -> None:
    """Other writings of the answer count as right; what is left out keeps its rate and says why."""
    done = rate(row(boxes("42", "84/2", "41", "6\\cdot 7")), row(boxes(1, 2, 3, 4)), row(boxes(42, 42, 42, 42)))
    assert [(one["pass_rate"], one["decided"], one["samples"]) for one in done.rows["rows"]] == [(0.75, 4, 4)]
    gone = [(one["difficulty_fate"], one["pass_rate"]) for one in done.rows["dropped"]]
    assert gone == [("too_hard", 0.0), ("too_easy", 1.0)]
    assert "suspects" not in done.rows


def test_a_reference_that_nobody_can_decide_is_unmeasured(rate: Rated) -> None:
    """Undecided responses are no wrong ones: without decided ones there is no rate."""
    done = rate(row(boxes(1, 2, 3, 4), reference="\\frac{1}{"))
    assert [(one["difficulty_fate"], one["pass_rate"]) for one in done.rows["dropped"]] == [("unmeasured", None)]
    assert done.counts["undecided responses"] == 4


def test_a_majority_against_the_reference_makes_it_suspect(rate: Rated) -> None:
    """Votes in different writings count together; without a model the suspicion is unconfirmed."""
    done = rate(
        row(boxes("42", "84/2", "42.0", "42", "7"), reference="43", id="wrong"),
        row(boxes("41", "40", "39", "38", "42"), reference="42", id="scattered"),
        row(boxes("41", "41", "42", "42", "42"), reference="42", id="right"),
    )
    [suspect] = done.rows["suspects"]
    assert (suspect["id"], suspect["suspect"], suspect["majority"], suspect["votes"]) == (
        "wrong",
        "unconfirmed",
        "42",
        4,
    )
    assert suspect["difficulty_fate"] == "too_hard"


def test_the_model_confirms_a_suspect(rate: Rated, start_service: Callable[..., LiveService]) -> None:
    """A model that, asked about the majority's answer alone, sees another one too confirms the suspicion."""
    done = rate(row(boxes(*["41"] * 5)), url=start_service(model="0").url)
    assert [one["suspect"] for one in done.rows["suspects"]] == ["confirmed"]


def test_an_answer_that_the_model_recognises_is_no_suspect(
    rate: Rated, start_service: Callable[..., LiveService]
) -> None:
    """What the rules refuse and the model takes for the reference is right."""
    done = rate(row(boxes(*["\\text{agree 41}"] * 5)), url=start_service(model="0").url)
    assert "suspects" not in done.rows
    assert done.rows["dropped"][0]["difficulty_fate"] == "too_easy"


def sampler(*answers: str) -> ScriptedOpenAI:
    """A model whose answer goes by the seed."""

    def act(asked: Asked) -> Act:
        if asked.path == "/v1/models":
            return Json({"data": [{"id": "scripted"}]})
        if "no model" in asked.body["messages"][0]["content"]:
            return Json({"error": "too long"}, 400)
        return Json(completion(boxes(answers[asked.body["seed"] % len(answers)])[0]))

    return ScriptedOpenAI(act)


def test_rows_without_responses_are_sampled(rate: Rated) -> None:
    """Each sample has its own seed, the question is asked as a solver sees it, and refused rows are unusable."""
    refused = row() | {"question": "This is for no model"}
    with sampler("42", "41", "42", "40") as server:
        how = Sampling(samples=4, temperature=0.7, seed=8)
        done = rate(
            row(), row(boxes(42, 42, 42, 1)), refused, model=ModelServer(server.url), sampling=how, keep_responses=True
        )
        bodies = [asked.body for asked in server.asked if asked.body]
    assert [one["pass_rate"] for one in done.rows["rows"]] == [0.5, 0.75]
    assert done.rows["rows"][0]["responses"] == boxes(42, 41, 42, 40)
    assert sorted(body["seed"] for body in bodies)[:4] == [8, 9, 10, 11]
    assert {body["temperature"] for body in bodies} == {0.7}
    assert [one.index for one in done.unusable] == [2]


def test_the_command_tells_rates_and_unusable_rows(service: LiveService, tmp_path: Path) -> None:
    """Parquet in, JSONL out, the mean rate in the card; rows without responses and without a model are unusable."""
    rows = [row(boxes(42, 1, 1, 1)), row(boxes(42, 42, 42, 1), reference="42"), row()]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))
    call = ["difficulty", "in.jsonl", "-o", "out.jsonl", "--service", service.url]
    ran = touchstone_data(*call, cwd=tmp_path)
    assert ran.returncode == 1, ran.stderr
    assert "in.jsonl:3" in ran.stderr
    card = json.loads((tmp_path / "out.jsonl.card.json").read_text())
    assert (card["counts"]["kept"], card["pass_rate"]) == (2, 0.5)
    assert touchstone_data(*call, "--overwrite", "--lowest", "0.9", "--highest", "0.1", cwd=tmp_path).returncode == 2
