"""What rewriting is for, what models may and may not do in it, and the command, all with real servers."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveService
from tests.scripted_openai import Act, Asked, Json, ScriptedOpenAI, completion
from tests.trainer.curation.commands import touchstone_data
from touchstone_client import Client
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.rewriting import checks
from touchstone_trainer.curation.rewriting.acceptance import boxed, guesses
from touchstone_trainer.curation.rewriting.by_model import Writer
from touchstone_trainer.curation.rewriting.drafts import Draft, Reason
from touchstone_trainer.curation.rewriting.rewriter import Rewriter
from touchstone_trainer.curation.rows import Found, Place
from touchstone_trainer.curation.stage import Done

CASES = Path(__file__).parents[2] / "cases" / "rewrite.json"
WHICH = "Which of the following is the number of prime numbers below 20?\nA. 7\nB. 8\nC. 9"


def found(*rows: dict[str, Any]) -> list[Found]:
    return [Found(at, Place("here", at + 1), row) for at, row in enumerate(rows)]


def writes(*texts: str) -> ScriptedOpenAI:
    """A model that says these texts, one a request, and stays with the last."""
    left = list(texts)

    def act(asked: Asked) -> Act:
        if asked.path == "/v1/models":
            return Json({"data": [{"id": "scripted"}]})
        return Json(completion(left.pop(0) if len(left) > 1 else left[0]))

    return ScriptedOpenAI(act)


def by_model(service: LiveService, row: dict[str, Any], *texts: str, attempts: int = 0) -> tuple[Done, ScriptedOpenAI]:
    with writes(*texts) as server, Client(service.url) as client:
        return Rewriter(client, Writer(ModelServer(server.url), client, attempts))(found(row)), server


@pytest.fixture(scope="module")
def output(service: LiveService, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """All cases through the command, as JSONL."""
    folder = tmp_path_factory.mktemp("rewrite")
    rows = json.loads(CASES.read_text())
    (folder / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    ran = touchstone_data(
        "rewrite", "in.jsonl", "-o", "out.jsonl", "--dropped", "no.jsonl", "--service", service.url, cwd=folder
    )
    assert ran.returncode == 0, ran.stderr
    card = json.loads((folder / "out.jsonl.card.json").read_text())
    kept, dropped = ((folder / name).read_text().splitlines() for name in ("out.jsonl", "no.jsonl"))
    assert card["counts"]["kept"] + card["counts"]["rewritten"] == len(kept)
    assert card["counts"]["dropped"] == len(dropped) == len(rows) - len(kept)
    return [json.loads(line) for line in kept]


@pytest.mark.parametrize("guess", guesses("exact_text"))
def test_a_constant_answer_earns_nothing(guess: str, output: list[dict[str, Any]], service: LiveService) -> None:
    """A policy that says one label, or true, or no, to every question of the output is never paid."""
    items = [
        {name: row[name] for name in ("question", "reference", "task") if name in row} | {"response": boxed(guess)}
        for row in output
    ]
    with Client(service.url) as client:
        assert sum(result.reward or 0.0 for result in client.verify(items)) == 0.0


def test_no_label_is_left_in_the_output(output: list[dict[str, Any]]) -> None:
    """No rewritten question shows or mentions its options, and what it was stays beside it."""
    rewritten = [row for row in output if row["rewrite"] == "rewritten"]
    assert rewritten
    for row in rewritten:
        draft = Draft("", row["question"], (), (), (), "")
        assert checks.label_left(draft) is None
        assert checks.options_mentioned(draft) is None
        assert {"original_question", "original_reference"} <= row.keys()
        assert "choices" not in row


@pytest.mark.parametrize(
    ("reference", "index_from", "gold"),
    [("2", 0, "1"), ("2", 1, "2"), ("2", None, None), ("0", 0, "4"), ("4", None, None), ("C", 0, "1"), ("7", 1, None)],
)
def test_an_index_is_no_text(reference: str, index_from: int | None, gold: str | None, service: LiveService) -> None:
    """Where a number may be an option's place or its text nothing is guessed: it is dropped, or counted as told."""
    row = {"question": "How many are left?", "reference": reference, "choices": ["4", "2", "1", "3"]}
    with Client(service.url) as client:
        done = Rewriter(client, index_from=index_from)(found(row))
    assert [new["reference"] for new in done.rows.get("rows", [])] == ([] if gold is None else [gold])


DRAFT = Draft("A box holds 12 pens. How many are in 3 boxes?", "", ("36",), (), ("math",), "model")
BAD_TEXTS = {
    "A box holds 12 pens. How many are in 3 boxes? (A) 24 (B) 36 (C) 48": Reason.LABEL_LEFT,
    "A box holds 12 pens. How many are in 3 boxes? Is it (B)": Reason.LABEL_LEFT,
    "A box holds 12 pens. Which of the following is the number in 3 boxes?": Reason.OPTIONS_MENTIONED,
    "A box holds 12 pens. True or false: 3 boxes hold many.": Reason.OPTIONS_MENTIONED,
    "一盒有12支笔，3盒有多少支？请选择正确的选项。": Reason.OPTIONS_MENTIONED,
    "A box holds 12 pens. How do 3 boxes make 36?": Reason.GOLD_LEAKED,
    "A box holds twelve pens. How many are in 3 boxes?": Reason.NUMBER_LOST,
    "A box holds 12 pens. How many are in some boxes?": Reason.NUMBER_LOST,
    "A box holds 12 pens. Prove how many are in 3 boxes.": Reason.BECAME_PROOF,
    "A box holds 12 pens. How many pens are in 3 boxes? Give an integer.": None,
    "A box holds 12 pens that cost 1.36 each. How many pens are in 3 boxes?": None,
}


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_checks_on_the_text(text: str) -> None:
    """What no rewritten question may show or lose is found, and nothing else."""
    draft = Draft(DRAFT.old, text, DRAFT.references, (), ("math",), "model")
    assert checks.failed(draft) is BAD_TEXTS[text]


def test_a_model_rewrites_what_rules_cannot(service: LiveService) -> None:
    """A question that needs its options is worded by the model; the gold stays what the data say."""
    asked = "How many prime numbers are smaller than 20?"
    row = {"question": "Which of these is how many primes lie below 20?\nA. 7\nB. 8\nC. 9", "reference": "B"}
    done, server = by_model(service, row, f'Sure.\n{{"question": "{asked}"}}')
    (new,) = done.rows["rows"]
    assert (new["question"], new["reference"], new["task"]) == (asked, "8", "math")
    assert new["rewrite_reason"] == "model"
    shown = json.dumps(server.asked[-1].body)
    assert "A." not in shown
    assert "Given answer: 8" in shown


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        ('{"question": null}', Reason.MODEL_DECLINED),
        ("I cannot do that.", Reason.MODEL_DECLINED),
        ('{"question": "Are there 8 primes below 20?"}', Reason.GOLD_LEAKED),
        ('{"question": "How many primes are small?"}', Reason.NUMBER_LOST),
        ('{"question": "Which of the following counts the primes below 20?"}', Reason.OPTIONS_MENTIONED),
    ],
)
def test_a_models_question_must_pass_the_same_checks(reply: str, reason: Reason, service: LiveService) -> None:
    """Whatever a model writes that leaks, loses or declines costs the question, and the reason says so."""
    row = {"question": "Which of these is how many primes lie below 20?\nA. 7\nB. 8\nC. 9", "reference": "B"}
    done, _ = by_model(service, row, reply)
    assert done.counts[f"dropped: {reason}"] == 1
    assert "rows" not in done.rows


@pytest.mark.parametrize(("solved", "outcome"), [("So \\boxed{8}.", "rewritten"), ("So \\boxed{9}.", "dropped")])
def test_one_attempt_must_agree(solved: str, outcome: str, service: LiveService) -> None:
    """A question that its own writer cannot answer as the data say is dropped."""
    row = {"question": "Which of these is how many primes lie below 20?\nA. 7\nB. 8\nC. 9", "reference": "B"}
    done, _ = by_model(service, row, '{"question": "How many primes are smaller than 20?"}', solved, attempts=2)
    assert done.counts[outcome] == 1


def test_a_claims_value_must_stand_in_the_claim(service: LiveService) -> None:
    """A model may ask for a value that a true claim states, and for no other."""
    row = {"question": "True or false: every week lasts 7 days.", "reference": "True"}
    asked = '{"question": "How many days does every week last?", "answer": "%s"}'
    assert by_model(service, row, asked % "7")[0].rows["rows"][0]["reference"] == "7"
    assert by_model(service, row, asked % "168")[0].counts["dropped: model_declined"] == 1
    lie = {"question": "True or false: every week lasts 8 days.", "reference": "False"}
    done, server = by_model(service, lie, asked % "8")
    assert done.counts["dropped"] == 1
    assert [one.path for one in server.asked] == ["/v1/models"]


def test_the_command_needs_its_service(tmp_path: Path) -> None:
    """Without a service nothing is rewritten unchecked: exit status 3, and no output appears."""
    (tmp_path / "in.jsonl").write_text(json.dumps({"question": WHICH, "reference": "B"}) + "\n")
    ran = touchstone_data("rewrite", "in.jsonl", "-o", "out.jsonl", "--service", "http://127.0.0.1:9", cwd=tmp_path)
    assert ran.returncode == 3
    assert not (tmp_path / "out.jsonl").exists()
