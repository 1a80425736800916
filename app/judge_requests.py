"""From the bodies of `/v1/judge` and `/v1/reward` to cases and items that can be worked on, one by one.

Rule 1: one bad entry never fails its request; with no good entry the request is refused.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

from pydantic import Field

from app import requests, wire
from app.bodies import parse, read_entry, read_envelope, repeatable, summary
from app.errors import Unusable, invalid_item
from app.reward_rules import RULES, Rule, default_rule
from grm.judge import PROTOCOLS
from grm.judgement import Aspect, Candidate, Case, Criterion, CriterionKind, Task
from touchstone_client import contract, contract_judge
from touchstone_client.contract import Recall

if TYPE_CHECKING:
    from verifiers.registry import Verifier

MAX_REFERENCES_SHOWN = 8
"""To a judge; more alternatives than that are a list, and the verifier has seen them all."""
OPEN = "open"
"""The task that no verifier has: only a judge can tell."""
WITH_PROCESS = ("pointwise", "process")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refused:
    """An entry that cannot be worked on. `group`, `task` and `rule` as far as they can be repeated."""

    id: str | None
    problem: wire.Problem
    group: str | None = None
    task: str = ""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class ToJudge:
    """A case that can be judged. `names` are the caller's, one for each candidate."""

    id: str | None
    case: Case
    protocol: str
    votes: int | None
    names: tuple[str | None, ...]


@dataclass(frozen=True, slots=True)
class ToReward:
    """An item that can be paid for. `verify` is there where its rule asks the verifier."""

    id: str | None
    group: str | None
    task: str
    rule: Rule
    verify: requests.Accepted | None
    case: Case
    protocol: str
    votes: int | None


@dataclass(frozen=True, slots=True)
class Entries(Generic[T]):
    """A request, read."""

    entries: list[T | Refused]
    deadline_s: float | None
    step: int | None
    recall: Recall = Recall.AUTO


class _JudgeEnvelope(contract_judge.JudgeRequest):
    cases: Annotated[list[Any], Field(min_length=1, max_length=contract_judge.MAX_CASES)]


class _RewardEnvelope(contract_judge.RewardRequest):
    items: Annotated[list[Any], Field(min_length=1, max_length=contract.MAX_ITEMS)]


def read_judge(body: bytes) -> "Entries[ToJudge]":
    """Read a request for judgements. Raises Malformed, and Unusable when not one case can be judged."""
    envelope = read_envelope(parse(body), _JudgeEnvelope, contract_judge.JudgeRequest)
    entries = [_case(raw, f"cases[{at}]") for at, raw in enumerate(envelope.cases)]
    refuse_if_none(entries)
    return Entries(entries, envelope.deadline_s, envelope.step)


def read_reward(body: bytes, verifiers: "Mapping[str, Verifier]", rules: Mapping[str, str]) -> "Entries[ToReward]":
    """Read a request for rewards; `rules` by task, for items that name none. Raises Malformed and Unusable."""
    envelope = read_envelope(parse(body), _RewardEnvelope, contract_judge.RewardRequest)
    entries = read_items(envelope.items, verifiers, rules)
    refuse_if_none(entries)
    return Entries(entries, envelope.deadline_s, envelope.step, envelope.recall)


def read_items(
    items: Sequence[object], verifiers: "Mapping[str, Verifier]", rules: Mapping[str, str]
) -> "list[ToReward | Refused]":
    """Items for `/v1/reward`, each by itself."""
    return [_item(raw, at, verifiers, rules) for at, raw in enumerate(items)]


def refuse_if_none(entries: Sequence[object]) -> None:
    """Raises Unusable when not one entry can be worked on."""
    refused = [entry for entry in entries if isinstance(entry, Refused)]
    if len(refused) == len(entries):
        errors = [error for entry in refused for error in entry.problem.errors]
        raise Unusable(f"none of the {len(refused)} entries can be worked on; `errors` says what to fix", errors)


def _case(raw: object, path: str) -> ToJudge | Refused:
    case = read_entry(raw, contract_judge.JudgeCase, path)
    if isinstance(case, list):
        return Refused(_repeated(raw, "id"), invalid_item(summary(case), case))
    complaint = _protocol_complaint(case.protocol, len(case.candidates), path)
    if complaint is not None:
        return Refused(case.id, invalid_item(f"{complaint.field}: {complaint.message}", [complaint]))
    candidates = tuple(Candidate(str(at), one.response, one.reasoning) for at, one in enumerate(case.candidates))
    judged = Case(
        case.question,
        candidates,
        case.reference,
        _rubric(case.rubric),
        _task(case.kind, case.reference),
        _aspects(case.aspects),
    )
    return ToJudge(case.id, judged, case.protocol, case.votes, tuple(one.id for one in case.candidates))


def _item(raw: object, at: int, verifiers: "Mapping[str, Verifier]", rules: Mapping[str, str]) -> ToReward | Refused:
    path = f"items[{at}]"
    item = read_entry(raw, contract_judge.RewardItem, path)
    if isinstance(item, list):
        names = [_repeated(raw, name) for name in ("group", "task", "rule")]
        return Refused(
            _repeated(raw, "id"), invalid_item(summary(item), item), names[0], names[1] or "", names[2] or ""
        )
    task = item.task or ("math" if item.reference is not None else OPEN)

    def refuse(field: str, message: str) -> Refused:
        error = wire.FieldProblem(f"{path}.{field}", message)
        problem = invalid_item(f"{error.field}: {message}", [error])
        return Refused(item.id, problem, item.group, task, item.rule or "")

    if task != OPEN and task not in verifiers:
        known = ", ".join(f"`{name}`" for name in sorted([*verifiers, OPEN]))
        return refuse("task", f"no such task; the known ones: {known}")
    rule = RULES.get(item.rule or rules.get(task) or default_rule(verified=task != OPEN, rubric=bool(item.rubric)))
    if rule is None:
        return refuse("rule", f"no such rule; the known ones: {', '.join(f'`{name}`' for name in sorted(RULES))}")
    if rule.judges and item.question is None:
        return refuse("question", "is required where a judge is asked; add it")
    if rule.judges and (complaint := _protocol_complaint(item.protocol, 2 if item.group else 1, path)) is not None:
        return refuse("protocol", complaint.message)
    if rule.process and item.protocol not in WITH_PROCESS:
        return refuse("protocol", f"`{rule.name}` needs a judge of the process: `{'` or `'.join(WITH_PROCESS)}`")
    verify = None
    if rule.verifies:
        if task == OPEN or item.reference is None:
            return refuse("rule", f"`{rule.name}` needs a task with a verifier and a reference; use `judge`")
        asked = wire.Item(item.response, item.reference, item.id, task, item.question, item.options)
        checked = requests.check_item(asked, at, verifiers)
        if isinstance(checked, requests.Rejected):
            return Refused(item.id, checked.problem, item.group, task, rule.name)
        verify = checked
    return _to_reward(item, task, rule, verify)


def _to_reward(item: contract_judge.RewardItem, task: str, rule: Rule, verify: requests.Accepted | None) -> ToReward:
    several = [item.reference] if isinstance(item.reference, str) else item.reference or []
    aspects = _aspects(item.aspects) | ({Aspect.PROCESS} if rule.process else set())
    case = Case(
        item.question or "",
        (Candidate("0", item.response, item.reasoning),),
        several[0] if several else None,
        _rubric(item.rubric),
        Task.ANSWER if several else Task.OPEN,
        frozenset(aspects),
        tuple(several[1:MAX_REFERENCES_SHOWN]),
    )
    return ToReward(item.id, item.group, task, rule, verify, case, item.protocol, item.votes)


def _protocol_complaint(protocol: str, candidates: int, path: str) -> wire.FieldProblem | None:
    known = PROTOCOLS.get(protocol)
    if known is None:
        names = ", ".join(f"`{name}`" for name in sorted(PROTOCOLS))
        return wire.FieldProblem(f"{path}.protocol", f"no such protocol; the known ones: {names}")
    fewest, most = known.CANDIDATES
    if not fewest <= candidates <= most:
        need = f"`{protocol}` judges {fewest} to {most} candidates together, not {candidates}"
        return wire.FieldProblem(f"{path}.candidates", f"{need}; give more, or use `pointwise`")
    return None


def _rubric(rubric: Sequence[contract_judge.RubricCriterion]) -> tuple[Criterion, ...]:
    return tuple(Criterion(one.id, one.text, CriterionKind(one.kind.value), one.weight) for one in rubric)


def _aspects(aspects: Sequence[contract_judge.Aspect]) -> frozenset[Aspect]:
    return frozenset(Aspect(one.value) for one in aspects)


def _task(kind: contract_judge.Kind, reference: str | None) -> Task:
    match kind:
        case contract_judge.Kind.ANSWER:
            return Task.ANSWER
        case contract_judge.Kind.OPEN:
            return Task.OPEN
        case contract_judge.Kind.AUTO:
            return Task.OPEN if reference is None else Task.ANSWER


def _repeated(raw: object, name: str) -> str | None:
    value = raw.get(name) if isinstance(raw, dict) else None
    return value if repeatable(value, contract.MAX_ID_CHARS) else None
