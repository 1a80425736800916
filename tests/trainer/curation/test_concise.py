"""ConCISE against a scripted model server and a real service, both over HTTP."""

import json
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveService
from tests.scripted_openai import Act, Asked, Json, ScriptedOpenAI
from tests.trainer.curation.commands import touchstone_data
from touchstone_client import Client
from touchstone_trainer.curation.concise.compressor import Compressor
from touchstone_trainer.curation.concise.settings import CHINESE, ENGLISH, ConciseSettings
from touchstone_trainer.curation.concise.shorten import confidence
from touchstone_trainer.curation.concise.steps import in_steps, reflects, split, states_answer
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.rows import Found, Place
from touchstone_trainer.curation.stage import Done

QUESTION = "What is 6 times 7?"
SURE, UNSURE = {"Great": 0.9, "Wait": 0.1}, {"Great": 0.1, "Wait": 0.9}
Says = Callable[[str, Mapping[str, Any]], str]
"""What the model writes behind a beginning, given the request."""


def reasoner(says: Says, probe: Mapping[str, float] = SURE) -> ScriptedOpenAI:
    """A model that writes what `says` gives, and the likeliest next tokens of `probe`; one token a word."""

    def act(asked: Asked) -> Act:
        if asked.path == "/v1/models":
            return Json({"data": [{"id": "scripted"}]})
        body = asked.body
        begun = begun_of(body)
        text = "" if body["max_tokens"] == 1 else says(begun, body)
        for stop in body.get("stop", []):
            text = text.split(stop)[0]
        whole = body["prompt"] if "prompt" in body else " ".join(each["content"] for each in body["messages"])
        usage = {"prompt_tokens": len(whole.split()), "completion_tokens": len(text.split())}
        table = {token: math.log(p) for token, p in probe.items()}
        if "prompt" in body:
            choice = {"text": text, "finish_reason": "stop", "logprobs": {"top_logprobs": [table]}}
        else:
            tops = [{"token": token, "logprob": logprob} for token, logprob in table.items()]
            choice = {
                "message": {"content": text},
                "finish_reason": "stop",
                "logprobs": {"content": [{"top_logprobs": tops}]},
            }
        return Json({"choices": [choice], "usage": usage})

    return ScriptedOpenAI(act)


def begun_of(body: Mapping[str, Any]) -> str:
    """The unfinished message that a request hands over."""
    if "prompt" in body:
        return str(body["prompt"])
    last = body["messages"][-1]
    return str(last["content"]) if last["role"] == "assistant" else ""


def silent(begun: str, body: Mapping[str, Any]) -> str:
    """A model that has nothing to add."""
    return ""


def row(response: str | None, **more: Any) -> dict[str, Any]:
    given = {} if response is None else {"response": response}
    return {"id": "q", "question": QUESTION, "reference": "42", **given, **more}


@pytest.fixture
def compress(service: LiveService) -> Callable[..., tuple[Done, list[Asked]]]:
    """Runs rows through ConCISE with a model: what came of it, and what the model was asked."""

    def run(model: ScriptedOpenAI, *rows: dict[str, Any], **options: Any) -> tuple[Done, list[Asked]]:
        settings = ConciseSettings(
            **{name: options.pop(name) for name in list(options) if name in ConciseSettings.model_fields}
        )
        with model, Client(service.url) as client:
            compressor = Compressor(client, ModelServer(model.url), settings, **options)
            done = compressor([Found(at, Place("here", at + 1), one) for at, one in enumerate(rows)])
        return done, [asked for asked in model.asked if asked.path != "/v1/models"]

    return run


Compress = Callable[..., tuple[Done, list[Asked]]]

ANXIOUS = (
    "Six times seven is six sevens.\n\n"
    "Wait, let me double-check what the question asks for before I go on with it at all.\n\n"
    "It asks for a product.\n\nSo the answer is \\boxed{42}."
)


def test_a_doubt_gives_way_to_confidence(compress: Compress) -> None:
    """Where a step would doubt, a confident phrase stands, and the model goes on from there."""

    def says(begun: str, body: Mapping[str, Any]) -> str:
        return "the product is \\boxed{42}."

    done, asked = compress(reasoner(says), row(ANXIOUS))
    (new,) = done.rows["rows"]
    first, second = new["response"].split("\n\n")
    assert first == "Six times seven is six sevens."
    assert second.endswith(" the product is \\boxed{42}.")
    phrase = second.removesuffix(" the product is \\boxed{42}.")
    assert phrase in ENGLISH.phrases
    handed_over = asked[0].body["messages"][-1]
    assert handed_over == {"role": "assistant", "content": f"{first}\n\n{phrase}"}
    assert (new["injected"], new["tokens"]) == (1, len(new["response"].split()))
    assert new["original_tokens"] == len(ANXIOUS.split())


def test_reasoning_ends_once_the_model_is_sure(compress: Compress) -> None:
    """Behind a stated answer the model is asked; sure enough, everything behind it is left out."""
    answer = "Six sevens make \\boxed{42}."
    original = f"{answer}\n\nWait, let me verify: 7 + 7 + 7 + 7 + 7 + 7 = 42.\n\nYes, it is \\boxed{{42}}."
    done, asked = compress(reasoner(silent), row(original, level=3))
    (new,), (pair,) = done.rows["rows"], done.rows["pairs"]
    assert new["response"] == answer
    assert (new["stopped_early"], new["level"]) == (True, 3)
    assert new["confidence"] == pytest.approx(0.9)
    assert (pair["prompt"], pair["chosen"], pair["rejected"]) == (QUESTION, answer, original)
    assert done.counts["tokens_before"] - done.counts["tokens_after"] == len(original.split()) - len(answer.split())
    assert begun_of(asked[0].body) == answer + ENGLISH.probe


def test_a_model_in_doubt_may_go_on(compress: Compress) -> None:
    """Below the threshold nothing is cut: re-checking an answer that is not certain is no waste."""
    original = "Perhaps \\boxed{42}.\n\nWait, let me verify: 6 * 7 = 42.\n\nYes, \\boxed{42}."
    done, _ = compress(reasoner(silent, UNSURE), row(original))
    assert done.counts["not_shorter"] == 1
    assert "rows" not in done.rows
    assert done.counts["probes"] == 3


@pytest.mark.parametrize(("threshold", "stopped"), [(0.5, 1), (0.6, 1), (0.61, 0)])
def test_the_threshold_is_a_setting(threshold: float, stopped: int, compress: Compress) -> None:
    """The reasoning ends from the threshold on: here the model is sure by 0.6."""
    model = reasoner(silent, {" Great": 0.3, "wait": 0.2, "the": 0.5})
    done, _ = compress(model, row("It is \\boxed{42}.\n\nWait, is it? Yes."), threshold=threshold)
    assert done.counts["stopped_early"] == stopped


def test_a_probe_that_says_nothing_stops_nothing(compress: Compress) -> None:
    """Where no next token is about confidence, there is no confidence: neither 0 nor 1, and no stop."""
    done, _ = compress(reasoner(silent, {"the": 0.9}), row("It is \\boxed{42}.\n\nWait, is it? Yes."))
    assert (done.counts["probe_unreadable"], done.counts["stopped_early"]) == (1, 0)
    assert confidence({"the": 0.9}, ENGLISH) is None
    assert confidence({"ĠGreat": 0.2, "Great!": 0.1, "Wait": 0.1}, ENGLISH) == pytest.approx(0.75)


def test_a_lost_answer_is_no_training_row(compress: Compress) -> None:
    """A shorter chain that ends in another answer is counted and thrown away."""
    done, _ = compress(reasoner(lambda begun, body: "it is \\boxed{43}."), row(ANXIOUS))
    assert (done.counts["answer_lost"], done.counts["attempted"]) == (1, 1)
    assert done.rows == {}


def test_wrong_originals_cost_no_model_calls(compress: Compress) -> None:
    """A response whose answer is wrong is not worth shortening, and the model is not asked about it."""
    done, asked = compress(reasoner(silent), row("It is \\boxed{41}.\n\nWait, check. Yes."))
    assert (done.counts["original_incorrect"], done.counts["attempted"]) == (1, 0)
    assert asked == []


def test_a_chain_without_end_is_given_up(compress: Compress) -> None:
    """A model that never stops costs at most the steps allowed."""
    done, asked = compress(reasoner(lambda begun, body: "and more"), row(ANXIOUS), max_steps=5)
    assert done.counts["gave_up"] == 1
    assert len([one for one in asked if "stop" in one.body]) == 4


def test_thinking_stays_apart_from_the_answer(compress: Compress) -> None:
    """Thinking that ends early gets an ending of the model's own, behind the thinking's end."""
    original = "<think>\nSix sevens: \\boxed{42}.\n\nWait, I should check this.\n\nYes.\n</think>\n\nIt is \\boxed{42}."
    done, asked = compress(reasoner(lambda begun, body: "So \\boxed{42}."), row(original))
    (new,) = done.rows["rows"]
    assert new["response"] == "<think>\nSix sevens: \\boxed{42}.\n</think>\n\nSo \\boxed{42}."
    assert any(begun_of(one.body).endswith("\n</think>\n\n") for one in asked)


def test_rows_without_a_response_get_one(compress: Compress) -> None:
    """A row that brings only a question is answered first."""

    def says(begun: str, body: Mapping[str, Any]) -> str:
        return "So the product is \\boxed{42}." if begun else ANXIOUS

    done, _ = compress(reasoner(says), row(None))
    assert done.rows["pairs"][0]["rejected"] == ANXIOUS


def test_chinese_chains_get_chinese_words(compress: Compress) -> None:
    """Doubt, phrase and probe are in the question's language."""
    original = "六个七相加。\n\n等等，让我再检查一下题目的要求到底是什么 再 看 一 遍。\n\n答案是 \\boxed{42}。"
    model = reasoner(lambda begun, body: "结果是 \\boxed{42}。", {"确定": 0.8, "等等": 0.1})
    done, asked = compress(model, row(original, question="6 乘以 7 等于多少？"))
    (new,) = done.rows["rows"]
    second = new["response"].split("\n\n")[1]
    assert any(second == f"{phrase}结果是 \\boxed{{42}}。" for phrase in CHINESE.phrases)
    assert any(begun_of(one.body).endswith(CHINESE.probe) for one in asked)


def test_plain_completions_take_a_template(compress: Compress) -> None:
    """With a template of one's own everything goes through plain completions."""
    done, asked = compress(reasoner(lambda begun, body: "so \\boxed{42}."), row(ANXIOUS), template="Q: {question}\nA: ")
    assert done.counts["shortened"] == 1
    assert {one.path for one in asked} == {"/v1/completions"}
    assert all(one.body["prompt"].startswith(f"Q: {QUESTION}\nA: ") for one in asked)


def test_the_seed_decides_the_phrases(compress: Compress) -> None:
    """The same seed gives the same rows again; another seed other phrases."""
    rows = [row(ANXIOUS) for _ in range(6)]

    def written(seed: int) -> list[str]:
        done, _ = compress(reasoner(lambda begun, body: "so \\boxed{42}."), *rows, seed=seed)
        return [one["response"] for one in done.rows["rows"]]

    assert written(1) == written(1) != written(2)


def test_the_command_reports_tokens_and_answers(service: LiveService, tmp_path: Path) -> None:
    """One call writes rows, pairs and a card with the tokens saved and the share of answers preserved."""
    lost = row("Try.\n\nWait, let me double-check that and everything else here.\n\n\\boxed{42}", id="lost")
    rows = [row(ANXIOUS), row("It is \\boxed{42}.\n\nWait, really? Let me check it. Yes."), lost]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows))

    def says(begun: str, body: Mapping[str, Any]) -> str:
        return "it is \\boxed{1}." if begun.startswith("Try.") else "it is \\boxed{42}."

    with reasoner(says) as model:
        arguments = ["in.jsonl", "-o", "out.jsonl", "--pairs", "pairs.jsonl", "--model", model.url]
        ran = touchstone_data("concise", *arguments, "--service", service.url, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    card = json.loads((tmp_path / "out.jsonl.card.json").read_text())
    out, pairs = ((tmp_path / name).read_text().splitlines() for name in ("out.jsonl", "pairs.jsonl"))
    assert len(out) == len(pairs) == 2
    before = sum(json.loads(line)["original_tokens"] for line in out)
    after = sum(json.loads(line)["tokens"] for line in out)
    assert card["concise"] == {
        "answers_preserved": pytest.approx(2 / 3),
        "length_ratio": after / before,
        "tokens_saved": before - after,
    }


def test_prompts_come_from_a_file(tmp_path: Path) -> None:
    """Phrases, probes and limits are read from TOML; what does not belong there is refused by name."""
    file = tmp_path / "prompts.toml"
    file.write_text(
        'threshold = 0.7\n[english]\nphrases = ["Sure:"]\nprobe = "?"\nconfident = ["a"]\ndoubtful = ["b"]\n'
    )
    settings = ConciseSettings.read(str(file))
    assert (settings.threshold, settings.english.phrases, settings.chinese) == (0.7, ("Sure:",), CHINESE)
    file.write_text("treshold = 0.7\n")
    ran = touchstone_data(
        "concise", "x", "-o", "y.jsonl", "--model", "http://127.0.0.1:9", "--prompts", str(file), cwd=tmp_path
    )
    assert ran.returncode == 2
    assert "treshold" in ran.stderr


REFLECTIONS = """Wait, is that right?|Hmm, let me double-check.|But wait, I should verify this.|Let me check the result.
Alternatively, use calculus.|Is that correct? Yes.|Actually, no.|To verify, substitute x = 2.|I'm not sure about this.
Just to be sure, recompute.|So, let's verify.|Double-checking: 4.|Did I miss a case?|Hold on.|等等，这样对吗？
让我再检查一下。|不对，重新算。|但是，等一下|我再验证一遍|其实可以换个方法|验证一下：4|检查：2+2=4|我是不是漏了一种情况？"""
STEPS = """First, factor the polynomial.|Therefore x = 2.|The answer is 4.|So we wait for 3 minutes.
Waiting times add up to 5.|Now compute f(2).|Let me compute the sum.|The actual cost is 5.|Check digits are 3.
Checkers has 24 pieces.|等式两边同时除以2|检查员有5人|验证码有4位|我们来计算|答案是4。|设 x 为未知数"""


@pytest.mark.parametrize("step", REFLECTIONS.replace("\n", "|").split("|"))
def test_doubts_are_told(step: str) -> None:
    """A step that begins by doubting or re-checking is one."""
    assert reflects(step)


@pytest.mark.parametrize("step", STEPS.replace("\n", "|").split("|"))
def test_plain_steps_are_no_doubts(step: str) -> None:
    """A step that goes forward is none, whatever words it shares with doubts."""
    assert not reflects(step)


def test_steps_keep_formulas_and_code_whole() -> None:
    """Blank lines part steps, but not inside code or displayed formulas."""
    text = "One.\n \nTwo:\n```\na\n\nb\n```\n\n$$\nx\n\ny\n$$\n\n\n\nThree."
    assert in_steps(text) == ("One.", "Two:\n```\na\n\nb\n```", "$$\nx\n\ny\n$$", "Three.")
    assert split("<think>a\n\nb</think>c").tail == "c"
    assert split("a\n\nb").tail is None
    assert states_answer("So \\boxed{3}")
    assert states_answer("故答案为 3")
    assert not states_answer("Answering takes time")


def test_a_row_that_the_server_refuses_is_unusable(compress: Compress) -> None:
    """A prompt that is too long for the model costs its own row, with the server's words; the others go on."""
    polite = reasoner(lambda begun, body: "so \\boxed{42}.")
    speak = polite.script

    def act(asked: Asked) -> Act:
        return Json({"error": "too long"}, 400) if "LONG" in str(asked.body) else speak(asked)

    polite.script = act
    done, _ = compress(polite, row(ANXIOUS), row(f"LONG {ANXIOUS}"))
    assert done.counts["shortened"] == done.counts["attempted"] == 1
    (bad,) = done.unusable
    assert bad.place.number == 2
    assert "too long" in bad.problem
