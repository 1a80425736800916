"""What is judged and what came of it: Case in, one Judgement per candidate out. Values only.

Rule 1: "could not tell" is never a number. An UNSCORED judgement has no reward, and its reason says whose
        fault it was; a REJECTED one was decided by the gate without a model, and its reward is 0.
Rule 2: all scores lie in [0, 1]. What a judge writes on another scale is converted where it is read.
Rule 3: every number that a trainer could use is computed by us (`grm/scoring.py`), never copied from a judge.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class CriterionKind(StrEnum):
    """What a criterion does to the outcome: essential and pitfall gate it, the others are weighed."""

    ESSENTIAL = "essential"
    IMPORTANT = "important"
    OPTIONAL = "optional"
    PITFALL = "pitfall"


class Aspect(StrEnum):
    """What is judged of a candidate: what it arrived at, and how it got there."""

    OUTCOME = "outcome"
    PROCESS = "process"


class Task(StrEnum):
    """What kind of question it is. ANSWER has a final answer that can be right or wrong; OPEN has not."""

    ANSWER = "answer"
    OPEN = "open"


class Status(StrEnum):
    """How a judgement came out."""

    SCORED = "scored"
    UNSCORED = "unscored"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why there is no score, or why the gate rejected. Part of the wire: add, never rename."""

    # Unscored: the judge, the server or the request is to blame.
    UNPARSABLE = "judge_unparsable"
    TRUNCATED = "judge_truncated"
    CONTRADICTORY = "judge_contradictory"
    OFF_SCALE = "judge_off_scale"
    NO_VERDICT = "judge_no_verdict"
    LOW_LABEL_MASS = "low_label_mass"
    LOW_AGREEMENT = "low_agreement"
    TIMEOUT = "judge_timeout"
    UNAVAILABLE = "backend_unavailable"
    OVERLOADED = "backend_overloaded"
    REFUSED = "backend_refused"
    TOO_LONG = "input_too_long"
    UNSUPPORTED = "schema_unsupported"
    CONTROL_FAILED = "control_failed"
    NOTHING_TO_COMPARE = "nothing_to_compare"
    # Rejected: the response is to blame, and no model was asked.
    EMPTY = "empty"
    SYMBOLS_ONLY = "symbols_only"
    MARKUP_ONLY = "markup_only"
    PLACEHOLDER = "placeholder"
    OPENER_ONLY = "opener_only"
    ECHO = "echo"
    LOOP = "loop"
    GIBBERISH = "gibberish"
    NO_ANSWER = "no_answer"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One line of a rubric. `weight` counts among IMPORTANT and OPTIONAL ones only."""

    id: str
    text: str
    kind: CriterionKind = CriterionKind.IMPORTANT
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Candidate:
    """One response. `reasoning` is thinking that came separately; `answer` the final answer, where a verifier
    has extracted it; `known_outcome` a verifier's verdict in [0, 1], which no judge can then change.
    """

    id: str
    response: str
    reasoning: str | None = None
    answer: str | None = None
    known_outcome: float | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """What a judge is asked: one question and its candidates. `alternatives` are further right answers beside the
    reference.
    """

    question: str
    candidates: tuple[Candidate, ...]
    reference: str | None = None
    rubric: tuple[Criterion, ...] = ()
    task: Task = Task.OPEN
    aspects: frozenset[Aspect] = frozenset({Aspect.OUTCOME})
    alternatives: tuple[str, ...] = ()

    @property
    def references(self) -> tuple[str, ...]:
        """All answers that are right by definition."""
        return () if self.reference is None else (self.reference, *self.alternatives)


@dataclass(frozen=True, slots=True)
class CriterionScore:
    """How well one criterion is met, with the judge's evidence; `at` is the quote's place in the response, None
    where there is no quote or it is not there.
    """

    id: str
    score: float
    quote: str
    at: int | None
    comment: str = ""


@dataclass(frozen=True, slots=True)
class ProcessError:
    """A wrong step. `quote` is verbatim, `at` its place in the response; `step` counts from 1 where steps were
    numbered.
    """

    kind: str
    quote: str
    at: int | None
    step: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What it cost. Shared calls of a group are counted at the candidate that comes first."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        """Both together."""
        return Usage(
            self.calls + other.calls,
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """What came of one candidate. `votes` are the rewards that single readings would have given.

    `agreement` and `confidence` are None where nothing was measured (`grm/voting.py` has the formulas).
    """

    candidate_id: str
    status: Status
    reward: float | None
    reason: Reason | None = None
    detail: str = ""
    outcome: float | None = None
    process: float | None = None
    criteria: tuple[CriterionScore, ...] = ()
    errors: tuple[ProcessError, ...] = ()
    first_wrong_step: int | None = None
    votes: tuple[float, ...] = ()
    agreement: float | None = None
    confidence: float | None = None
    label_mass: float | None = None
    flags: tuple[str, ...] = ()
    protocol: str = ""
    model: str = ""
    prompt_version: str = ""
    usage: Usage = field(default_factory=Usage)


def unscored(candidate: Candidate, reason: Reason, detail: str) -> Judgement:
    """No reward: the trainer leaves the sample out."""
    return Judgement(candidate.id, Status.UNSCORED, None, reason, detail)


def rejected(candidate: Candidate, reason: Reason, detail: str) -> Judgement:
    """The gate's verdict: reward 0 without a model."""
    return Judgement(candidate.id, Status.REJECTED, 0.0, reason, detail)


def rewards(judgements: Sequence[Judgement]) -> list[float | None]:
    """What a trainer takes, in order."""
    return [judgement.reward for judgement in judgements]
