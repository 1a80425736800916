"""Shaping of rewards: order kept, None kept."""

import itertools

import pytest

from touchstone_trainer.shaping import hero, length_rewards, soft_overlong, weighted_sum


def test_no_wrong_response_overtakes_a_right_one() -> None:
    """Whatever the scores, even the worst right response is paid more than the best wrong one."""
    for scores in itertools.permutations([-1e6, 0.0, 1.0, 1e6]):
        worst_right = min(r for r in hero([True, True, False, False], scores)[:2] if r is not None)
        best_wrong = max(r for r in hero([True, True, False, False], scores)[2:] if r is not None)
        assert worst_right > best_wrong


def test_unscored_responses_stay_unscored() -> None:
    """None from the rule or from the scorer stays None, and does not stretch a stratum."""
    assert hero([True, None, True, True], [0.0, 9.0, None, 1.0]) == [
        pytest.approx(0.95),
        None,
        None,
        pytest.approx(1.05),
    ]
    assert length_rewards([10, 900, 20], [True, None, True]) == [0.5, None, -0.5]
    assert weighted_sum([1.0, None], [1.0, 0.5]) is None
    assert weighted_sum([1.0, None], [1.0, 0.0]) == 1.0


def test_wide_strata_are_refused() -> None:
    """At a half the strata would touch."""
    with pytest.raises(ValueError, match="keep the strata apart"):
        hero([True], [1.0], wrong_width=0.5)


def test_the_penalty_needs_room() -> None:
    """A margin wider than the limit would punish the empty response."""
    with pytest.raises(ValueError, match="within the limit"):
        soft_overlong(5, limit=10, margin=11)
