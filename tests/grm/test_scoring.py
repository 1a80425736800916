"""The number, computed in code. Expected values are worked by hand."""

import math

import pytest

from grm.asking import Policy, Vote
from grm.judgement import Candidate, Criterion, CriterionKind, CriterionScore, Judgement, Reason, Status
from grm.quotes import Quotable
from grm.rubric import GATED_CEILING, aggregate
from grm.scoring import EQUALISED, level, reward, settle
from grm.voting import agreement, confidence, expected_digit, noise

POLICY = Policy()
ONE = Candidate("one", "x")


def met(name: str, score: float, quote: str = "", at: int | None = None) -> CriterionScore:
    return CriterionScore(name, score, quote, at)


@pytest.mark.parametrize(
    ("outcome", "process", "wanted"),
    [
        (1.0, None, 1.0),
        (1.0, 1.0, 1.0),
        # 1 * (1 - 0.3 + 0.3 * 0.5)
        (1.0, 0.5, 0.85),
        (0.5, 0.5, 0.425),
        # Below the floor of 1/3 the process supports nothing: 1 * 0.2.
        (1.0, 0.2, 0.2),
        (1.0, 0.0, 0.0),
        (0.0, 1.0, 0.0),
    ],
)
def test_a_process_lowers_and_never_rescues(outcome: float, process: float | None, wanted: float) -> None:
    """A right result loses by a bad process; a wrong one gains nothing by a good one."""
    assert reward(outcome, process, POLICY) == pytest.approx(wanted)
    assert reward(outcome, process, POLICY) <= outcome


def test_a_verifiers_verdict_is_the_outcome() -> None:
    """A judge cannot overrule a verifier, in either direction."""
    refuted = settle(Candidate("c", "x", known_outcome=0.0), [Vote(outcome=1.0, process=1.0)], POLICY)
    proved = settle(Candidate("c", "x", known_outcome=1.0), [Vote(outcome=0.0, process=1.0)], POLICY)
    assert (refuted.reward, proved.reward) == (0.0, 1.0)


def test_the_median_of_votes_counts() -> None:
    """One stray vote of three changes nothing."""
    judgement = settle(ONE, [Vote(outcome=0.8), Vote(outcome=0.9), Vote(outcome=0.4)], POLICY)
    assert judgement.reward == pytest.approx(0.8)
    # |0.8 - 0.8|, |0.9 - 0.8|, |0.4 - 0.8|: mean 1/6, agreement 1 - 2/6.
    assert judgement.agreement == pytest.approx(2 / 3)


def test_votes_that_contradict_each_other_give_no_score() -> None:
    """Half yes and half no is not a half."""
    judgement = settle(ONE, [Vote(outcome=1.0), Vote(outcome=0.0)], POLICY)
    assert (judgement.status, judgement.reward, judgement.reason) == (Status.UNSCORED, None, Reason.LOW_AGREEMENT)
    assert judgement.votes == (1.0, 0.0)


def test_a_vote_without_an_outcome_is_no_score() -> None:
    """A process alone says nothing about the result."""
    assert settle(ONE, [Vote(process=0.9)], POLICY).reason is Reason.NO_VERDICT


RUBRIC = (
    Criterion("must", "", CriterionKind.ESSENTIAL),
    Criterion("good", "", CriterionKind.IMPORTANT, weight=2.0),
    Criterion("nice", "", CriterionKind.OPTIONAL),
    Criterion("trap", "", CriterionKind.PITFALL),
)


def test_a_rubric_is_a_weighted_mean() -> None:
    """Weights 1, 2 * 0.7 and 0.3: (1 * 1 + 1.4 * 0.5 + 0.3 * 0) / 2.7."""
    total = aggregate(RUBRIC, [met("must", 1.0), met("good", 0.5), met("nice", 0.0), met("trap", 0.0)], 0.5)
    assert total is not None
    assert total.outcome == pytest.approx(1.7 / 2.7)
    assert total.gated_by == ()


@pytest.mark.parametrize(("must", "trap", "by"), [(0.2, 0.0, "must"), (1.0, 0.9, "trap")])
def test_essential_and_pitfall_gate(must: float, trap: float, by: str) -> None:
    """What misses the essential, or falls into a pitfall, is worth little whatever else it does."""
    total = aggregate(RUBRIC, [met("must", must), met("good", 1.0), met("nice", 1.0), met("trap", trap)], 0.5)
    assert total is not None
    assert total.gated_by == (by,)
    assert total.outcome <= GATED_CEILING


def test_an_incomplete_rubric_is_no_score() -> None:
    """A criterion without a score has no default."""
    assert aggregate(RUBRIC, [met("must", 1.0)], 0.5) is None


def test_an_invented_quote_costs() -> None:
    """Praise that rests on a quote that is not there counts half: 0.9 becomes 0.45 and gates."""
    rubric = (Criterion("must", "", CriterionKind.ESSENTIAL),)
    honest = aggregate(rubric, [met("must", 0.9, "x = 2", 0)], 0.5)
    invented = aggregate(rubric, [met("must", 0.9, "x = 3", None)], 0.5)
    assert honest is not None
    assert invented is not None
    assert (honest.outcome, invented.outcome) == pytest.approx((0.9, 0.25))


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("x = 12", True),
        ("X=12", True),
        ("x = １２", True),
        ("so  x\n= 12", True),
        ("Divide by 2 ... x = 12", True),
        ("x = 12 ... Divide by 2", False),
        ("x = 13", False),
        ("", False),
        ("**x = 12**", True),
        ("< |im_end| >", True),
    ],
)
def test_quotes_are_found_loosely_and_not_invented(quote: str, found: bool) -> None:
    """White space, width, case and emphasis do not matter; letters and order do."""
    text = "Divide by 2, so x = 12. <|im_end|>"
    assert (Quotable(text).find(quote) is not None) is found


def test_a_quotes_place_is_in_the_response() -> None:
    """The place counts characters of the response as it came."""
    text = "ａ ｂ. So x = 12."
    assert Quotable(text).find("x=12") == text.index("x")


def judged(name: str, reward_: float, votes: tuple[float, ...]) -> Judgement:
    return Judgement(name, Status.SCORED, reward_, votes=votes)


def test_a_group_within_the_noise_gets_equal_rewards() -> None:
    """Votes scatter by 0.1 and the group by 0.05: what looks like a difference is none."""
    group = (Candidate("a", "a"), Candidate("b", "b"))
    votes = (judged("a", 0.50, (0.4, 0.6)), judged("b", 0.55, (0.45, 0.65)))
    levelled = level(group, votes, POLICY)
    assert [one.reward for one in levelled] == [pytest.approx(0.525)] * 2
    assert all(EQUALISED in one.flags for one in levelled)


def test_a_group_above_the_noise_keeps_its_rewards() -> None:
    """Votes scatter by 0.05, the group by 0.5."""
    group = (Candidate("a", "a"), Candidate("b", "b"))
    votes = (judged("a", 0.2, (0.15, 0.25)), judged("b", 0.7, (0.65, 0.75)))
    assert level(group, votes, POLICY) == votes


def test_verdicts_of_a_verifier_are_never_levelled() -> None:
    """Right and wrong stay apart however noisy the judge of the process is."""
    group = (Candidate("a", "a", known_outcome=1.0), Candidate("b", "b", known_outcome=0.0))
    votes = (judged("a", 0.6, (0.1, 1.0)), judged("b", 0.0, (0.0, 0.0)))
    assert level(group, votes, POLICY) == votes


def test_noise_is_the_pooled_deviation() -> None:
    """Variances 0.01 and 0.03: the root of their mean, 0.02."""
    apart = math.sqrt(0.03)
    assert noise([(0.4, 0.6), (0.5 - apart, 0.5 + apart)]) == pytest.approx(math.sqrt(0.02))
    assert noise([(0.4,), (0.6,)]) is None


def test_an_expected_digit_is_finer_than_the_digit() -> None:
    """Half on 7, a quarter on 6 and on 8, with 0.8 of the mass: mean 7, mean distance 1/2, sharpness 1 - 1/9."""
    read = expected_digit({"7": math.log(0.4), " 6": math.log(0.2), "8": math.log(0.2), "seven": math.log(0.1)})
    assert read is not None
    assert read == pytest.approx((7.0, 0.8, 8 / 9))


@pytest.mark.parametrize("table", [{}, {"x": -0.1}, {"7": math.nan}, {"7": 0.5}, {"7": -0.1, "8": -0.1}])
def test_what_is_no_distribution_is_no_score(table: dict[str, float]) -> None:
    """Missing digits, nan, numbers above 0 or more than 1 in total are not read."""
    assert expected_digit(table) is None


def test_confidence_is_a_product() -> None:
    """One bad sign is enough; a single vote without probabilities has none."""
    assert confidence(0.8, None, 0.5, 0.5) == pytest.approx(0.2)
    assert confidence(None, 0.9, 1.0, None) == pytest.approx(0.9)
    assert confidence(None, None, 1.0, None) is None
    assert agreement([0.4]) is None


@pytest.mark.parametrize(
    "wrong", [{"votes": 0}, {"votes": 4, "max_votes": 3}, {"max_votes": 10}, {"process_weight": 2.0}]
)
def test_a_policy_without_sense_is_refused(wrong: dict[str, float]) -> None:
    """Settings that contradict themselves are named at once."""
    with pytest.raises(ValueError, match="must"):
        Policy(**wrong)  # type: ignore[arg-type]
