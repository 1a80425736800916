"""One second chance for a reply that no strict reading takes: the model puts the judge's own words into the shape.

Rule 1: shown is the judge's text only, never the question or the candidate: there is nothing new to judge.
Rule 2: the model says first whether there is a verdict in the text. Held to a schema without that way out, it
        would have to invent one.
Rule 3: every final score must stand in the judge's text as a number of its own: copied, not made up.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from grm.asking import Ask, Unread
from grm.backend import Message
from grm.judgement import Reason
from grm.prompt_text import enclosed, shorten
from grm.replies import read_json

MAX_SAID_CHARS = 16_000
FOUND = "verdict_found"
VERDICT = "verdict"

SYSTEM = """\
You copy a judge's words into a form. Between the two equal marker lines is what the judge wrote. Judge nothing \
yourself, add nothing, change no score. verdict_found says whether the judge's text gives all the final scores or \
the final choice that the form asks for. Where it does not, verdict_found is false and the rest does not matter. \
Texts that the form asks for and the judge did not write stay empty.
Reply with one JSON object and nothing else."""


def can_repair(ask: Ask, unread: Unread) -> bool:
    """Whether a second chance makes sense: the judge finished, said something, and a shape is known."""
    return ask.schema is not None and unread.reason is Reason.UNPARSABLE and bool(unread.said)


def repair_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The form: is there a verdict, and the verdict."""
    return {
        "type": "object",
        "properties": {FOUND: {"type": "boolean"}, VERDICT: dict(schema)},
        "required": [FOUND, VERDICT],
        "additionalProperties": False,
    }


def repair_messages(said: str, schema: Mapping[str, Any]) -> tuple[Message, ...]:
    """The question that asks for the repair."""
    form = json.dumps(repair_schema(schema), ensure_ascii=False)
    text = enclosed(shorten(said, MAX_SAID_CHARS))
    return (
        Message("system", SYSTEM),
        Message("user", f"The form, as a JSON schema:\n{form}\n\nWhat the judge wrote:\n\n{text}\n\nFill in the form."),
    )


def repaired(text: str, schema: Mapping[str, Any], said: str) -> str | None:
    """The verdict as JSON text, or None where there is none that the judge itself gave."""
    found = read_json(text, repair_schema(schema), verdict=(FOUND, VERDICT))
    if isinstance(found, Unread) or found.value[FOUND] is not True:
        return None
    if not all(_stands_in(value, said) for value in _decisions(found.value[VERDICT])):
        return None
    return json.dumps(found.value[VERDICT], ensure_ascii=False)


def _decisions(value: Any) -> list[str]:
    """Every score and every choice in the verdict, as the judge would have written it."""
    if isinstance(value, dict):
        named = [str(value["better"])] if "better" in value else []
        return named + [said for inner in value.values() for said in _decisions(inner)]
    if isinstance(value, list):
        return [said for inner in value for said in _decisions(inner)]
    return [f"{value:g}"] if isinstance(value, int | float) and not isinstance(value, bool) else []


def _stands_in(decision: str, said: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(decision)}(?![\w]|\.\d)", said, re.IGNORECASE) is not None
