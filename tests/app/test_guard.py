"""Guard-rails over time: figures worked by hand, and alarms that sound when they jump."""

import pytest

from app.guard import Guard, Observed, added_up, pooled
from app.metrics import Metrics
from app.settings import GuardSettings

QUICK = GuardSettings(min_items=4, block_items=8, epochs=4)


def seen(guard: Guard, observed: list[Observed], step: int | None) -> list[str]:
    guard.see(observed, step)
    return guard.alarms()


def looks(rescued: int, refused: int, task: str = "math") -> list[Observed]:
    """So many second looks that rescued and that did not."""
    saved = Observed(task, 10, 1.0, looked=True, rescued=True, label_mass=0.9)
    lost = Observed(task, 20, 0.0, looked=True, label_mass=0.9)
    return [saved] * rescued + [lost] * refused


def test_figures() -> None:
    """Rates, shares, means and the correlation come out as worked by hand."""
    observed = [
        Observed("math", 0, 1.0),
        Observed("math", 0, 1.0, looked=True, rescued=True, controlled=True, label_mass=0.8),
        Observed("math", 9, 0.0, looked=True, label_mass=0.6),
        Observed("math", 9, None, looked=True, controlled=True, control_failed=True),
    ]
    epoch = added_up(observed)
    assert epoch.figure("rescue_rate", 1) == pytest.approx(1 / 3)
    assert epoch.figure("rescued_share", 1) == pytest.approx(1 / 2)
    assert epoch.figure("control_failures", 1) == pytest.approx(1 / 2)
    assert epoch.figure("label_mass", 1) == pytest.approx(0.7)
    # short answers are paid, the long one is not: a straight line downwards
    assert epoch.figure("length_correlation", 1) == pytest.approx(-1.0)
    assert epoch.figure("rescue_rate", 4) is None
    assert pooled([epoch, epoch]).figure("rescue_rate", 6) == pytest.approx(1 / 3)


def test_a_figure_without_spread_says_nothing() -> None:
    """Where every reward is the same there is no correlation, and no alarm from rounding."""
    epoch = added_up([Observed("math", chars, 0.1) for chars in range(100)])
    assert epoch.figure("length_correlation", 1) is None


def test_a_jump_between_steps_sounds() -> None:
    """A rescue rate that jumps from one step to the next sounds, for its task only, and stops when it falls again."""
    guard = Guard(QUICK, metrics := Metrics())
    assert seen(guard, looks(1, 9), step=1) == []
    assert seen(guard, looks(1, 9) + looks(1, 9, "code"), step=2) == []
    sounded = seen(guard, looks(8, 2) + looks(1, 9, "code"), step=3)
    assert "math.rescue_rate" in sounded
    assert not any(alarm.startswith("code") for alarm in sounded)
    text = metrics.exposition().decode()
    assert 'touchstone_guard_alarm{figure="rescue_rate",task="math"} 1.0' in text
    assert 'touchstone_guard{figure="rescue_rate",task="math"} 0.8' in text
    assert seen(guard, looks(1, 9), step=4) == []


def test_a_step_that_has_only_begun_does_not_silence_the_last() -> None:
    """The first items of a new step are too few to tell: the alarm of the step before still stands."""
    guard = Guard(QUICK, Metrics())
    seen(guard, looks(0, 10), step=1)
    assert "math.rescue_rate" in seen(guard, looks(9, 1), step=2)
    assert "math.rescue_rate" in seen(guard, looks(0, 1), step=3)


def test_without_steps_blocks_are_compared() -> None:
    """Callers that send no step are watched in blocks of items."""
    guard = Guard(QUICK, Metrics())
    assert seen(guard, looks(0, 16), step=None) == []
    assert "math.rescue_rate" in seen(guard, looks(8, 0), step=None)


def test_late_items_count_with_their_own_step() -> None:
    """An item of an earlier step, come late, does not open that step again after newer ones."""
    guard = Guard(QUICK, Metrics())
    seen(guard, looks(0, 10), step=5)
    seen(guard, looks(0, 10), step=6)
    assert seen(guard, looks(9, 0), step=5) == []
    assert seen(guard, looks(0, 10), step=6) == []


def test_label_mass_sounds_when_it_falls() -> None:
    """A model that stops answering the question shows in its label mass."""
    guard = Guard(QUICK, Metrics())
    seen(guard, [Observed("math", 5, None, looked=True, label_mass=0.95)] * 8, step=1)
    assert seen(guard, [Observed("math", 5, None, looked=True, label_mass=0.6)] * 8, step=2) == ["math.label_mass"]
