"""What a server really supports, found by trying. Servers accept fields that they do not know and drop them
with a 200, so nothing is believed that was not seen to work.

Rule 1: log-probabilities count when they are there and are probabilities.
Rule 2: a constraint counts when the server writes a random word that is nowhere in the prompt: it bites. One of
        several strings and JSON of a schema are tried apart: servers have the one without the other.
Rule 3: a lack is a result and is noted; a server that cannot be reached, or refuses even a plain question,
        is an error.
Rule 4: where thinking is wanted, the schema counts only when it bites after a thinking that takes place.
"""

import asyncio
import logging
import math
import random
import string
from dataclasses import replace
from typing import Any

from grm.backend import BadReply, Capabilities, Completion, Constraint, Message, Refused, Reply, SchemaForm
from grm.dialects import Thinking, budget_fields, spoken_by
from grm.label import MAX_TOTAL
from grm.openai_backend import OpenAIBackend
from grm.replies import Found, read_json

PROBE_LIMIT_S = 120.0
"""The first constrained request loads a grammar engine: 12 s on two CPU cores, more under load."""
WORD_LETTERS = 12
"""26**12 words: no model writes the wanted one by chance."""
WORD_TOKENS = 64
"""Room for the word inside a JSON object, a letter at a time."""
FEW_TOKENS = 8
"""Enough for a model that does not think to have said something."""
THINKING_TOKENS = 2_048
"""A thinking model spends some hundred on the probe's question; more would make every start wait."""
ASKED_LOGPROBS = 20
CONSTRAINTS: tuple[Constraint, ...] = ("structured_outputs", "json_schema", "grammar")
SCHEMA_FORMS: tuple[SchemaForm, ...] = ("structured_outputs", "json_schema", "json_object")

log = logging.getLogger(__name__)

_PLAIN = (Message("user", "Is two an even number? Reply with one word, Yes or No."),)
_WORD = (Message("user", "Reply with the single word OK and nothing else."),)


async def probe(backend: OpenAIBackend, *, deadline_s: float = PROBE_LIMIT_S) -> Capabilities:
    """Find out what the server can do and make the backend use it. Raises BackendError."""
    ends_at = asyncio.get_running_loop().time() + deadline_s
    examination = _Examination(backend, ends_at)
    await examination.find_model()
    await examination.try_thinking_switch()
    await examination.try_logprobs()
    await examination.try_constraints()
    await examination.try_schemas(Thinking.OFF)
    if backend.thinking is not Thinking.OFF:
        await examination.try_thinking(backend.thinking)
    found = replace(examination.able, notes=tuple(examination.notes))
    backend.learn(found)
    log.info("model server %s: %s", backend.root, found)
    return found


class _Examination:
    """`able` is what was proved so far; a trial asks as if a little more were."""

    def __init__(self, backend: OpenAIBackend, ends_at: float) -> None:
        self.able = Capabilities("", logprobs=False, constraint="none")
        self.notes: list[str] = []
        self._backend = backend
        self._ends_at = ends_at

    def _left_s(self) -> float:
        return max(0.0, self._ends_at - asyncio.get_running_loop().time())

    async def _ask(self, completion: Completion, **taken: Any) -> Reply:
        return await self._backend.ask(completion, replace(self.able, **taken), deadline_s=self._left_s())

    async def find_model(self) -> None:
        """The model asked for, else the only one there is; and whose server it is."""
        wanted = self._backend.wanted_model
        try:
            offered = await self._backend.list_models(deadline_s=self._left_s())
        except (Refused, BadReply):
            if wanted is None:
                raise
            offered = {}  # gateways have no list; a model that is named needs none
        if wanted is None and not offered:
            raise BadReply("the server offers no model")
        if wanted is None and len(offered) > 1:
            raise Refused(f"the server offers {len(offered)} models, name one: {', '.join([*offered][:10])}")
        model = wanted or next(iter(offered))
        owners = {spoken_by(owner) for name, owner in offered.items() if wanted in (None, name)}
        dialect = self._backend.dialect or min(owners, default=self.able.dialect)
        self.able = replace(self.able, model=model, dialect=dialect)

    async def try_thinking_switch(self) -> None:
        """Whether "do not think" is taken; strict servers refuse the unknown field, so it is left out."""
        question = Completion(_PLAIN, max_tokens=FEW_TOKENS)
        try:
            reply = await self._ask(question, thinking_switch=True)
        except Refused as refused:
            await self._ask(question)
            self.notes.append(f"thinking cannot be switched off: {refused}")
            return
        self.able = replace(self.able, thinking_switch=True)
        if reply.thinking and not reply.text.strip():
            self.notes.append("the model thinks although told not to: `label` cannot read its first token")

    async def try_logprobs(self) -> None:
        """Whether the first token comes with candidates whose numbers are log-probabilities."""
        question = Completion(_PLAIN, max_tokens=1, top_logprobs=ASKED_LOGPROBS)
        try:
            reply = await self._ask(question)
        except (Refused, BadReply) as error:
            self.notes.append(f"no log-probabilities: {error}")
            return
        lack = _logprobs_lack(reply)
        if lack is not None:
            self.notes.append(f"no log-probabilities: {lack}")
        self.able = replace(self.able, logprobs=lack is None)

    async def try_constraints(self) -> None:
        """The first form of a choice that makes the server write a word it cannot know."""
        for constraint in CONSTRAINTS:
            word = _random_word()
            question = Completion(_WORD, max_tokens=WORD_TOKENS, choices=(word,))
            try:
                reply = await self._ask(question, constraint=constraint)
            except (Refused, BadReply) as error:
                self.notes.append(f"{constraint} does not work: {error}")
                continue
            if reply.text.strip() == word:
                self.able = replace(self.able, constraint=constraint)
                return
            self.notes.append(f"{constraint} is ignored: the server wrote {reply.text[:20]!r}")

    async def try_schemas(self, thinking: Thinking) -> None:
        """The first form of a schema that makes the server write an object with a word it cannot know."""
        member = "schema" if thinking is Thinking.OFF else "thought_schema"
        for form in SCHEMA_FORMS:
            word = _random_word()
            schema = _schema(word)
            question = Completion(
                _WORD, max_tokens=WORD_TOKENS, schema=schema, thinking=thinking, thinking_tokens=THINKING_TOKENS
            )
            try:
                reply = await self._ask(question, **{member: form})
            except (Refused, BadReply) as error:
                self.notes.append(f"a schema by {form} does not work: {error}")
                continue
            if not isinstance(read_json(reply.text, schema, verdict=("word",)), Found):
                self.notes.append(f"a schema by {form} is ignored: the server wrote {reply.text[:20]!r}")
            elif thinking is not Thinking.OFF and self.able.thinks and not reply.thinking:
                self.notes.append(f"a schema by {form} keeps the model from thinking: it is left out where it thinks")
                return
            else:
                self.able = replace(self.able, **{member: form})  # type: ignore[arg-type] # one of the two members
                return

    async def try_thinking(self, thinking: Thinking) -> None:
        """Whether the model thinks when it may, whether that can be limited, and whether a schema holds after it."""
        self.able = replace(self.able, thinking=thinking)
        question = Completion(_PLAIN, FEW_TOKENS, thinking=thinking, thinking_tokens=THINKING_TOKENS)
        budget = bool(budget_fields(self.able.dialect, THINKING_TOKENS))
        try:
            reply = await self._ask(question, thinking_budget=budget)
        except Refused as refused:
            if not budget:
                raise
            self.notes.append(f"thinking cannot be limited by itself: {refused}")
            budget = False
            reply = await self._ask(question)
        self.able = replace(self.able, thinking_budget=budget, thinks=bool(reply.thinking))
        if not reply.thinking:
            self.notes.append("the model does not think, or its server does not tell its thinking apart")
        await self.try_schemas(thinking)


def _random_word() -> str:
    return "".join(random.choices(string.ascii_lowercase, k=WORD_LETTERS))


def _schema(word: str) -> dict[str, Any]:
    """An object of the kind that judges write, with a member that cannot be guessed."""
    return {
        "type": "object",
        "properties": {
            "word": {"type": "string", "enum": [word]},
            "score": {"type": "integer", "minimum": 0, "maximum": 9},
        },
        "required": ["word", "score"],
        "additionalProperties": False,
    }


def _logprobs_lack(reply: Reply) -> str | None:
    """Why the reply's log-probabilities are unusable, or None."""
    if not reply.top_logprobs:
        return "the server leaves them out"
    numbers = list(reply.top_logprobs[0].values())
    if len(numbers) < 2:
        return f"{len(numbers)} candidates instead of {ASKED_LOGPROBS}"
    if any(math.isnan(number) or number > MAX_TOTAL - 1.0 for number in numbers):
        return "some are not log-probabilities"
    if sum(math.exp(number) for number in numbers) > MAX_TOTAL:
        return "they add up to more than 1"
    return None
