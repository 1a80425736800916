"""Phases, cursors and the state that a checkpoint keeps."""

import json
import math
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from touchstone_trainer.curriculum import (
    Curriculum,
    CurriculumState,
    Draw,
    PhaseChange,
    PlateauState,
    StateError,
    StepStats,
    SwitchReason,
    observed,
)
from touchstone_trainer.mixing import MixingPlan, Plateau

ROWS = {"math": 20, "code": 7, "writing": 5}


def domain(ratio: float = 1.0, **changed: Any) -> dict[str, Any]:
    return {"ratio": ratio, "source": "rows.jsonl", "task": "math", **changed}


def two_phase_plan(**first: Any) -> MixingPlan:
    """Math alone, then three domains with ratio control."""
    mixed = {"math": domain(0.5), "code": domain(0.3), "writing": domain(0.2)}
    return MixingPlan.parse(
        {
            "seed": 5,
            "phases": [
                {"name": "math", "steps": 4, "domains": {"math": domain()}, **first},
                {"name": "mixed", "domains": mixed, "control": {}, "reset_reference": False},
            ],
        }
    )


def one_phase_plan(domains: dict[str, Any], **changed: Any) -> MixingPlan:
    return MixingPlan.parse({"seed": 5, "phases": [{"name": "only", "domains": domains, **changed}]})


def stepped(curriculum: Curriculum, held_out: dict[str, float | None]) -> PhaseChange | None:
    curriculum.draw(1)
    return curriculum.step_done(StepStats(held_out))


def test_a_pass_over_the_rows_gives_each_row_once() -> None:
    """Shuffled without replacement, in another order each pass."""
    curriculum = Curriculum(one_phase_plan({"math": domain()}), {"math": 20})
    passes = [[draw.row for draw in curriculum.draw(20)] for _ in range(3)]
    assert all(sorted(rows) == list(range(20)) for rows in passes)
    assert len({tuple(rows) for rows in passes}) == 3


def test_the_order_hangs_on_the_seed_and_the_domain() -> None:
    """Another seed or another domain, another order; the same, the same."""

    def rows(seed: int, name: str) -> list[int]:
        plan = MixingPlan.parse({"seed": seed, "phases": [{"name": "p", "domains": {name: domain()}}]})
        return [draw.row for draw in Curriculum(plan, {name: 50}).draw(50)]

    assert rows(1, "math") == rows(1, "math")
    assert rows(1, "math") != rows(2, "math")
    assert rows(1, "math") != rows(1, "code")


def test_the_order_is_the_same_in_another_process() -> None:
    """Nothing of it hangs on the process: hash seeds, say."""
    script = (
        "from touchstone_trainer.curriculum import Curriculum\n"
        "from touchstone_trainer.mixing import MixingPlan\n"
        "part = {'ratio': 1, 'source': 'rows.jsonl', 'task': 'math'}\n"
        "plan = MixingPlan.parse({'seed': 5, 'phases': [{'name': 'only', 'domains': {'math': part}}]})\n"
        "print([draw.row for draw in Curriculum(plan, {'math': 9}).draw(9)])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    curriculum = Curriculum(one_phase_plan({"math": domain()}), {"math": 9})
    assert json.loads(done.stdout) == [draw.row for draw in curriculum.draw(9)]


def test_held_out_rows_are_never_drawn() -> None:
    """Three rows are set aside; three passes touch only the seventeen others."""
    curriculum = Curriculum(one_phase_plan({"math": domain(held_out=3)}), {"math": 20})
    kept = set(curriculum.held_out("math"))
    drawn = {draw.row for draw in curriculum.draw(3 * 17)}
    assert len(kept) == 3
    assert drawn | kept == set(range(20))
    assert not drawn & kept


def test_batches_have_the_plans_ratios() -> None:
    """Ten rows at 50, 30 and 20 percent are 5, 3 and 2, in every batch."""
    curriculum = Curriculum(two_phase_plan(steps=1), ROWS)
    assert Counter(draw.domain for draw in curriculum.draw(10)) == {"math": 10}
    curriculum.step_done()
    for _ in range(3):
        assert Counter(draw.domain for draw in curriculum.draw(10)) == {"math": 5, "code": 3, "writing": 2}


def test_refill_takes_from_its_domain_and_leaves_the_ratios() -> None:
    """Rows drawn again come next in their domain's order, and the next batch is mixed as planned."""
    curriculum, other = (Curriculum(two_phase_plan(steps=1), ROWS) for _ in range(2))
    for each in (curriculum, other):
        each.step_done()
    refilled = curriculum.refill("code", 3)
    expected = [draw for draw in other.draw(10) if draw.domain == "code"]
    assert list(refilled) == expected
    assert Counter(draw.domain for draw in curriculum.draw(10)) == {"math": 5, "code": 3, "writing": 2}


def test_an_exhausted_domain_leaves_its_place_to_the_others() -> None:
    """code has one pass of 7 rows; when it ends, batches stay full."""
    plan = one_phase_plan({"math": domain(0.5), "code": domain(0.5, epochs=1)})
    curriculum = Curriculum(plan, ROWS)
    batches = [Counter(draw.domain for draw in curriculum.draw(4)) for _ in range(5)]
    assert [batch["code"] for batch in batches] == [2, 2, 2, 1, 0]
    assert all(batch.total() == 4 for batch in batches)
    assert curriculum.refill("code", 5) == ()
    assert curriculum.state().carried.keys() == {"math"}


def test_a_refill_stops_where_its_domain_ends() -> None:
    """Two rows are left of a cap of five: asked for four, it gives two."""
    curriculum = Curriculum(one_phase_plan({"math": domain(cap=5), "code": domain()}), ROWS)
    curriculum.refill("math", 3)
    assert len(curriculum.refill("math", 4)) == 2


def test_a_phase_without_rows_is_over() -> None:
    """The last batch is short, and then the plan has ended."""
    curriculum = Curriculum(one_phase_plan({"math": domain(cap=5)}), ROWS)
    assert len(curriculum.draw(4)) == 4
    assert curriculum.step_done() is None
    assert len(curriculum.draw(4)) == 1
    change = curriculum.step_done()
    assert change == PhaseChange("only", None, SwitchReason.EXHAUSTED, False, False)
    assert curriculum.finished
    with pytest.raises(RuntimeError, match="finished"):
        curriculum.draw(1)


def test_a_phase_ends_by_steps_and_says_what_to_forget() -> None:
    """After the fourth step; the flags are those of the phase that begins."""
    curriculum = Curriculum(two_phase_plan(), ROWS)
    changes = [stepped(curriculum, {}) for _ in range(4)]
    assert changes == [None, None, None, PhaseChange("math", "mixed", SwitchReason.STEPS, True, False)]
    assert curriculum.phase.name == "mixed"


def test_the_cursor_goes_on_into_the_next_phase() -> None:
    """No math row comes back before all twenty came once, whichever phase drew them."""
    curriculum = Curriculum(two_phase_plan(steps=1), ROWS)
    first = curriculum.draw(12)
    curriculum.step_done()
    second = [draw for draw in curriculum.draw(16) if draw.domain == "math"]
    assert sorted(draw.row for draw in (*first, *second)) == list(range(20))


def two_like_phases(**changed: Any) -> MixingPlan:
    """The same two domains twice, at two to one, four rows of each a phase."""
    parts = {"math": domain(2, cap=4), "code": domain(1, cap=4)}
    return MixingPlan.parse({"phases": [{"name": name, "domains": parts, **changed} for name in ("one", "two")]})


def test_limits_and_rows_owed_are_of_one_phase() -> None:
    """Four rows at two to one are 2.67 and 1.33: each phase gives math the third, and has caps of its own."""
    curriculum = Curriculum(two_like_phases(steps=1), ROWS)
    for _ in range(2):
        assert Counter(draw.domain for draw in curriculum.draw(4)) == {"math": 3, "code": 1}
        assert [len(curriculum.refill(name, 9)) for name in ("math", "code")] == [1, 3]
        curriculum.step_done()
    assert curriculum.finished


def test_a_plateau_is_of_one_phase() -> None:
    """The next phase does not end by the flat evaluations of the one before it."""
    curriculum = Curriculum(two_like_phases(plateau={"window": 1, "patience": 2}), ROWS)
    flat: list[dict[str, float | None]] = [{"math": 0.5, "code": 0.5}] * 6
    ended = [change and change.done for change in (stepped(curriculum, held_out) for held_out in flat)]
    assert ended == [None, None, "one", None, None, "two"]


def test_a_plateau_counts_evaluations_without_improvement() -> None:
    """0.5 is the best mean; 0.505 and 0.50 do not beat it by 0.01, 0.52 does."""
    rule = Plateau(window=1, min_improvement=0.01, patience=2)
    state = PlateauState()
    stale = []
    for reward in (0.3, 0.5, 0.505, 0.5, 0.52):
        state = observed(state, rule, reward)
        stale.append(state.stale)
    assert stale == [0, 0, 1, 2, 0]
    assert state.best == 0.52


def test_a_plateau_compares_means_over_the_window() -> None:
    """Window two: means 0.4, 0.6, 0.5; before the window is full nothing is compared."""
    rule = Plateau(window=2, min_improvement=0.01)
    state = observed(PlateauState(), rule, 0.2)
    assert (state.best, state.stale) == (None, 0)
    bests = []
    for reward in (0.6, 0.6, 0.4):
        state = observed(state, rule, reward)
        bests.append(state.best)
    assert bests == pytest.approx([0.4, 0.6, 0.6])
    assert state.stale == 1


@given(st.lists(st.floats(0, 1), max_size=40), st.integers(1, 5), st.floats(0, 0.1))
def test_a_plateau_is_never_called_while_rewards_keep_rising(rewards: list[float], window: int, least: float) -> None:
    """A curve whose every window mean beats the last by more than the minimum never goes stale."""
    rule = Plateau(window=window, min_improvement=least)
    state = PlateauState()
    for index in range(len(rewards)):
        state = observed(state, rule, index * (least + 0.01))
        assert state.stale == 0


@given(st.floats(0, 1), st.integers(1, 5), st.integers(1, 5))
def test_a_flat_curve_is_a_plateau_after_window_and_patience(reward: float, window: int, patience: int) -> None:
    """`window` evaluations to have a mean, `patience` more that do not beat it."""
    rule = Plateau(window=window, patience=patience)
    state = PlateauState()
    for _ in range(window + patience - 1):
        state = observed(state, rule, reward)
        assert state.stale < patience
    assert observed(state, rule, reward).stale == patience


def test_a_phase_ends_at_a_plateau_of_held_out_reward() -> None:
    """Steps without an evaluation neither help nor harm; the third stale evaluation ends the phase."""
    plan = two_phase_plan(steps=None, plateau={"window": 1, "min_improvement": 0.01, "patience": 2})
    curriculum = Curriculum(plan, ROWS)
    rewards: list[dict[str, float | None]] = [
        {"math": 0.5},
        {},
        {"math": 0.5},
        {"math": None},
        {"math": math.nan},
        {"math": 0.5},
    ]
    changes = [stepped(curriculum, held_out) for held_out in rewards]
    assert changes[:-1] == [None] * 5
    assert changes[-1] is not None
    assert changes[-1].reason is SwitchReason.PLATEAU


def test_a_flat_start_is_no_plateau_before_min_steps() -> None:
    """A policy that has not begun to learn is flat too."""
    plan = two_phase_plan(steps=None, plateau={"window": 1, "patience": 1, "min_steps": 4})
    curriculum = Curriculum(plan, ROWS)
    assert [stepped(curriculum, {"math": 0.0}) is None for _ in range(4)] == [True, True, True, False]


def test_an_evaluation_that_lacks_a_domain_says_nothing_of_a_plateau() -> None:
    """A mean over fewer domains would look like a fall."""
    plan = one_phase_plan({"math": domain(), "code": domain()}, plateau={"window": 1, "patience": 1})
    curriculum = Curriculum(plan, ROWS)
    stepped(curriculum, {"math": 0.8, "code": 0.2})
    assert stepped(curriculum, {"math": 0.8, "code": None}) is None
    assert curriculum.state().plateau == PlateauState(recent=(0.5,), best=0.5, stale=0)


def test_a_domain_that_fell_since_the_phase_began_gets_more_room() -> None:
    """Math fell by 0.1 against the last score of phase one, so its weight doubles: 1.0 to 0.3 and 0.2."""
    curriculum = Curriculum(two_phase_plan(steps=2), ROWS)
    stepped(curriculum, {"math": 0.4})
    stepped(curriculum, {"math": 0.9})
    stepped(curriculum, {"math": 0.8, "code": 0.1})
    assert curriculum.shares == pytest.approx({"math": 1 / 1.5, "code": 0.3 / 1.5, "writing": 0.2 / 1.5})
    stepped(curriculum, {"math": 0.9, "code": 0.1})
    assert curriculum.shares == pytest.approx({"math": 0.5, "code": 0.3, "writing": 0.2})


def resumed(plan: MixingPlan, curriculum: Curriculum) -> Curriculum:
    """A new curriculum from the saved JSON, as a new process would have it."""
    saved = json.loads(json.dumps(curriculum.state().model_dump(mode="json")))
    return Curriculum(plan, ROWS, CurriculumState.model_validate(saved))


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("draw"), st.integers(0, 12)),
        st.tuples(st.sampled_from(["math", "code", "writing"]), st.integers(0, 5)),
        st.tuples(st.just("step"), st.none() | st.dictionaries(st.sampled_from(sorted(ROWS)), st.floats(0, 1))),
    ),
    max_size=30,
)


def taken(curriculum: Curriculum, action: tuple[str, Any]) -> object:
    """What one action of a trainer gives."""
    name, argument = action
    if curriculum.finished:
        return None
    if name == "draw":
        return curriculum.draw(argument)
    if name == "step":
        return curriculum.step_done(StepStats(argument))
    return curriculum.refill(name, argument) if name in curriculum.phase.domains else None


@settings(max_examples=60)
@given(ACTIONS, ACTIONS)
def test_a_restored_state_goes_on_identically(before: list[tuple[str, Any]], after: list[tuple[str, Any]]) -> None:
    """Saved as JSON anywhere and restored, it gives the same draws, the same switches and the same state."""
    plan = two_phase_plan(plateau={"window": 1, "patience": 2})
    curriculum = Curriculum(plan, ROWS)
    for action in before:
        taken(curriculum, action)
    other = resumed(plan, curriculum)
    assert [taken(other, action) for action in after] == [taken(curriculum, action) for action in after]
    assert other.state() == curriculum.state()


@settings(max_examples=60)
@given(ACTIONS)
def test_no_draw_comes_twice(actions: list[tuple[str, Any]]) -> None:
    """Domain, row and epoch together are unique in a run, refills included, and rows of one epoch never repeat."""
    curriculum = Curriculum(two_phase_plan(), ROWS)
    draws: list[Draw] = []
    for action in actions:
        got = taken(curriculum, action)
        draws.extend(got if isinstance(got, tuple) else ())
    assert len(set(draws)) == len(draws)
    assert all(0 <= draw.row < ROWS[draw.domain] for draw in draws)


def test_going_back_to_a_state_gives_the_same_rows() -> None:
    """`restore` on a curriculum that went on."""
    curriculum = Curriculum(two_phase_plan(), ROWS)
    curriculum.draw(3)
    saved = curriculum.state()
    first = curriculum.draw(30)
    curriculum.restore(saved)
    assert curriculum.draw(30) == first


def test_a_state_cannot_be_changed() -> None:
    """Frozen: a checkpoint that holds it is not changed by the next step."""
    curriculum = Curriculum(two_phase_plan(), ROWS)
    saved = curriculum.state()
    text = saved.model_dump_json()
    stepped(curriculum, {"math": 0.5})
    assert saved.model_dump_json() == text
    with pytest.raises(ValueError, match="frozen"):
        saved.step = 9


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rows": {**ROWS, "math": 21}}, "saved with rows .*'math': 21"),
        ({"seed": 6}, "saved under seed 6, the plan now has 5"),
        ({"phase": 3}, "in phase 4, the plan has 2"),
        ({"shares": {"art": 1.0}}, r"mixes \['art'\], the plan's phase \['math'\]"),
    ],
)
def test_a_state_of_another_run_is_refused(changed: dict[str, Any], message: str) -> None:
    """Other rows, another seed or another plan could not go on the same; the error says which."""
    plan = two_phase_plan()
    state = Curriculum(plan, ROWS).state().model_copy(update=changed)
    with pytest.raises(StateError, match=message):
        Curriculum(plan, ROWS, state)


def test_what_is_no_state_is_refused() -> None:
    """A checkpoint of something else."""
    with pytest.raises(StateError, match="no saved curriculum"):
        Curriculum(two_phase_plan(), ROWS).restore({"epoch": 3})


@pytest.mark.parametrize(
    ("part", "rows", "message"),
    [
        (domain(), {}, "no row count for domain 'math': give the number of rows of rows.jsonl"),
        (domain(), {"math": 0}, "nothing to draw in phase 'only': 0 rows"),
        (domain(held_out=4), {"math": 4}, "4 rows, 4 held out"),
        (domain(epochs=0.1), {"math": 4}, "epochs 0.1"),
    ],
)
def test_a_domain_without_rows_is_refused_at_the_start(
    part: dict[str, Any], rows: dict[str, int], message: str
) -> None:
    """Not hours later, when its phase begins."""
    with pytest.raises(ValueError, match=message):
        Curriculum(one_phase_plan({"math": part}), rows)


def test_neither_module_loads_torch() -> None:
    """A data command on a machine without torch reads the same plan."""
    script = "import sys, touchstone_trainer.curriculum, touchstone_trainer.metrics; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
