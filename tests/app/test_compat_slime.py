"""`POST /rm`, with what slime's and miles' own clients send."""

import json
import math
from typing import Any

import pytest

from tests.live import LiveService


def ask(service: LiveService, response: str, label: Any, url: str = "/rm", prompt: Any = "6 * 7?") -> Any:
    """The answer: the whole body is the reward."""
    reply = service.client.post(url, json={"prompt": prompt, "response": response, "label": label})
    assert reply.status_code == 200, reply.text
    return json.loads(reply.text)


def test_the_body_is_the_reward(framework_service: LiveService) -> None:
    """A recorded request is answered with a bare number."""
    assert ask(framework_service, "It is \\boxed{42}.<|im_end|>", "42") == 1.0
    assert ask(framework_service, "It is \\boxed{41}.", "42") == 0.0


@pytest.mark.parametrize(
    "label",
    [42, "42", ["forty-two", "42"], {"reference": "42"}, '{"reference": ["42"]}'],
    ids=["number", "text", "alternatives", "item", "item as text"],
)
def test_labels_of_any_kind(framework_service: LiveService, label: Any) -> None:
    """Numbers, texts, alternatives and items are all understood as references."""
    assert ask(framework_service, "\\boxed{42}", label) == 1.0


def test_tests_in_a_label_run_the_program(framework_service: LiveService) -> None:
    """A label with tests is a code task; a profile's options hold for its task."""
    program = "```python\nprint(int(input()) * 2)\n```"
    tests = [{"stdin": "2\n", "stdout": "4\n"}, {"stdin": "3\n", "stdout": "7\n"}]
    answer = framework_service.client.post("/p/code/rm", json={"response": program, "label": {"tests": tests}})
    if "sandbox" in answer.text or answer.json() == 0.25:
        pytest.skip("programs cannot be run here")
    assert answer.json() == 0.0  # the label names its task: the profile's options are another's
    own = json.dumps(tests)
    assert ask(framework_service, program, own, url="/p/code/rm") == 0.5


def test_a_conversation_is_asked_by_its_last_question(framework_service: LiveService) -> None:
    """Of a prompt of messages, what the user said last is the question that the judge reads."""
    prompt = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": [{"type": "text", "text": "Write about the sea."}]},
    ]
    assert ask(framework_service, "Blue, quality=9.", None, url="/p/poems/rm", prompt=prompt) == 1.0


def test_a_dict_tells_more(framework_service: LiveService) -> None:
    """`?format=dict` gives an object for `--reward-key reward`, with what decided."""
    answer = ask(framework_service, "\\boxed{42}", "42", url="/rm?format=dict")
    assert answer == {
        "reward": 1.0,
        "no_verdict": False,
        "reason": "same_text",
        "detail": "42 is 42",
        "task": "math",
        "rule": "verifier",
        "components": {"verifier": 1.0},
    }
    missing = ask(framework_service, "\\boxed{42}", "see the book", url="/p/math/rm?format=dict")
    assert math.isnan(missing["reward"])
    assert (missing["no_verdict"], missing["components"]) == (True, {})


@pytest.mark.parametrize(
    ("url", "body", "field", "advice"),
    [
        ("/rm", {"label": "42"}, "response", "add it"),
        ("/rm?format=xml", {"response": "42", "label": "42"}, "format", "dict"),
        ("/rm", {"response": "42", "label": {"task": "alchemy", "reference": "42"}}, "label.task", "`math`"),
        ("/rm", {"response": "42", "label": {"reference": "42", "options": [1]}}, "label.options", "dictionary"),
        ("/rm?on_no_verdict=value&value=nan", {"response": "42", "label": "42"}, "value", "finite"),
        ("/rm?task=alchemy", {"response": "42", "label": "42"}, "task", "`math`"),
        ("/rm?rule=dice", {"response": "42", "label": "42"}, "rule", "stratified"),
        ("/rm?on_no_verdict=maybe", {"response": "42", "label": "42"}, "on_no_verdict", "nan"),
        ("/rm?on_no_verdict=value", {"response": "42", "label": "42"}, "value", "add it"),
        ("/rm?on_noverdict=nan", {"response": "42", "label": "42"}, "on_noverdict", "check its spelling"),
        ("/rm", [], "(body)", "object"),
    ],
)
def test_bad_requests_say_what_to_fix(
    framework_service: LiveService, url: str, body: Any, field: str, advice: str
) -> None:
    """A wrong body, label or parameter of the URL is named, with the way out."""
    reply = framework_service.client.post(url, json=body)
    assert (reply.status_code, reply.headers["content-type"]) == (422, "application/problem+json")
    (error,) = reply.json()["errors"]
    assert error["field"] == field
    assert advice in error["message"]
