"""A chunk of rows through the whole of rewriting. Every row ends in one of three ways, each with its reason:

kept        an open question already, as it was
rewritten   a new question and reference; the old ones stay in `original_question` and `original_reference`
dropped     no open question could be made of it that the verifier tells right from wrong on
"""

from collections.abc import Mapping, Sequence

from touchstone_client import Client
from touchstone_trainer.curation.rewriting import acceptance, checks, claims, stems
from touchstone_trainer.curation.rewriting.by_model import Writer
from touchstone_trainer.curation.rewriting.drafts import MODEL_MAY, Draft, Reason, Refusal
from touchstone_trainer.curation.rewriting.kinds import Claim, kind_of
from touchstone_trainer.curation.rewriting.offered import Offered
from touchstone_trainer.curation.rows import Found, Row
from touchstone_trainer.curation.stage import Done

OPEN = "open_question"


def by_rules(kind: Offered | Claim) -> Draft | Refusal:
    """The draft that needs no model."""
    return stems.opened(kind) if isinstance(kind, Offered) else claims.opened(kind.question, kind.holds)


def checked(result: Draft | Refusal) -> Draft | Refusal:
    """A draft whose text passes, whoever wrote it."""
    reason = checks.failed(result) if isinstance(result, Draft) else None
    return result if reason is None else Refusal(reason)


class Rewriter:
    """Rewrites chunks. Without a `writer` what rules cannot do is dropped. `index_from`: see `kind_of`."""

    def __init__(self, client: Client, writer: Writer | None = None, index_from: int | None = None) -> None:
        self._client, self._writer, self._index_from = client, writer, index_from

    def __call__(self, chunk: Sequence[Found]) -> Done:
        """Every row of the chunk, kept, rewritten or dropped."""
        results: dict[int, Draft | Refusal | None] = {}
        left: dict[int, Offered | Claim] = {}
        for at, kind in enumerate(kind_of(found.row, self._index_from) for found in chunk):
            results[at] = checked(by_rules(kind)) if isinstance(kind, Offered | Claim) else kind
            if isinstance(kind, Offered | Claim) and _for_model(kind, results[at]):
                left[at] = kind
        if self._writer is not None:
            results |= {at: checked(result) for at, result in self._writer.drafts(left).items()}
        drafts = {at: result for at, result in results.items() if isinstance(result, Draft)}
        tasks = self._tasks(drafts)
        done = Done()
        for at, found in enumerate(chunk):
            _put(done, found.row, results[at], tasks.get(at))
        return done

    def _tasks(self, drafts: Mapping[int, Draft]) -> dict[int, str | Reason]:
        """The task that tells right from wrong for each draft, or why it cannot be used after all."""
        tasks = dict(zip(drafts, acceptance.settled(self._client, list(drafts.values())), strict=True))
        if self._writer is not None:
            accepted = {at: (drafts[at], task) for at, task in tasks.items() if not isinstance(task, Reason)}
            tasks |= self._writer.unsolved(accepted)
        return tasks


def _put(done: Done, row: Row, result: Draft | Refusal | None, verdict: str | Reason | None) -> None:
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


def _for_model(kind: Offered | Claim, result: Draft | Refusal | None) -> bool:
    # A false claim has no value that a model's question could be checked against.
    hopeful = isinstance(result, Refusal) and result.reason in MODEL_MAY
    return hopeful and (isinstance(kind, Offered) or kind.holds)
