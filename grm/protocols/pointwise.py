"""One candidate at a time, scored by criteria: the base protocol. n candidates cost n questions, not n squared.

Rule 1: the judge first solves or draws up criteria, then collects evidence, and gives its verdict last: what is
        written first steers what follows, so the verdict must follow from the findings and not the reverse.
Rule 2: with a rubric, the outcome is the rubric's aggregate, computed by us; the judge's own overall score is only
        compared with it. Without one, it is the overall score, as an expected digit where there are probabilities.
Rule 3: an error that quotes what is not in the response is no error: it cannot lower the process by itself.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from grm.asking import Ask, Policy, Reading, Unread, Vote
from grm.backend import Reply
from grm.judgement import Aspect, Candidate, Case, CriterionScore, ProcessError, Reason, Task
from grm.protocols.fields import (
    COMMENT_CHARS,
    OWN_ANSWER_CHARS,
    QUOTE_CHARS,
    SCORE,
    TOP_LOGPROBS,
    Digits,
    errors_schema,
    founded_share,
    read_errors,
    read_finding,
    record,
    text,
)
from grm.protocols.wording import (
    DATA_RULE,
    EVIDENCE_RULE,
    SCALE_RULE,
    criterion_names,
    opening,
    response_text,
    show_candidate,
    shown_texts,
    temperature,
)
from grm.quotes import Quotable
from grm.replies import read_json
from grm.rubric import INVENTED, aggregate
from grm.voting import differ

PROMPT_VERSION = "pointwise-1"
DESCRIPTION = "One response at a time: criteria and findings first, scores last."
CANDIDATES = (1, 64)
OWN_CRITERIA = 4
CRITERION_CHARS = 160
LOW_MASS = "low_score_mass"
INCONSISTENT = "overall_differs_from_rubric"
GATED = "gated:"
APART = 0.5
"""More than half the scale between the rubric's aggregate and the judge's overall score is worth a flag."""

SYSTEM = f"""\
You judge one response to one question. You are strict, you are fair, and you say only what you can show.

Work in the order of the fields that you fill in. Where own_answer is asked for, solve the question yourself before \
you look at the response, briefly. Where criteria are asked for, draw up what a very good response to this very \
question must do, the most important first. Then give one finding per criterion: a comment, a quote, a score. \
Process errors are wrong, circular, unsupported or pointless steps; list only those that are really there. \
process_score says how well the steps support the result, whatever the result is. outcome_score says how well the \
response does what the question asks; a wrong final result is 0 where the question has a right one.

{EVIDENCE_RULE}

{SCALE_RULE}

{DATA_RULE}
Reply with one JSON object with the fields asked for, in their order, and nothing else."""

CLOSING = """\
That was the response. Judge it as described at the start: findings first, scores last. Reply with the JSON object \
only, with these fields: """


def asks(case: Case, so_far: Sequence[Reading], policy: Policy) -> tuple[Ask, ...]:
    """The first votes of every candidate at once, then one more for each that is still in dispute."""
    wanted: list[Ask] = []
    for index in range(len(case.candidates)):
        mine = [reading for reading in so_far if reading.ask.shown == (index,)]
        values = [_value(reading.votes[index]) for reading in mine if index in reading.votes]
        if not mine:
            wanted += [_ask(case, index, vote, policy) for vote in range(policy.votes)]
        elif len(mine) < policy.max_votes and differ(values, policy.spread):
            wanted.append(_ask(case, index, len(mine), policy))
    return tuple(wanted)


def read(case: Case, ask: Ask, reply: Reply, policy: Policy) -> Mapping[int, Vote] | Unread:
    """The reply as one vote."""
    (index,) = ask.shown
    schema = _schema(case, case.candidates[index])
    found = read_json(
        reply.text,
        schema,
        verdict=[name for name in ("process_score", "outcome_score") if name in schema["properties"]],
        finish_reason=reply.finish_reason,
        shown=shown_texts(case, ask.shown),
    )
    if isinstance(found, Unread):
        return found
    response = Quotable(response_text(case.candidates[index]))
    criteria = _criteria(case, found.value, response)
    errors = read_errors(found.value.get("process_errors", ()), response)
    digits = Digits(found, reply)
    process = _process(digits.score("process_score"), errors) if "process_score" in found.value else None
    overall = digits.score("outcome_score") if "outcome_score" in found.value else None
    outcome, flags = _outcome(case, criteria, overall, policy)
    if case.rubric and outcome is None and case.candidates[index].known_outcome is None:
        return Unread(Reason.UNPARSABLE, "a criterion has no score")
    founded = founded_share(criteria, errors)
    if founded < 1.0:
        flags.append(INVENTED)
    if digits.masses and min(digits.masses) < policy.min_label_mass:
        flags.append(LOW_MASS)
    sharpness = sum(digits.sharpness) / len(digits.sharpness) if digits.sharpness else None
    mass = min(digits.masses) if digits.masses else None
    vote = Vote(outcome, process, criteria, errors, None, sharpness, mass, founded, tuple(flags))
    return {index: vote}


def combine(case: Case, readings: Sequence[Reading], policy: Policy) -> Mapping[int, Sequence[Vote]]:
    """Every candidate's votes, as they are."""
    votes: dict[int, list[Vote]] = {}
    for reading in readings:
        for index, vote in reading.votes.items():
            votes.setdefault(index, []).append(vote)
    return votes


def _value(vote: Vote) -> float:
    """What votes may differ in: the outcome, else the process."""
    return vote.outcome if vote.outcome is not None else vote.process or 0.0


def _ask(case: Case, index: int, vote: int, policy: Policy) -> Ask:
    candidate = case.candidates[index]
    schema = _schema(case, candidate)
    prompt = opening(case, policy)
    show_candidate(prompt, "Response", candidate, policy, with_reasoning=Aspect.PROCESS in case.aspects)
    prompt.say(CLOSING + ", ".join(schema["properties"]) + ".")
    return Ask(
        (index,),
        prompt.messages(SYSTEM),
        vote,
        policy.max_tokens,
        temperature(vote, policy),
        policy.seed + vote,
        TOP_LOGPROBS,
        schema,
    )


def _schema(case: Case, candidate: Candidate) -> dict[str, Any]:
    members: dict[str, Any] = {}
    judges_outcome = candidate.known_outcome is None
    if judges_outcome and case.task is Task.ANSWER and case.reference is None:
        members["own_answer"] = text(OWN_ANSWER_CHARS)
    finding = record({"comment": text(COMMENT_CHARS), "quote": text(QUOTE_CHARS), "score": SCORE})
    if judges_outcome and case.rubric:
        members["findings"] = record(dict.fromkeys(criterion_names(case.rubric), finding))
    elif judges_outcome and case.task is Task.OPEN:
        names = [f"c{number}" for number in range(1, OWN_CRITERIA + 1)]
        members["criteria"] = record({name: text(CRITERION_CHARS) for name in names})
        members["findings"] = record(dict.fromkeys(names, finding))
    if Aspect.PROCESS in case.aspects or not judges_outcome:
        members |= {"process_errors": errors_schema(), "process_score": SCORE}
    if judges_outcome:
        members["outcome_score"] = SCORE
    return record(members)


def _criteria(case: Case, value: Mapping[str, Any], response: Quotable) -> tuple[CriterionScore, ...]:
    findings: Mapping[str, Any] = value.get("findings", {})
    own = dict(zip(criterion_names(case.rubric), (criterion.id for criterion in case.rubric), strict=True))
    return tuple(read_finding(own.get(name, name), item, response) for name, item in findings.items())


def _outcome(
    case: Case, criteria: Sequence[CriterionScore], overall: float | None, policy: Policy
) -> tuple[float | None, list[str]]:
    if not case.rubric or not criteria:
        return overall, []
    total = aggregate(case.rubric, criteria, policy.criterion_bar)
    if total is None:
        return None, []
    flags = [GATED + name for name in total.gated_by]
    if overall is not None and not total.gated_by and abs(total.outcome - overall) > APART:
        flags.append(INCONSISTENT)
    return total.outcome, flags


def _process(score: float, errors: Sequence[ProcessError]) -> float:
    """The process score; a low one whose every error quotes what is not there counts half."""
    quoted = [error for error in errors if error.quote.strip()]
    if quoted and all(error.at is None for error in quoted):
        return (score + 1.0) / 2.0
    return score
