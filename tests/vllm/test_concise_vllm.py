"""ConCISE and rewriting against a real vLLM server on the CPU. The tiny model writes nonsense: its form counts."""

import asyncio
import json
from pathlib import Path

import pytest

from grm.vllm_server import SupervisedBackend
from tests.live import LiveService
from tests.trainer.curation.commands import touchstone_data
from touchstone_trainer.curation.concise.generator import CHAT, ServerGenerator
from touchstone_trainer.curation.concise.settings import ENGLISH
from touchstone_trainer.curation.model_server import ModelServer

pytestmark = [pytest.mark.vllm, pytest.mark.asyncio(loop_scope="session")]

QUESTION = "What is 6 times 7?"
TEMPLATE = "Question: {question}\nAnswer: "
FORMS = {"chat": CHAT, "completions": TEMPLATE}
ANSWER = "Six sevens make \\boxed{42}."
SURE_TOO_LATE = f"{ANSWER}\n\nWait, let me verify: 7 + 7 + 7 + 7 + 7 + 7 = 42.\n\nYes, it is \\boxed{{42}}."
ANXIOUS = "Six times seven.\n\nWait, let me double-check the question.\n\nIt is \\boxed{42}."


@pytest.fixture
def model(server: SupervisedBackend) -> str:
    """The server's address."""
    assert server.url is not None
    return server.url


@pytest.mark.parametrize("form", FORMS)
async def test_the_model_goes_on_from_a_beginning(form: str, model: str) -> None:
    """A beginning is continued, not answered anew; what comes next has probabilities; tokens are the model's own."""

    def look() -> None:
        generator = ServerGenerator(ModelServer(model), QUESTION, FORMS[form])
        whole = generator.continue_(ANSWER, (), 12)
        assert 0 < whole.tokens <= 12
        assert not whole.text.startswith(ANSWER)
        letter = next(letter for letter in whole.text if letter.strip())
        assert letter not in generator.continue_(ANSWER, (letter,), 12).text
        probs = generator.next_token_probs(ANSWER + ENGLISH.probe)
        assert 1 < len(probs) <= 20
        assert 0 < sum(probs.values()) <= 1 + 1e-6
        assert generator.tokens("") == 0
        assert 0 < generator.tokens(ANSWER) < generator.tokens(SURE_TOO_LATE)

    await asyncio.to_thread(look)


@pytest.mark.parametrize("form", FORMS)
async def test_the_command_end_to_end(form: str, model: str, service: LiveService, tmp_path: Path) -> None:
    """Model and verifier are real: where the model's next word counts as sure the chain ends there, with its answer;
    what an untrained model makes of a doubt is counted, and never a training row with another answer.
    """
    generator = ServerGenerator(await asyncio.to_thread(ModelServer, model), QUESTION, FORMS[form])
    probs = await asyncio.to_thread(generator.next_token_probs, ANSWER + ENGLISH.probe)
    likeliest = max(probs, key=lambda token: probs[token]).strip().lower()
    prompts = tmp_path / "prompts.toml"
    prompts.write_text(
        f"max_steps = 6\nstep_tokens = 24\nresponse_tokens = 64\n[english]\nphrases = {json.dumps(ENGLISH.phrases)}\n"
        f"probe = {json.dumps(ENGLISH.probe)}\nconfident = [{json.dumps(likeliest)}]\ndoubtful = ['unheard-of']\n"
    )
    (tmp_path / "template.txt").write_text(TEMPLATE)
    rows = [{"id": "late", "response": SURE_TOO_LATE}, {"id": "anxious", "response": ANXIOUS}, {"id": "own"}]
    rows = [{"question": QUESTION, "reference": "42", **row} for row in rows]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["in.jsonl", "-o", "out.jsonl", "--pairs", "pairs.jsonl", "--prompts", "prompts.toml"]
    arguments += ["--template", "chat" if form == "chat" else "template.txt", "--model", model]
    ran = await asyncio.to_thread(
        lambda: touchstone_data("concise", *arguments, "--service", service.url, cwd=tmp_path)
    )
    assert ran.returncode == 0, ran.stderr
    out = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    late = next(row for row in out if row["id"] == "late")
    assert late["response"] == ANSWER
    assert late["stopped_early"]
    assert late["tokens"] < late["original_tokens"]
    counts = json.loads((tmp_path / "out.jsonl.card.json").read_text())["counts"]
    ended = ("shortened", "not_shorter", "answer_lost", "gave_up", "original_incorrect", "undecided")
    assert sum(counts.get(name, 0) for name in ended) == len(rows)
    assert counts["injected"] >= 1
    assert all("42" in row["response"] for row in out)


async def test_rewriting_asks_the_model(model: str, service: LiveService, tmp_path: Path) -> None:
    """An untrained model words no question that passes the checks and solves none that rules made: both are dropped."""
    rows = [
        {"question": "Which of these counts the primes below 20?\nA. 7\nB. 8\nC. 9", "reference": "B"},
        {"question": "What is 6 times 7?\nA. 42\nB. 36\nC. 48", "reference": "A"},
    ]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    arguments = ["in.jsonl", "-o", "out.jsonl", "--model", model, "--solve-tokens", "64"]
    ran = await asyncio.to_thread(
        lambda: touchstone_data("rewrite", *arguments, "--service", service.url, cwd=tmp_path)
    )
    assert ran.returncode == 0, ran.stderr
    card = json.loads((tmp_path / "out.jsonl.card.json").read_text())
    assert card["counts"]["dropped: no_attempt_agreed"] == 1
    assert card["counts"]["dropped: model_declined"] == 1
