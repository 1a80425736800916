"""The judge against a real vLLM server on the CPU. The tiny model writes nonsense: only its form is looked at."""

import json

import pytest

from grm.asking import Policy
from grm.judge import completion, judge
from grm.judgement import Aspect, Candidate, Case, Criterion, CriterionKind, Reason, Status, Task
from grm.protocols import pointwise
from grm.replies.shape import shaped
from grm.vllm_server import SupervisedBackend

pytestmark = [pytest.mark.vllm, pytest.mark.asyncio(loop_scope="session")]

DEADLINE_S = 300.0
POLICY = Policy(votes=1, max_votes=1, max_tokens=6_000, repair=False)
RUBRIC = (
    Criterion("units", "States the unit", CriterionKind.ESSENTIAL),
    Criterion("steps", "Shows the steps", CriterionKind.IMPORTANT),
)
QUESTION = "How far does a car go in 2 hours at 75 km/h?"
RIGHT = Candidate("right", "It goes 2 * 75 = 150, so 150 km.")
WRONG = Candidate("wrong", "75 + 2 = 77. The distance is 77 km.")
CASES = (
    Case(QUESTION, (RIGHT, WRONG), reference="150 km", task=Task.ANSWER, aspects=frozenset(Aspect)),
    Case(QUESTION, (RIGHT, WRONG), task=Task.ANSWER),
    Case(QUESTION, (RIGHT, WRONG), rubric=RUBRIC),
    Case("Write two lines about snow.", (Candidate("poem", "Snow on the pine,\nquiet as paper."),)),
)


@pytest.mark.parametrize("case", CASES, ids=["both-aspects", "own-answer", "rubric", "open"])
async def test_pointwise_replies_have_the_shape(roomy: SupervisedBackend, case: Case) -> None:
    """Held to the schema, even a model that knows nothing writes a readable judgement every time."""
    judgements = await judge(case, "pointwise", roomy, POLICY, deadline_s=DEADLINE_S)
    assert [judgement.status for judgement in judgements] == [Status.SCORED] * len(case.candidates), judgements


@pytest.mark.parametrize("protocol", ["pairwise", "listwise"])
async def test_relative_replies_have_the_shape(roomy: SupervisedBackend, protocol: str) -> None:
    """Both orders come back readable, and everybody has a score."""
    replies: list[tuple[str, str]] = []
    judgements = await judge(
        CASES[0],
        protocol,
        roomy,
        POLICY,
        deadline_s=DEADLINE_S,
        recorder=lambda messages, reply: replies.append((reply.finish_reason, reply.text)),
    )
    assert len(replies) == 2
    assert all(finish == "stop" and json.loads(text, strict=False) for finish, text in replies)
    assert not {Reason.UNPARSABLE, Reason.TRUNCATED, Reason.OFF_SCALE} & {one.reason for one in judgements}


async def test_process_replies_have_the_shape(roomy: SupervisedBackend) -> None:
    """A judgement of steps is readable; one that contradicts itself is unscored and says so."""
    judgements = await judge(CASES[0], "process", roomy, POLICY, deadline_s=DEADLINE_S)
    assert {judgement.reason for judgement in judgements} <= {None, Reason.CONTRADICTORY}


async def test_every_sampled_reply_is_valid(roomy: SupervisedBackend) -> None:
    """At temperature 1 the model writes something else every time, and always of the right shape."""
    able = roomy.capabilities
    assert able is not None
    (ask,) = pointwise.asks(Case(QUESTION, (RIGHT,), task=Task.ANSWER), (), POLICY)
    assert ask.schema is not None
    texts = set()
    for seed in range(8):
        wanted = completion(ask, able, POLICY)
        reply = await roomy.complete(
            type(wanted)(wanted.messages, wanted.max_tokens, 1.0, seed, schema=wanted.schema), deadline_s=DEADLINE_S
        )
        assert reply.finish_reason == "stop"
        # Not strict: the grammar lets raw line ends into strings, which our reading takes.
        shaped(json.loads(reply.text, strict=False), ask.schema)
        texts.add(reply.text)
    assert len(texts) > 1


async def test_the_same_question_gives_the_same_score(roomy: SupervisedBackend) -> None:
    """Same seed, temperature 0: reward, votes and confidence repeat to the last bit."""
    runs = [await judge(CASES[1], "pointwise", roomy, POLICY, deadline_s=DEADLINE_S) for _ in range(2)]
    told = [[(one.reward, one.votes, one.confidence) for one in run] for run in runs]
    assert told[0] == told[1]
    assert None not in [one.reward for one in runs[0]]


async def test_a_score_comes_with_the_mass_of_its_digits(roomy: SupervisedBackend) -> None:
    """The score's token is found in the reply: an expected digit with its mass, not the digit written."""
    judgements = await judge(CASES[1], "pointwise", roomy, POLICY, deadline_s=DEADLINE_S)
    for judgement in judgements:
        assert judgement.label_mass is not None
        assert 0.0 < judgement.label_mass <= 1.0
        assert judgement.confidence is not None


async def test_a_label_comes_with_its_mass(roomy: SupervisedBackend) -> None:
    """The yes/no protocol reads honest probabilities: no constraint has made the mass 1."""
    judgements = await judge(CASES[0], "label", roomy, POLICY, deadline_s=DEADLINE_S)
    assert all(judgement.label_mass is not None and judgement.label_mass > 0.5 for judgement in judgements)
    assert all(judgement.reward in (0.0, 1.0) for judgement in judgements)
