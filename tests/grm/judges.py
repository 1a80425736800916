"""Scripted judges for the tests: they fill in whatever schema they are asked for, the way a test wants."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from grm.backend import Completion, Reply


def filled(schema: Mapping[str, Any], numbers: int = 0) -> Any:
    """A value of the schema: empty texts and lists, first choices, and one number everywhere."""
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema["type"]
    if kind == "object":
        return {name: filled(inner, numbers) for name, inner in schema["properties"].items()}
    if kind == "array":
        return []
    if kind == "integer":
        return max(schema.get("minimum", 0), min(numbers, schema.get("maximum", numbers)))
    return kind == "boolean" if kind == "boolean" else ""


def says(value: Any, *, finish_reason: str = "stop") -> Reply:
    """A reply with this JSON value, or this text."""
    text = value if isinstance(value, str) else json.dumps(value)
    return Reply(text, "scripted", finish_reason, prompt_tokens=100, completion_tokens=20)


def label(yes: float, no: float) -> Reply:
    """A reply whose first token has these probabilities."""
    table = {"Yes": math.log(yes), "No": math.log(no)}
    return Reply("Yes", "scripted", "stop", (table,), 100, 1, ("Yes",))


def question(completion: Completion) -> str:
    """The user's part of the prompt."""
    return completion.messages[-1].content


def responses(completion: Completion) -> dict[str, str]:
    """What the prompt shows under each title, without the markers."""
    parts = re.findall(r"^([^\n]+):\n(--- [0-9a-f]{16} ---)\n(.*?)\n\2", question(completion), re.DOTALL | re.MULTILINE)
    return {title: text for title, _, text in parts}


def scoring(score: Callable[[str], int]) -> Callable[[Completion], Reply]:
    """A judge that scores by the response's text alone, in every protocol."""

    def answer(completion: Completion) -> Reply:
        shown = responses(completion)
        schema = completion.schema
        if schema is None:
            return label(0.9, 0.05)
        value = filled(schema)
        if "better" in value:
            first, second = score(shown["Response A"]), score(shown["Response B"])
            value["better"] = "A" if first > second else "B" if second > first else "tie"
        elif "outcome_score" in value:
            value["outcome_score"] = score(shown.get("Response", shown.get("Steps of the solution", "")))
        else:
            for title, text in shown.items():
                if title.startswith("Response "):
                    value[title.removeprefix("Response ")]["score"] = score(text)
        return says(value)

    return answer
