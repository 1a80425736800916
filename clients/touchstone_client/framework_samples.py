"""What trainers' own wire formats say, as fields of a reward item. Pure; the service and trainers' hooks read alike.

Rule 1: a label is the reference as it stands. Only a JSON object made of an item's own fields (`task`, `reference`,
        `tests`, `rubric`, …) is read as such; any other object is itself the reference.
Rule 2: no text of a prompt is ever scored as response: where the two cannot be told apart there is no response.
"""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from touchstone_client.contract_judge import RewardItem

ITEM_FIELDS = frozenset(RewardItem.model_fields) - {"response"} | {"tests"}
TELLING = frozenset({"task", "reference", "tests", "rubric"})
"""At least one of these makes an object an item's fields."""
END_TOKENS = (
    "<|im_end|>",
    "<|endoftext|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end_of_text|>",
    "<|end|>",
    "<|return|>",
    "<｜end▁of▁sentence｜>",
    "<end_of_turn>",
    "<eos>",
    "</s>",
    "<pad>",
    "<|pad|>",
    "[EOS]",
    "[PAD]",
)
"""Special tokens that stay in the text of trainers that decode with them."""
TAIL_CHARS = 48
"""Of a prompt that was cut from the left, so much is looked for; shorter, it would be found in many places."""
LEAD_CHARS = 32
"""Special tokens that a tokenizer may put before the prompt: `<|begin_of_text|>`."""
_LEAD = re.compile(r"(?:\s|<[^<>\s]{1,30}>|\[[A-Z]{2,5}\])*")
MAX_PLACES = 16
"""Places of the tail that are tried: a prompt that ends in one repeated character has too many."""


def from_label(label: Any) -> dict[str, Any]:
    """What a label tells of its item.

    >>> from_label("42"), from_label(42), from_label(["7", "seven"])
    ({'reference': '42'}, {'reference': '42'}, {'reference': ['7', 'seven']})
    >>> from_label('{"task": "choice", "reference": "B"}')
    {'task': 'choice', 'reference': 'B'}
    >>> from_label('{"city": "Rome"}')
    {'reference': '{"city": "Rome"}'}
    >>> from_label({"tests": [{"stdin": "1", "stdout": "2"}]})
    {'task': 'code', 'reference': '[{"stdin": "1", "stdout": "2"}]'}
    """
    if label is None:
        return {}
    given = _object(label) if isinstance(label, str) else label
    if isinstance(given, Mapping) and given.keys() <= ITEM_FIELDS and given.keys() & TELLING:
        fields = dict(given)
        if (tests := fields.pop("tests", None)) is not None:
            return {"task": "code", "reference": tests if isinstance(tests, str) else json.dumps(tests)} | fields
        return fields
    if isinstance(label, str) or (isinstance(label, list) and label and all(isinstance(one, str) for one in label)):
        return {"reference": label}
    return {"reference": json.dumps(label)}


def _object(text: str) -> Any:
    if not text.lstrip().startswith("{"):
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def without_end_tokens(text: str) -> str:
    """The text before the special tokens that end it.

    >>> without_end_tokens("It is 4.<|im_end|>\\n<|endoftext|>")
    'It is 4.'
    """
    bare = text.rstrip()
    while bare.endswith(END_TOKENS):
        bare = next(bare.removesuffix(token) for token in END_TOKENS if bare.endswith(token)).rstrip()
        text = bare
    return text


def response_of(query: str, prompt: str) -> str | None:
    """The response in a text of prompt and response; None where the prompt is not found in front of it. A prompt that
    was too long for its model has lost its beginning.

    >>> response_of("<s>2 + 2?It is 4.</s>", "2 + 2?"), response_of("4", "2 + 2?")
    ('It is 4.', None)
    """
    for lead in _leads(query):
        if query.startswith(prompt, lead):
            return without_end_tokens(query[lead + len(prompt) :])
    end = _end_of_cut(query, prompt)
    return None if end is None else without_end_tokens(query[end:])


def _leads(query: str) -> list[int]:
    """Places where the prompt may begin."""
    return [lead for lead in range(LEAD_CHARS + 1) if _LEAD.fullmatch(query, 0, lead)]


def _end_of_cut(query: str, prompt: str) -> int | None:
    """Where a prompt without its beginning ends. All that stands before must be of the prompt."""
    tail, leads, at = prompt[-TAIL_CHARS:], _leads(query), -1
    for _ in range(MAX_PLACES):
        at = query.find(tail, at + 1)
        if at < 0:
            return None
        end = at + len(tail)
        if any(lead <= at and prompt.endswith(query[lead:end]) for lead in leads):
            return end
    return None


def question_of(prompt: Any) -> str | None:
    """A prompt as text: itself, or of a conversation what the user said last."""
    if isinstance(prompt, str):
        return prompt
    messages = [one for one in prompt if isinstance(one, Mapping)] if isinstance(prompt, Sequence) else []
    said = [text_of(one.get("content")) for one in messages if one.get("role") == "user"]
    return said[-1] if said else None


def text_of(content: Any) -> str:
    """A message's content: text, or parts of which some are text."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, Mapping) and isinstance(part.get("text"), str))


def gym_response(response: Any) -> str | None:
    """What the model said in a response object of OpenAI's Responses API; None where it is none."""
    output = response.get("output") if isinstance(response, Mapping) else None
    if not isinstance(output, list):
        return None
    messages = [one for one in output if isinstance(one, Mapping) and one.get("type") == "message"]
    return "".join(text_of(one.get("content")) for one in messages)


def gym_label(row: Mapping[str, Any]) -> Any:
    """What the response to a row of NeMo Gym is checked against: `expected_answer`, or its `verifier_metadata`, where
    `unit_tests` are tests for a program.

    >>> gym_label({"expected_answer": "4"}), gym_label({"verifier_metadata": {"unit_tests": {"inputs": ["1"]}}})
    ('4', {'tests': {'inputs': ['1']}})
    """
    if row.get("expected_answer") is not None:
        return row["expected_answer"]
    metadata = row.get("verifier_metadata")
    if isinstance(metadata, Mapping) and metadata.get("unit_tests") is not None:
        return {"tests": metadata["unit_tests"]}
    return metadata
