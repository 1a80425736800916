"""What a model adds to rewriting: it words questions that rules cannot, and shows that questions can be answered."""

from collections.abc import Mapping
from typing import Any

from touchstone_client import Client
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.problems import Refused
from touchstone_trainer.curation.rewriting import acceptance, asked
from touchstone_trainer.curation.rewriting.drafts import Draft, Reason, Refusal
from touchstone_trainer.curation.rewriting.kinds import Claim
from touchstone_trainer.curation.rewriting.offered import Offered

SOLVE_TOKENS = 4_096
"""Of an attempt; servers refuse more than their context window holds."""


class Writer:
    """A model that rewrites; of its `attempts` to answer a question, one must agree with the gold."""

    def __init__(self, server: ModelServer, client: Client, attempts: int, solve_tokens: int = SOLVE_TOKENS) -> None:
        self._server, self._client = server, client
        self._attempts, self._solve_tokens = attempts, solve_tokens

    def drafts(self, kinds: Mapping[int, Offered | Claim]) -> dict[int, Draft | Refusal]:
        """A draft for each question, or why there is none."""
        results = self._server.map(self._draft, kinds.values())
        return {
            at: Refusal(Reason.MODEL_REFUSED) if isinstance(result, Refused) else result
            for at, result in zip(kinds, results, strict=True)
        }

    def unsolved(self, drafts: Mapping[int, tuple[Draft, str]]) -> dict[int, Reason]:
        """Which drafts, each given with its task, no attempt answered as the data say, and whose fault that was."""
        tries = [(at, number) for at in drafts for number in range(self._attempts)]
        said = self._server.map(lambda one: self._attempt(drafts[one[0]][0], one[1]), tries)
        answered = [(at, response) for (at, _), response in zip(tries, said, strict=True) if isinstance(response, str)]
        results = self._client.verify([_item(*drafts[at], response) for at, response in answered])
        agreed = {at for (at, _), result in zip(answered, results, strict=True) if result.reward == 1.0}
        asked_in_vain = {at for at, _ in tries} - {at for at, _ in answered}
        return {
            at: Reason.MODEL_REFUSED if at in asked_in_vain else Reason.UNSOLVED
            for at, _ in dict.fromkeys(tries)
            if at not in agreed
        }

    def _draft(self, kind: Offered | Claim) -> Draft | Refusal:
        if isinstance(kind, Offered):
            return asked.choice_draft(kind, self._said(asked.choice_messages(kind)))
        return asked.claim_draft(kind.question, self._said(asked.claim_messages(kind.question)))

    def _said(self, messages: list[dict[str, str]]) -> str:
        return self._server.chat(messages, max_tokens=asked.MAX_TOKENS, temperature=0.0).text

    def _attempt(self, draft: Draft, number: int) -> str:
        # Several attempts must differ; a single one is the likeliest answer.
        drawn = {"temperature": 0.7, "seed": number} if self._attempts > 1 else {"temperature": 0.0}
        return self._server.chat(asked.solve_messages(draft.question), max_tokens=self._solve_tokens, **drawn).text


def _item(draft: Draft, task: str, response: str) -> dict[str, Any]:
    reference = acceptance.reference_of(draft, task)
    return {"task": task, "question": draft.question, "reference": reference, "response": response}
