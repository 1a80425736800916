"""From judgements and rewards to the bodies of `/v1/judge` and `/v1/reward`."""

from app import to_wire, wire
from app.judge_requests import Refused, ToJudge
from app.judging import Judged
from app.rewarding import Rewarded
from grm.judgement import Judgement
from touchstone_client.contract_judge import JudgeStatus

UNUSABLE = "invalid_item"


def candidate(judgement: Judgement, name: str | None) -> wire.CandidateResult:
    """One candidate's judgement under the caller's name for it."""
    usage = judgement.usage
    return wire.CandidateResult(
        id=name,
        status=JudgeStatus(judgement.status.value),
        reward=judgement.reward,
        reason=judgement.reason.value if judgement.reason else None,
        detail=judgement.detail,
        outcome=judgement.outcome,
        process=judgement.process,
        criteria=[
            wire.CriterionResult(one.id, one.score, one.quote, one.at, one.comment) for one in judgement.criteria
        ],
        errors=[wire.StepError(one.kind, one.quote, one.at, one.step) for one in judgement.errors],
        first_wrong_step=judgement.first_wrong_step,
        votes=list(judgement.votes),
        agreement=judgement.agreement,
        confidence=judgement.confidence,
        label_mass=judgement.label_mass,
        flags=list(judgement.flags),
        protocol=judgement.protocol,
        model=judgement.model,
        prompt_version=judgement.prompt_version,
        usage=wire.JudgeUsage(usage.calls, usage.prompt_tokens, usage.completion_tokens),
    )


def judged(entry: ToJudge | Refused, answer: Judged | None) -> wire.JudgeResult:
    """One case's result."""
    if isinstance(entry, Refused):
        return wire.JudgeResult([], entry.id, problem=entry.problem)
    assert answer is not None
    candidates = [candidate(one, name) for one, name in zip(answer.judgements, entry.names, strict=True)]
    return wire.JudgeResult(candidates, entry.id, answer.cached)


def rewarded(entry: Rewarded | Refused) -> wire.RewardResult:
    """One item's result."""
    if isinstance(entry, Refused):
        return wire.RewardResult(
            entry.task,
            entry.rule,
            None,
            JudgeStatus.UNSCORED,
            entry.problem.type,
            entry.id,
            entry.group,
            entry.problem.detail,
            problem=entry.problem,
        )
    item, paid = entry.item, entry.paid
    assert paid is not None
    parts = wire.RewardComponents(
        to_wire.result(entry.progress) if entry.progress else None,
        candidate(entry.judgement, item.id) if entry.judgement else None,
    )
    status = JudgeStatus(paid.status.value)
    return wire.RewardResult(
        item.task, item.rule.name, paid.reward, status, paid.reason, item.id, item.group, paid.detail, parts
    )
