"""What a model is asked when rules cannot rewrite a question, and how its reply is read.

The model only words the question. The right answer stays what the data say it is; a claim's value must stand in the
claim, letter for letter.
"""

import json
import re
from collections.abc import Sequence

from touchstone_trainer.curation.rewriting import claims
from touchstone_trainer.curation.rewriting.drafts import Draft, Reason, Refusal
from touchstone_trainer.curation.rewriting.offered import Offered
from touchstone_trainer.curation.rewriting.stems import drafted

MAX_TOKENS = 1_024

CHOICE_RULES = """Rewrite the multiple-choice question below as an open question.
- Its only right answer must be the given answer, unchanged, and it must follow without seeing any options.
- Leave out all options and every mention of them. Keep every number and every condition of the question.
- Say in which form the answer is wanted (unit, precision, number of items) where that is not plain.
- Give no hint, do not state the answer, make it neither easier nor harder, and do not turn it into a proof.
- Keep the language of the question.
Reply with JSON alone: {"question": "..."}. If it cannot be done, or if another answer would be right as well, reply
{"question": null}."""

CLAIM_RULES = """The statement below is true. Rewrite it as an open question that asks for a value which it states.
- "answer" is that value, copied letter for letter from the statement; it must be the only right answer.
- Keep every other number and condition. Do not state the answer, give no hint, do not ask for true or false.
- Keep the language of the statement.
Reply with JSON alone: {"question": "...", "answer": "..."}. If it states no such value, reply {"question": null}."""


def choice_messages(offered: Offered) -> list[dict[str, str]]:
    """The request to rewrite a multiple-choice question."""
    options = "\n".join(f"- {text}" for text in offered.options.values())
    right = "; ".join(offered.right)
    text = f"Question:\n{offered.stem}\n\nOptions:\n{options}\n\nGiven answer: {right}"
    return [{"role": "system", "content": CHOICE_RULES}, {"role": "user", "content": text}]


def claim_messages(question: str) -> list[dict[str, str]]:
    """The request to rewrite a true claim."""
    return [
        {"role": "system", "content": CLAIM_RULES},
        {"role": "user", "content": f"Statement:\n{claims.bare(question)}"},
    ]


def choice_draft(offered: Offered, reply: str) -> Draft | Refusal:
    """The model's question with the answers of the options."""
    said = _said(reply)
    return drafted(offered, said[0], "model") if said else Refusal(Reason.MODEL_DECLINED)


def claim_draft(question: str, reply: str) -> Draft | Refusal:
    """The model's question with the value that it took from the claim."""
    said, claim = _said(reply), claims.bare(question)
    if said is None or not said[1] or said[1] not in claim or claims.truth(said[1]) is not None:
        return Refusal(Reason.MODEL_DECLINED)
    old = claim.replace(said[1], " ", 1)
    return Draft(old, said[0], (said[1],), (), ("math", "stem", "exact_text"), "model")


def solve_messages(question: str) -> list[dict[str, str]]:
    """The request to answer the rewritten question, as a solver would see it."""
    return [{"role": "user", "content": f"{question}\n\nThink step by step and put the final answer in \\boxed{{}}."}]


def _said(reply: str) -> tuple[str, str] | None:
    """Question and answer of the last JSON object in a reply; thinking aside."""
    text = reply.rpartition("</think>")[2]
    for found in reversed(_objects(text)):
        try:
            said = json.loads(found)
        except ValueError:
            continue
        question, answer = said.get("question"), said.get("answer", "")
        if isinstance(question, str) and question.strip() and isinstance(answer, str):
            return question.strip(), answer.strip()
        return None
    return None


def _objects(text: str) -> Sequence[str]:
    return re.findall(r"\{(?:[^{}]|\{[^{}]*\})*\}", text, re.S)
