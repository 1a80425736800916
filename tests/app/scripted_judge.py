"""A judge that writes what its schema asks for, with scores that a function of the candidate's text decides."""

import asyncio
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from grm.backend import BackendError, Capabilities, Completion, Reply, ScriptedBackend

Score = Callable[[str], int]
_BLOCK = re.compile(r"^([^\n]*):\n--- ([0-9a-f]{16}) ---\n(.*?)\n--- \2 ---$", re.M | re.S)


def marked(text: str) -> int:
    """`quality=7` in the text is its score; without it, 0."""
    found = re.search(r"quality=(\d)", text)
    return int(found[1]) if found else 0


def always(score: int) -> Score:
    """The same for everybody."""
    return lambda _: score


class ScriptedJudge(ScriptedBackend):
    """`error` is raised instead of any reply; `delay_s` passes before each."""

    def __init__(self, score: Score = marked, *, error: BackendError | None = None, delay_s: float = 0.0) -> None:
        able = Capabilities("judge", logprobs=True, constraint="json_schema", schema="json_schema")
        super().__init__(self._judged, name="judge", capabilities=able)
        self.score = score
        self.error = error
        self._delay_s = delay_s

    async def complete(self, completion: Completion, *, deadline_s: float) -> Reply:
        reply = await super().complete(completion, deadline_s=deadline_s)
        await asyncio.sleep(self._delay_s)
        return reply

    def _judged(self, completion: Completion) -> Reply | BackendError:
        if self.error is not None:
            return self.error
        said = completion.messages[-1].content
        shown = {title: text for title, _, text in _BLOCK.findall(said)}
        if completion.choices:
            answer = shown.get("Candidate answer") or shown.get("Answer 2") or shown.get("Answer", "")
            yes = min(0.98, max(0.02, self.score(answer) / 9))
            return Reply("Yes", "judge", "stop", ({"Yes": math.log(yes), "No": math.log(1 - yes)},), 50, 1)
        if completion.schema is None:
            answer = shown.get("Candidate answer", "")
            yes = min(0.98, max(0.02, self.score(answer) / 9))
            return Reply("Yes", "judge", "length", ({"Yes": math.log(yes), "No": math.log(1 - yes)},), 50, 1)
        responses = {title: text for title, text in shown.items() if title.startswith("Response")}
        return Reply(json.dumps(self._written(completion.schema, responses)), "judge", "stop", (), 100, 50)

    def _written(self, schema: Mapping[str, Any], responses: Mapping[str, str]) -> Any:
        """A value of the schema. A member that bears a response's name is about that response."""
        match schema["type"]:
            case "object":
                return {
                    name: self._written(member, _about(name, responses))
                    for name, member in schema["properties"].items()
                }
            case "integer":
                return self.score("\n".join(responses.values()))
            case "array":
                return []
            case _ if "enum" in schema:
                return self._better(responses) if set(schema["enum"]) >= {"A", "B"} else schema["enum"][0]
            case _:
                return ""

    def _better(self, responses: Mapping[str, str]) -> str:
        first, second = (self.score(responses[f"Response {name}"]) for name in "AB")
        return "tie" if first == second else "A" if first > second else "B"


def _about(name: str, responses: Mapping[str, str]) -> Mapping[str, str]:
    own = {title: text for title, text in responses.items() if title.endswith(f" {name}")}
    return own or responses
