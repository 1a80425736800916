"""A chunk of rows through the whole of rewriting. Every row ends in one of three ways, each with its reason:

kept        an open question already, as it was
rewritten   a new question and reference; the old ones stay in `original_question` and `original_reference`
dropped     no open question could be made of it that the verifier tells right from wrong on
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from touchstone_client import Client
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.rewriting import acceptance, asked, checks, claims, stems
from touchstone_trainer.curation.rewriting.drafts import MODEL_MAY, Draft, Reason, Refusal
from touchstone_trainer.curation.rewriting.offered import Offered, gold_labels, in_columns, in_text
from touchstone_trainer.curation.rows import Found, Row, references
from touchstone_trainer.curation.stage import Done

OPEN = "open_question"
CHOICE_TASK = "choice"


@dataclass(frozen=True)
class Claim:
    """A question that is answered by yes or no."""

    question: str
    holds: bool


Kind = Offered | Claim | Refusal | None
"""None: an open question."""


def kind_of(row: Row) -> Kind:
    """What kind of question a row is."""
    given = references(row)
    choices, listed = in_columns(row), in_text(row["question"])
    options = choices or (listed.options if listed else None)
    stem = listed.stem if listed else row["question"].strip()
    if options:
        gold = _gold(given, options)
        said = [claims.truth(text) for text in options.values()]
        if len(options) == 2 and set(said) == {True, False}:
            holds = claims.truth(options[gold[0]]) if len(gold) == 1 else None
            return Refusal(Reason.GOLD_NOT_AN_OPTION) if holds is None else Claim(stem, holds)
        if gold:
            return Offered(stem, options, gold)
        if choices or row.get("task") == CHOICE_TASK or (listed and listed.certain):
            return Refusal(Reason.GOLD_NOT_AN_OPTION)
    if len(given) == 1 and (holds := claims.truth(given[0])) is not None:
        return Claim(row["question"], holds)
    if row.get("task") == CHOICE_TASK or any(_letter(text) for text in given):
        return Refusal(Reason.OPTIONS_MISSING)
    return None


def by_rules(kind: Offered | Claim) -> Draft | Refusal:
    """The draft that needs no model."""
    draft = stems.opened(kind) if isinstance(kind, Offered) else claims.opened(kind.question, kind.holds)
    if isinstance(draft, Draft) and (reason := checks.failed(draft)):
        return Refusal(reason)
    return draft


class Rewriter:
    """Rewrites chunks. Without a `model` what rules cannot do is dropped; `attempts`: its tries at what it wrote."""

    def __init__(self, client: Client, model: ModelServer | None = None, attempts: int = 1) -> None:
        self._client, self._model, self._attempts = client, model, attempts

    def __call__(self, chunk: Sequence[Found]) -> Done:
        """Every row of the chunk, kept, rewritten or dropped."""
        kinds = [kind_of(found.row) for found in chunk]
        results = [by_rules(kind) if isinstance(kind, Offered | Claim) else kind for kind in kinds]
        results = self._by_model(kinds, results)
        drafts = [result for result in results if isinstance(result, Draft)]
        tasks = iter(acceptance.settled(self._client, drafts))
        verdicts = [next(tasks) if isinstance(result, Draft) else None for result in results]
        verdicts = self._solved(results, verdicts)
        done = Done()
        for found, result, verdict in zip(chunk, results, verdicts, strict=True):
            self._put(done, found.row, result, verdict)
        return done

    def _by_model(self, kinds: Sequence[Kind], results: list[Draft | Refusal | None]) -> list[Draft | Refusal | None]:
        if self._model is None:
            return results
        model = self._model

        def tried(at: int) -> Draft | Refusal:
            kind = kinds[at]
            if isinstance(kind, Offered):
                said = model.chat(asked.choice_messages(kind), max_tokens=asked.MAX_TOKENS, temperature=0.0).text
                draft = asked.choice_draft(kind, said)
            else:
                assert isinstance(kind, Claim)
                said = model.chat(
                    asked.claim_messages(kind.question), max_tokens=asked.MAX_TOKENS, temperature=0.0
                ).text
                draft = asked.claim_draft(kind.question, said)
            reason = checks.failed(draft) if isinstance(draft, Draft) else None
            return Refusal(reason) if reason else draft

        left = [
            at
            for at, (kind, result) in enumerate(zip(kinds, results, strict=True))
            if isinstance(result, Refusal) and result.reason in MODEL_MAY and _model_can(kind)
        ]
        for at, result in zip(left, model.map(tried, left), strict=True):
            results[at] = result
        return results

    def _solved(
        self, results: Sequence[Draft | Refusal | None], verdicts: list[str | Reason | None]
    ) -> list[str | Reason | None]:
        """Of what a model wrote only what it can answer: at least one attempt must agree with the gold."""
        if self._model is None or not self._attempts:
            return verdicts
        model = self._model
        wrote = [
            (at, result, verdict)
            for at, (result, verdict) in enumerate(zip(results, verdicts, strict=True))
            if isinstance(result, Draft)
            and result.how == "model"
            and verdict is not None
            and not isinstance(verdict, Reason)
        ]
        tries = [(at, draft, task, number) for at, draft, task in wrote for number in range(self._attempts)]

        def solve(one: tuple[int, Draft, str, int]) -> str:
            settings = {"temperature": 0.7, "seed": one[3]} if self._attempts > 1 else {"temperature": 0.0}
            return model.chat(asked.solve_messages(one[1].question), max_tokens=asked.SOLVE_TOKENS, **settings).text

        items: list[dict[str, Any]] = [
            {
                "task": task,
                "question": draft.question,
                "reference": acceptance.reference_of(draft, task),
                "response": response,
            }
            for (_, draft, task, _), response in zip(tries, model.map(solve, tries), strict=True)
        ]
        agreed = {
            at for (at, *_), result in zip(tries, self._client.verify(items), strict=True) if result.reward == 1.0
        }
        for at, _, _ in wrote:
            if at not in agreed:
                verdicts[at] = Reason.UNSOLVED
        return verdicts

    def _put(self, done: Done, row: Row, result: Draft | Refusal | None, verdict: str | Reason | None) -> None:
        if result is None:
            _count(done, "kept", OPEN)
            done.put("rows", row | {"rewrite": "kept", "rewrite_reason": OPEN})
        elif isinstance(result, Refusal) or isinstance(verdict, Reason):
            reason = result.reason if isinstance(result, Refusal) else verdict
            _count(done, "dropped", str(reason))
            done.put("dropped", row | {"rewrite": "dropped", "rewrite_reason": str(reason)})
        else:
            assert verdict is not None, "every draft was settled"
            _count(done, "rewritten", result.how)
            done.put("rows", _rewritten(row, result, verdict))


def _rewritten(row: Row, draft: Draft, task: str) -> Row:
    options = {name: value for name, value in (row.get("options") or {}).items() if name != "choices"}
    left = {name: value for name, value in row.items() if name not in ("choices", "options")}
    return {
        **left,
        **({"options": options} if options else {}),
        "question": draft.question,
        "reference": acceptance.reference_of(draft, task),
        "task": task,
        "original_question": row["question"],
        "original_reference": row["reference"],
        "rewrite": "rewritten",
        "rewrite_reason": draft.how,
    }


def _count(done: Done, outcome: str, reason: str) -> None:
    done.counts[outcome] += 1
    done.counts[f"{outcome}: {reason}"] += 1


def _gold(given: Sequence[str], options: dict[str, str] | Any) -> tuple[str, ...]:
    """The labels that the references name together; () where any of them names none."""
    named = [gold_labels(text, options) for text in given]
    return tuple(dict.fromkeys(label for labels in named for label in labels)) if all(named) else ()


def _letter(text: str) -> bool:
    bare = text.strip().strip("()（）.。 ")
    return len(bare) == 1 and bare in acceptance.LABELS


def _model_can(kind: Kind) -> bool:
    # A false claim has no value that a model's question could be checked against.
    return isinstance(kind, Offered) or (isinstance(kind, Claim) and kind.holds)
