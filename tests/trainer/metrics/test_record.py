"""A step's record: what was not measured, what adds up, and the names of its figures."""

import math

import pytest

from tests.trainer.metrics.runs import full_step, step
from touchstone_trainer.metrics import DomainStats, StepRecord
from touchstone_trainer.metrics.series import figures


def test_what_is_not_finite_is_not_measured() -> None:
    """A diverged loss is null in JSON, and has no figure; never 0 and never the invalid word NaN."""
    record = step(1, loss=math.nan, grad_norm=math.inf)
    assert (record.loss, record.grad_norm) == (None, None)
    assert '"loss":null' in record.model_dump_json()
    assert not {"loss", "grad_norm"} & figures(record).keys()


def test_json_gives_the_same_record_back() -> None:
    """Every figure survives the file."""
    record = full_step(90)
    assert StepRecord.model_validate_json(record.model_dump_json()) == record


def test_a_record_of_a_newer_version_stays_readable() -> None:
    """Fields that this version does not know are left out."""
    text = step(1).model_dump_json().replace('"step":1', '"step":1,"humour":0.5')
    assert StepRecord.model_validate_json(text) == step(1)


def test_the_mean_reward_weighs_domains_by_scored_responses() -> None:
    """3 at 1.0 and 1 at 0.0 are 0.75; the domain that nobody could score has no say."""
    domains = {
        "a": DomainStats(responses=4, scored=3, reward_mean=1.0),
        "b": DomainStats(responses=4, scored=1, reward_mean=0.0),
        "c": DomainStats(responses=8, scored=0),
    }
    record = step(1, domains=domains, undecided={"deadline": 12})
    assert record.reward_mean == 0.75
    assert record.undecided_share == 0.75
    assert "reward/c" not in figures(record)


def test_without_responses_shares_are_unknown() -> None:
    """Not zero: nothing was there to share."""
    record = step(1, domains={})
    assert (record.reward_mean, record.undecided_share, record.rescued_share, record.dead_share) == (None,) * 4


def test_figures_are_shares_of_what_they_say() -> None:
    """By hand, on the 120 responses and 16,000 tokens of a step of the mixed phase."""
    shown = figures(full_step(91))
    expected = {
        "undecided/all": 6 / 120,
        "undecided/pool: lost": 3 / 120,
        "rescued": 6 / 60,
        "decided_by/judge": 6 / 120,
        "outcome/correct": 60 / 120,
        "masked_sequences/truncated": 1 / 120,
        "masked_tokens/icepop": 20 / 16_000,
        "penalised_tokens/kl_cov": 3 / 16_000,
        "shaping/overlong": -0.02,
        "dead_groups/all domains": 6 / 15,
        "dead_groups/code": 2 / 5,
        "batch/code": 40 / 120,
        "seconds/rewards": 1.0,
        "ratio/q99": 1.1,
        "length/largest": 1_024.0,
    }
    assert {name: shown[name] for name in expected} == pytest.approx(expected)


@pytest.mark.parametrize("wrong", [{"step": -1}, {"tokens": -5}, {"rescued": -1}])
def test_counts_are_not_negative(wrong: dict[str, int]) -> None:
    """A negative count is a bug in the trainer, shown where it is made."""
    with pytest.raises(ValueError, match="greater than or equal to 0"):
        step(**{"number": 1, **wrong}) if "step" not in wrong else step(wrong["step"])
