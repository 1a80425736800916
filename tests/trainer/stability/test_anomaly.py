"""The anomaly-sequence mask: who is masked, who is spared, and why."""

import math

import pytest
import torch
from torch import Tensor, tensor

from touchstone_trainer.anomaly import Anomalies, AnomalyLimits, Cause, mask_anomalies

D = torch.float64
WIDTH = 4
DEFAULTS = AnomalyLimits()


def judge(gaps: list[float], text: list[int] | None = None, limits: AnomalyLimits = DEFAULTS) -> Anomalies:
    """Responses whose every token differs by a gap in nats; `text` names the rows with strange text."""
    train = tensor(gaps, dtype=D).unsqueeze(-1).expand(-1, WIDTH)
    flags = torch.zeros(len(gaps), dtype=torch.bool)
    flags[text or []] = True
    return mask_anomalies(train, torch.zeros_like(train), torch.ones_like(train, dtype=torch.bool), flags, limits)


def k3(gap: float) -> float:
    """What a token that differs by a gap costs."""
    return math.expm1(gap) - gap


def test_causes() -> None:
    """Hopeless tokens, far divergence, and moderate divergence with strange text are masked; text alone is not."""
    found = judge([0.01] * 12 + [-10.0, 1.0, 0.25, 0.25], text=[0, 14])
    assert found.causes[:2] == (Cause.HEALTHY, Cause.HEALTHY)
    assert found.causes[12:] == (Cause.VETO, Cause.DIVERGENCE, Cause.DIVERGENCE_AND_TEXT, Cause.HEALTHY)
    assert found.masked.nonzero().flatten().tolist() == [12, 13, 14]
    assert found.keep.any(-1).tolist() == (~found.masked).tolist()
    assert float(found.statistic[13]) == pytest.approx(k3(1.0))
    assert float(found.lowest_log_ratio[12]) == -10.0
    assert found.shares()[Cause.VETO] == 1 / 16


def test_no_more_than_a_share_is_masked_and_the_worst_first() -> None:
    """Of three divergent responses among eight two may go; the mildest is spared, and says so."""
    found = judge([0.0] * 5 + [0.9, 1.2, 1.0])
    assert found.causes[5:] == (Cause.SPARED, Cause.DIVERGENCE, Cause.DIVERGENCE)


def test_vetoes_use_the_share_up_but_are_not_bound_by_it() -> None:
    """Three hopeless responses of eight are all masked, and leave no room for a divergent one."""
    found = judge([0.0] * 4 + [-10.0, -11.0, -12.0, 1.0])
    assert found.causes[4:] == (Cause.VETO, Cause.VETO, Cause.VETO, Cause.SPARED)


def test_the_threshold_rises_with_the_batch() -> None:
    """Where all drift alike nobody is masked, although each is beyond the floor of a healthy batch."""
    assert k3(0.35) > DEFAULTS.hard_floor
    assert not bool(judge([0.35, 0.352, 0.348, 0.35, 0.353, 0.347]).masked.any())


def test_the_threshold_stays_under_its_ceiling() -> None:
    """A batch gone mad does not excuse itself: 0.5 nats is the limit whatever the median."""
    found = judge([2.0] * 4 + [2.1] * 4)
    assert float(found.hard) == 0.5
    assert found.masked.tolist() == [False] * 4 + [True] * 2 + [False] * 2


def test_small_batches_lose_none_to_divergence() -> None:
    """A quarter of three is none: only a veto can mask."""
    assert judge([0.0, 0.0, 2.0]).causes[2] is Cause.SPARED
    assert judge([0.0, 0.0, -12.0]).causes[2] is Cause.VETO


def test_rows_without_tokens_are_nobody() -> None:
    """They are neither masked nor statistics, and a batch of them is no error."""
    nothing = torch.full((2, 3), float("nan"), dtype=D)
    found = mask_anomalies(nothing, nothing, torch.zeros(2, 3, dtype=torch.bool), torch.ones(2, dtype=torch.bool))
    assert found.causes == (Cause.EMPTY, Cause.EMPTY)
    assert not bool(found.masked.any())
    assert float(found.median) == 0.0


def test_limits_in_the_wrong_order_are_refused() -> None:
    """A soft threshold above the hard one would mask by text what divergence excuses."""
    with pytest.raises(ValueError, match="soft_floor <= hard_floor"):
        AnomalyLimits(soft_floor=0.1)
    with pytest.raises(ValueError, match="max_share"):
        AnomalyLimits(max_share=1.5)


@pytest.fixture(params=[torch.float32, torch.float64])
def precision(request: pytest.FixtureRequest) -> torch.dtype:
    """Both precisions."""
    dtype: torch.dtype = request.param
    return dtype


def test_statistics_keep_their_precision(precision: torch.dtype) -> None:
    """Thresholds and statistics are in the precision of the log-probabilities."""
    train: Tensor = torch.full((4, 2), -0.1, dtype=precision)
    every = torch.ones(4, 2, dtype=torch.bool)
    found = mask_anomalies(train, train, every, torch.zeros(4, dtype=torch.bool))
    assert {found.statistic.dtype, found.soft.dtype, found.hard.dtype, found.median.dtype} == {precision}
