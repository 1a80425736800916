"""The `/v1/judge` and `/v1/reward` wire: what a model may be asked to judge, and what a trainer is paid.

Rule 1: one flat shape for every protocol and every rule: a new one changes no model here.
Rule 2: null means "leave this sample out" and comes with a reason code; a rejected response was refused without
        a model and pays 0.
"""

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, model_validator

from touchstone_client.contract import (
    MAX_DEADLINE_S,
    MAX_ID_CHARS,
    MAX_ITEMS,
    MAX_QUESTION_CHARS,
    MAX_REFERENCE_CHARS,
    MAX_REFERENCES,
    MAX_RESPONSE_CHARS,
    MAX_TASK_CHARS,
    Problem,
    Recall,
    TaskInfo,
    TasksResponse,
    VerifyResult,
    _Request,
    _Wire,
)

MAX_CASES = 256
"""Cases in one request; the client cuts longer lists."""
MAX_CANDIDATES = 64
"""Candidates of one case: the largest groups in use."""
MAX_CRITERIA = 32
MAX_CRITERION_CHARS = 2_000
MAX_NAME_CHARS = 64
MAX_VOTES = 9
CLIENT_FAILED = "client_failed"
"""The reason code of a result that never came: the client's word, never the service's."""


class Aspect(StrEnum):
    """What is judged: what a response arrived at, and how it got there."""

    OUTCOME = "outcome"
    PROCESS = "process"


class Kind(StrEnum):
    """`answer`: the question has a final answer. `open`: it has none; `auto`: the former where a reference is given."""

    AUTO = "auto"
    ANSWER = "answer"
    OPEN = "open"


class CriterionKind(StrEnum):
    """`essential` and `pitfall` gate the outcome, the others are weighed."""

    ESSENTIAL = "essential"
    IMPORTANT = "important"
    OPTIONAL = "optional"
    PITFALL = "pitfall"


class JudgeStatus(StrEnum):
    """`scored`; `unscored`: nobody could tell, no reward; `rejected`: refused without asking a model, reward 0."""

    SCORED = "scored"
    UNSCORED = "unscored"
    REJECTED = "rejected"


Id = Annotated[str | None, Field(max_length=MAX_ID_CHARS, description="Your own name for it; comes back.")]
Response = Annotated[str, Field(max_length=MAX_RESPONSE_CHARS, description="All that the model wrote.")]
Reasoning = Annotated[
    str | None, Field(max_length=MAX_RESPONSE_CHARS, description="Thinking that came apart from the response.")
]
Votes = Annotated[
    int | None, Field(ge=1, le=MAX_VOTES, description="Readings of the judge; null for the service's own.")
]
Deadline = Annotated[
    float | None,
    Field(gt=0, le=MAX_DEADLINE_S, description="Seconds until the answer is of no more use; what is not done is null."),
]
Step = Annotated[int | None, Field(ge=0, description="The policy's training step, for the guard-rails over time.")]
Aspects = Annotated[list[Aspect], Field(min_length=1, max_length=2, description="What is judged.")]
ProtocolName = Annotated[str, Field(max_length=MAX_NAME_CHARS, description="How it is judged: see the documents.")]


class RubricCriterion(_Request):
    """One line of a rubric."""

    id: Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
    text: Annotated[str, Field(min_length=1, max_length=MAX_CRITERION_CHARS)]
    kind: CriterionKind = CriterionKind.IMPORTANT
    weight: Annotated[float, Field(gt=0, le=1_000, description="Among important and optional ones.")] = 1.0


Rubric = Annotated[list[RubricCriterion], Field(max_length=MAX_CRITERIA, description="Empty: the judge draws one up.")]


def _one_of_each(rubric: list[RubricCriterion]) -> None:
    names = [criterion.id for criterion in rubric]
    if len(set(names)) < len(names):
        raise ValueError("two criteria of the rubric have the same id; rename one")


class JudgeCandidate(_Request):
    """One response to judge."""

    id: Id = None
    response: Response
    reasoning: Reasoning = None


class JudgeCase(_Request):
    """A question and what was answered to it."""

    id: Id = None
    question: Annotated[str, Field(max_length=MAX_QUESTION_CHARS)]
    candidates: Annotated[list[JudgeCandidate], Field(min_length=1, max_length=MAX_CANDIDATES)]
    reference: Annotated[str | None, Field(max_length=MAX_REFERENCE_CHARS, description="The gold answer.")] = None
    rubric: Rubric = []
    kind: Kind = Kind.AUTO
    protocol: ProtocolName = "pointwise"
    aspects: Aspects = [Aspect.OUTCOME]
    votes: Votes = None

    @model_validator(mode="after")
    def _consistent(self) -> "JudgeCase":
        _one_of_each(self.rubric)
        return self


class JudgeRequest(_Request):
    """Cases to judge. Results come back in the same order."""

    cases: Annotated[list[JudgeCase], Field(min_length=1, max_length=MAX_CASES)]
    deadline_s: Deadline = None
    step: Step = None


class Catalogue(TasksResponse):
    """All that a request can name. A version is raised when what is decided changes."""

    protocols: Annotated[list[TaskInfo], Field(description="What `protocol` may be.")] = []
    rules: Annotated[list[TaskInfo], Field(description="What `rule` may be.")] = []


class CriterionResult(_Wire):
    """How well one criterion is met. `at` is the quote's place in the response, null where it is not there."""

    id: str
    score: float
    quote: str = ""
    at: int | None = None
    comment: str = ""


class StepError(_Wire):
    """A wrong step of the process."""

    kind: str
    quote: str = ""
    at: int | None = None
    step: int | None = None


class JudgeUsage(_Wire):
    """What it cost. Calls for a whole group are counted at its first candidate."""

    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0


class CandidateResult(_Wire):
    """What came of one candidate. Scores lie in [0, 1]."""

    id: str | None = None
    status: JudgeStatus
    reward: Annotated[float | None, Field(description="In [0, 1], or null for 'leave this sample out'.")]
    reason: Annotated[str | None, Field(description="A code: why there is no score, or why it was rejected.")] = None
    detail: Annotated[str, Field(description="The same in words.")] = ""
    outcome: float | None = None
    process: float | None = None
    criteria: list[CriterionResult] = []
    errors: list[StepError] = []
    first_wrong_step: int | None = None
    votes: Annotated[list[float], Field(description="The reward by each reading alone.")] = []
    agreement: float | None = None
    confidence: float | None = None
    label_mass: float | None = None
    flags: list[str] = []
    protocol: str = ""
    model: str = ""
    prompt_version: str = ""
    usage: JudgeUsage = JudgeUsage()


class JudgeResult(_Wire):
    """The judgements on one case, in the order of its candidates; none where the case itself was unusable."""

    id: str | None = None
    candidates: list[CandidateResult]
    cached: Annotated[bool, Field(description="Judged before, or together with an identical case.")] = False
    problem: Annotated[Problem | None, Field(description="Set when the case was unusable: what to fix.")] = None


class JudgeResponse(_Wire):
    """Results in the order of the request's cases."""

    results: list[JudgeResult]
    model: Annotated[str | None, Field(description="The judge.")] = None
    alarms: Annotated[list[str], Field(description="Guard-rails that a rate has passed: look for reward hacking.")] = []
    elapsed_ms: float


class RewardItem(_Request):
    """One response to pay for."""

    id: Id = None
    group: Annotated[
        str | None,
        Field(max_length=MAX_ID_CHARS, description="Responses to one prompt in one step; judged together."),
    ] = None
    task: Annotated[
        str | None,
        Field(
            max_length=MAX_TASK_CHARS,
            description="Which verifier, or `open` for tasks without a right answer. Null: `math` with a reference, "
            "else `open`.",
        ),
    ] = None
    question: Annotated[str | None, Field(max_length=MAX_QUESTION_CHARS)] = None
    response: Response
    reasoning: Reasoning = None
    reference: Annotated[
        Annotated[str, Field(max_length=MAX_REFERENCE_CHARS)]
        | Annotated[
            list[Annotated[str, Field(max_length=MAX_REFERENCE_CHARS)]], Field(min_length=1, max_length=MAX_REFERENCES)
        ]
        | None,
        Field(description="The gold answer, or several of which any one is right."),
    ] = None
    rubric: Rubric = []
    options: Annotated[dict[str, Any], Field(description="Settings of the task's verifier.")] = {}
    rule: Annotated[
        str | None,
        Field(
            max_length=MAX_NAME_CHARS,
            description="How the reward is combined: `verifier`, `judge`, `verifier_then_process` or `stratified`. "
            "Null: the task's own.",
        ),
    ] = None
    protocol: ProtocolName = "pointwise"
    aspects: Aspects = [Aspect.OUTCOME]
    votes: Votes = None

    @model_validator(mode="after")
    def _consistent(self) -> "RewardItem":
        _one_of_each(self.rubric)
        return self


class RewardRequest(_Request):
    """Responses to pay for. Results come back in the same order."""

    items: Annotated[list[RewardItem], Field(min_length=1, max_length=MAX_ITEMS)]
    recall: Annotated[Recall, Field(description="As in `/v1/verify`.")] = Recall.AUTO
    deadline_s: Deadline = None
    step: Step = None


class RewardComponents(_Wire):
    """What the reward was made of."""

    verifier: VerifyResult | None = None
    judge: CandidateResult | None = None


class RewardResult(_Wire):
    """The reward for one item."""

    id: str | None = None
    group: str | None = None
    task: str
    rule: Annotated[str, Field(description="The rule by which the components were combined.")]
    reward: Annotated[float | None, Field(description="In [0, 1], or null for 'leave this sample out'.")]
    status: JudgeStatus
    reason: Annotated[str, Field(description="What decided, in a word or code.")]
    detail: str = ""
    components: RewardComponents = RewardComponents()
    problem: Annotated[Problem | None, Field(description="Set when the item was unusable: what to fix.")] = None


class RewardResponse(_Wire):
    """Rewards in the order of the request's items."""

    results: list[RewardResult]
    model: Annotated[str | None, Field(description="The model of the second look.")] = None
    judge: Annotated[str | None, Field(description="The judge.")] = None
    alarms: Annotated[list[str], Field(description="Guard-rails that a rate has passed: look for reward hacking.")] = []
    elapsed_ms: float
