"""What a server really supports, found by trying. Servers accept fields that they do not know and drop them
with a 200, so nothing is believed that was not seen to work.

Rule 1: log-probabilities count when they are there and are probabilities.
Rule 2: a constraint counts when the server writes a random word that is nowhere in the prompt: it bites.
Rule 3: a lack is a result and is noted; a server that cannot be reached, or refuses even a plain question,
        is an error.
"""

import asyncio
import logging
import math
import random
import string

from grm.backend import BadReply, Capabilities, Completion, Constraint, Message, Refused, Reply
from grm.label import MAX_TOTAL
from grm.openai_backend import OpenAIBackend

PROBE_LIMIT_S = 120.0
"""The first constrained request loads a grammar engine: 12 s on two CPU cores, more under load."""
WORD_LETTERS = 12
"""26**12 words: no model writes the wanted one by chance."""
WORD_TOKENS = 64
"""Room for the word inside a JSON object, a letter at a time."""
ASKED_LOGPROBS = 20
CONSTRAINTS: tuple[Constraint, ...] = ("structured_outputs", "json_schema", "grammar")

log = logging.getLogger(__name__)

_PLAIN = (Message("user", "Is two an even number? Reply with one word, Yes or No."),)
_WORD = (Message("user", "Reply with the single word OK and nothing else."),)


async def probe(backend: OpenAIBackend, *, deadline_s: float = PROBE_LIMIT_S) -> Capabilities:
    """Find out what the server can do and make the backend use it. Raises BackendError."""
    ends_at = asyncio.get_running_loop().time() + deadline_s
    examination = _Examination(backend, ends_at)
    model = await examination.find_model()
    thinking_switch = await examination.takes_thinking_switch(model)
    logprobs = await examination.gives_logprobs(model, thinking_switch)
    constraint = await examination.biting_constraint(model, thinking_switch)
    found = Capabilities(model, logprobs, constraint, thinking_switch, tuple(examination.notes))
    backend.learn(found)
    log.info("model server %s: %s", backend.root, found)
    return found


class _Examination:
    def __init__(self, backend: OpenAIBackend, ends_at: float) -> None:
        self.notes: list[str] = []
        self._backend = backend
        self._ends_at = ends_at

    def _left_s(self) -> float:
        return max(0.0, self._ends_at - asyncio.get_running_loop().time())

    async def _ask(self, model: str, completion: Completion, constraint: Constraint, *, thinking_switch: bool) -> Reply:
        return await self._backend.ask(
            model, completion, constraint, thinking_switch=thinking_switch, deadline_s=self._left_s()
        )

    async def find_model(self) -> str:
        """The model asked for, else the only one there is."""
        if self._backend.wanted_model is not None:
            return self._backend.wanted_model
        offered = await self._backend.list_models(deadline_s=self._left_s())
        if len(offered) == 1:
            return offered[0]
        if not offered:
            raise BadReply("the server offers no model")
        raise Refused(f"the server offers {len(offered)} models, name one: {', '.join(offered[:10])}")

    async def takes_thinking_switch(self, model: str) -> bool:
        """Whether "do not think" is taken; strict servers refuse the unknown field, so it is left out."""
        try:
            await self._ask(model, Completion(_PLAIN, max_tokens=1), "none", thinking_switch=True)
        except Refused as refused:
            await self._ask(model, Completion(_PLAIN, max_tokens=1), "none", thinking_switch=False)
            self.notes.append(f"thinking cannot be switched off: {refused}")
            return False
        return True

    async def gives_logprobs(self, model: str, thinking_switch: bool) -> bool:
        """Whether the first token comes with candidates whose numbers are log-probabilities."""
        question = Completion(_PLAIN, max_tokens=1, top_logprobs=ASKED_LOGPROBS)
        try:
            reply = await self._ask(model, question, "none", thinking_switch=thinking_switch)
        except (Refused, BadReply) as error:
            self.notes.append(f"no log-probabilities: {error}")
            return False
        lack = _logprobs_lack(reply)
        if lack is not None:
            self.notes.append(f"no log-probabilities: {lack}")
        return lack is None

    async def biting_constraint(self, model: str, thinking_switch: bool) -> Constraint:
        """The first form of constraint that makes the server write a word it cannot know."""
        for constraint in CONSTRAINTS:
            word = "".join(random.choices(string.ascii_lowercase, k=WORD_LETTERS))
            question = Completion(_WORD, max_tokens=WORD_TOKENS, choices=(word,))
            try:
                reply = await self._ask(model, question, constraint, thinking_switch=thinking_switch)
            except (Refused, BadReply) as error:
                self.notes.append(f"{constraint} does not work: {error}")
                continue
            if reply.text.strip() == word:
                return constraint
            self.notes.append(f"{constraint} is ignored: the server wrote {reply.text[:20]!r}")
        return "none"


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
