"""The service's word on a rewritten question: its verifier takes the right answer and refuses every wrong one.

Refused must be each wrong option and, where several options are right, each of them alone and all options together.
What a guesser says, a label or, where words are answers, "true", must not be paid; unread it is not paid either.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from touchstone_client import Client
from touchstone_trainer.curation.rewriting.claims import WORDS
from touchstone_trainer.curation.rewriting.drafts import Draft, Reason

LABELS = tuple("ABCDEFGH")
VALUE_TASKS = frozenset({"math", "stem"})
FIRST_LABELS = 4
"""A value is never a word, and what no value is paid for as A to D, it is not as E: so much fewer to ask."""


def settled(client: Client, drafts: Sequence[Draft]) -> list[str | Reason]:
    """For each draft the first of its tasks that tells right from wrong, else what went wrong with the last."""
    verdicts: list[str | Reason] = [Reason.UNDECIDED] * len(drafts)
    for turn in range(max((len(draft.tasks) for draft in drafts), default=0)):
        left = [at for at, draft in enumerate(drafts) if isinstance(verdicts[at], Reason) and turn < len(draft.tasks)]
        asked = [_items(drafts[at], drafts[at].tasks[turn]) for at in left]
        guessed = [len(guesses(drafts[at].tasks[turn])) for at in left]
        rewards = iter([result.reward for result in client.verify([item for items in asked for item in items])])
        for at, items, count in zip(left, asked, guessed, strict=True):
            given = [next(rewards) for _ in items]
            verdicts[at] = _reading(given[:-count], given[-count:]) or drafts[at].tasks[turn]
    return verdicts


def guesses(task: str) -> tuple[str, ...]:
    """What a guesser would say."""
    return LABELS[:FIRST_LABELS] if task in VALUE_TASKS else (*LABELS, *WORDS)


def reference_of(draft: Draft, task: str) -> str:
    """The reference as the task wants it."""
    return json.dumps(list(draft.references), ensure_ascii=False) if task == "list" else draft.references[0]


def _items(draft: Draft, task: str) -> list[dict[str, Any]]:
    """The right answer first, then all that must be refused, then what must not be paid."""
    wrong = [*draft.wrong]
    if len(draft.references) > 1:
        wrong += [*draft.references, ", ".join((*draft.references, *draft.wrong))]
    item: Mapping[str, Any] = {"task": task, "question": draft.question, "reference": reference_of(draft, task)}
    return [{**item, "response": boxed(text)} for text in (", ".join(draft.references), *wrong, *guesses(task))]


def boxed(answer: str) -> str:
    """An answer as a model gives it."""
    return f"\\boxed{{{answer.strip().strip('$')}}}"


def _reading(rewards: Sequence[float | None], guessed: Sequence[float | None]) -> Reason | None:
    right, wrong = rewards[0], rewards[1:]
    if right is None or None in wrong:
        return Reason.UNDECIDED
    if right < 1.0:
        return Reason.GOLD_REFUSED
    return Reason.DISTRACTOR_ACCEPTED if any(wrong) or any(guessed) else None
