"""From domain values to the `/v1` bodies."""

from app import blame, wire
from app.requests import Rejected
from app.verification import Progress
from touchstone_client.contract import Outcome
from verifiers.hybrid import Opinion
from verifiers.verdict import Outcome as DomainOutcome
from verifiers.verdict import Verdict, reward

_WIRE = {outcome: Outcome(outcome.value) for outcome in DomainOutcome}


def result(entry: Progress | Rejected) -> wire.VerifyResult:
    """One item's result."""
    if isinstance(entry, Rejected):
        return _rejected(entry)
    settled, verdict, item = entry.settled, entry.verdict, entry.item
    assert settled is not None
    return wire.VerifyResult(
        id=item.id,
        task=item.task,
        outcome=_WIRE[settled.outcome],
        reward=reward(settled.outcome, credit(entry)),
        answer=None if verdict is None else verdict.answer,
        decided_by=wire.DecidedBy(settled.stage, settled.name),
        reason=settled.reason,
        cached=entry.cached,
        details=None if verdict is None or verdict.details is None else dict(verdict.details),
        timings_ms=entry.timings_ms,
        rules=None if verdict is None else rules_report(verdict),
        model=None if entry.opinion is None else model_report(entry.opinion),
    )


def credit(entry: Progress) -> float | None:
    """Partial credit is the rules' to give; a model that accepts, accepts the whole answer."""
    by_rules = entry.settled is not None and entry.settled.stage == "rules"
    return entry.verdict.credit if by_rules and entry.verdict is not None else None


def _rejected(entry: Rejected) -> wire.VerifyResult:
    return wire.VerifyResult(
        id=entry.id,
        task=entry.task,
        outcome=Outcome.UNDECIDABLE,
        reward=None,
        decided_by=wire.DecidedBy(blame.STAGE, entry.problem.type),
        reason=entry.problem.detail,
        problem=entry.problem,
    )


def rules_report(verdict: Verdict) -> wire.StageReport:
    """What the rules said by themselves."""
    return wire.StageReport(_WIRE[verdict.outcome], verdict.rule, verdict.reason)


def model_report(opinion: Opinion) -> wire.StageReport:
    """What the model said by itself."""
    if opinion.accepts is None:
        outcome = Outcome.UNDECIDABLE
    else:
        outcome = Outcome.CORRECT if opinion.accepts else Outcome.INCORRECT
    return wire.StageReport(outcome, opinion.model, opinion.reason)
