"""`POST /get_reward`, with what OpenRLHF's own client sends."""

import json
import math
from typing import Any

import pytest

from tests.live import LiveService
from touchstone_client.framework_samples import TAIL_CHARS, response_of, without_end_tokens

PROMPT = "<|im_start|>user\nWhat is 6 * 7? Answer in \\boxed{}, as in \\boxed{5}.<|im_end|>\n<|im_start|>assistant\n"
UNREADABLE = "see the book"


def ask(service: LiveService, *rows: tuple[str, str, Any], url: str = "/get_reward", status: int = 200) -> Any:
    """The answer, read as OpenRLHF reads it: NaN is a number."""
    queries, prompts, labels = (list(column) for column in zip(*rows, strict=True))
    reply = service.client.post(url, json={"query": queries, "prompts": prompts, "labels": labels})
    assert reply.status_code == status, reply.text
    return json.loads(reply.text)


def test_a_recorded_request_is_answered(framework_service: LiveService) -> None:
    """One sample as OpenRLHF sends it gets lists of one reward, one score and numbers to log."""
    answer = ask(framework_service, (PROMPT + "It is \\boxed{42}.<|im_end|>", PROMPT, "42"))
    assert answer == {
        "rewards": [1.0],
        "scores": [1.0],
        "extra_logs": {"touchstone_no_verdict": [0.0], "touchstone_judged": [0.0]},
    }


def test_a_batch_keeps_its_order(framework_service: LiveService) -> None:
    """Several samples of one request, as older versions and forks send, are answered in order."""
    rows = [(f"{PROMPT}\\boxed{{{n}}}</s>", PROMPT, "3") for n in range(6)]
    assert ask(framework_service, *rows)["rewards"] == [0, 0, 0, 1, 0, 0]


def test_what_the_prompt_says_is_never_paid(framework_service: LiveService) -> None:
    """An answer that stands in the prompt earns nothing for a response without one."""
    row = (PROMPT + "I do not know.<|im_end|>", PROMPT, "5")
    assert ask(framework_service, row, url="/get_reward?on_no_verdict=zero")["rewards"] == [0.0]


def test_labels_may_carry_task_and_rubric(framework_service: LiveService) -> None:
    """A label that is a JSON object of an item's fields is the item; any other object is the reference itself."""
    rubric = [{"id": "sea", "text": "Is about the sea."}]
    rows = [
        (PROMPT + "The answer is B.", PROMPT, json.dumps({"task": "choice", "reference": "B"})),
        (PROMPT + "Blue, quality=9.", PROMPT, json.dumps({"task": "open", "question": "The sea?", "rubric": rubric})),
        (PROMPT + '```json\n{"city": "Rome"}\n```', PROMPT, '{"city": "Rome"}'),
    ]
    answer = ask(framework_service, *rows, url="/get_reward?task=json")
    assert answer["rewards"] == [1.0, 1.0, 1.0]
    assert answer["extra_logs"]["touchstone_judged"] == [0.0, 1.0, 0.0]


def test_no_verdict_is_said_as_the_url_asks(framework_service: LiveService) -> None:
    """NaN, 0 or another number stand for "no verdict" where the URL says so; unasked it is an error that says how."""
    row = (PROMPT + "\\boxed{42}", PROMPT, UNREADABLE)

    def told(parameters: str) -> Any:
        return ask(framework_service, row, url=f"/get_reward?recall=never&{parameters}")

    assert math.isnan(told("on_no_verdict=nan")["rewards"][0])
    assert told("on_no_verdict=zero")["rewards"] == [0.0]
    assert told("on_no_verdict=value&value=-0.5")["scores"] == [-0.5]
    assert told("on_no_verdict=zero")["extra_logs"]["touchstone_no_verdict"] == [1.0]
    refused = ask(framework_service, row, url="/get_reward?recall=never", status=503)
    assert refused["type"] == "no_verdict"
    assert "on_no_verdict=nan" in refused["detail"]
    counted = framework_service.client.get("/metrics").text
    assert 'touchstone_no_verdicts_total{framework="openrlhf",told="nan"} 1.0' in counted


def test_a_query_without_its_prompt_has_no_verdict(framework_service: LiveService) -> None:
    """Where the response cannot be told from the prompt nothing is scored, and the other samples are."""
    rows = [("\\boxed{42}", PROMPT, "42"), (PROMPT + "\\boxed{42}", PROMPT, "42")]
    answer = ask(framework_service, *rows, url="/get_reward?on_no_verdict=nan")
    assert math.isnan(answer["rewards"][0])
    assert answer["rewards"][1] == 1.0
    assert "query[0]" in ask(framework_service, rows[0], status=503)["detail"]


BAD = {
    "no prompts": ({"query": ["a"]}, "prompts", "add it"),
    "lengths": ({"query": ["a", "b"], "prompts": ["a"], "labels": ["1", "2"]}, "prompts", "one for each"),
    "fewer labels": ({"query": ["a", "b"], "prompts": ["a", "b"], "labels": ["1"]}, "labels", "one for each"),
    "no list": ({"query": "a", "prompts": ["a"]}, "query", "list"),
    "empty": ({"query": [], "prompts": []}, "query", "at least one"),
    "label's task": (
        {"query": ["ab"], "prompts": ["a"], "labels": ['{"task": "alchemy", "reference": "1"}']},
        "labels[0].task",
        "`math`",
    ),
    "label's options": (
        {"query": ["ab"], "prompts": ["a"], "labels": ['{"reference": "1", "options": {"x": 1}}']},
        "labels[0].options",
        "x",
    ),
    "references": ({"query": ["ab"], "prompts": ["a"], "labels": [["7", "8" * 100_001]]}, "labels[0][1]", "shorten"),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_say_what_to_fix(framework_service: LiveService, name: str) -> None:
    """A request that cannot be worked on names the caller's own field and the way out."""
    body, field, advice = BAD[name]
    reply = framework_service.client.post("/get_reward", json=body)
    assert reply.status_code == 422
    assert reply.headers["content-type"] == "application/problem+json"
    (error,) = reply.json()["errors"]
    assert error["field"] == field
    assert advice in error["message"]
    assert "items[" not in reply.text


# Where the response begins and ends


LONG = "".join(f"Line {n} of a long prompt.\n" for n in range(100))


@pytest.mark.parametrize(
    ("query", "prompt", "response"),
    [
        ("2 + 2?It is 4.", "2 + 2?", "It is 4."),
        ("<s>2 + 2?It is 4.</s>", "2 + 2?", "It is 4."),
        ("<|begin_of_text|>2 + 2?4<|eot_id|>\n", "2 + 2?", "4"),
        (LONG[500:] + "So 4.", LONG, "So 4."),
        ("<s> " + LONG[700:] + "So 4.", LONG, "So 4."),
        (LONG[500:] + LONG + "So 4.", LONG, LONG + "So 4."),
        ("2 + 2?2 + 2? is 4", "2 + 2?", "2 + 2? is 4"),
        ("2 + 2?", "2 + 2?", ""),
        ("all of it", "", "all of it"),
        ("It is 4.", "2 + 2?", None),
        ("Well: 2 + 2? 4", "2 + 2?", None),
        ("something else, then " + LONG[500:] + "So 4.", LONG[:-1] + "!", None),
        ("x" * 40 + LONG[500:] + "So 4.", LONG, None),
    ],
)
def test_the_response_is_what_follows_the_prompt(query: str, prompt: str, response: str | None) -> None:
    """The prompt is cut off whole, with special tokens before it or without its beginning; else nothing is scored."""
    assert response_of(query, prompt) == response


def test_a_prompt_of_one_character_costs_no_time() -> None:
    """A prompt and a response that repeat one character for ever are given up at once."""
    assert response_of("b" + "a" * 1_000_000, "c" + "a" * (TAIL_CHARS * 2)) is None


def test_only_tokens_at_the_end_are_cut() -> None:
    """Text that merely looks like a token, or stands before the end, stays."""
    assert without_end_tokens("a </s> b") == "a </s> b"
    assert without_end_tokens("a b\n") == "a b\n"
    assert without_end_tokens("</s><pad><pad>") == ""
