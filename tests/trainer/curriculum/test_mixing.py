"""Shares, quotas and plans: numbers worked by hand, the shared vectors, and properties."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from touchstone_trainer.mixing import (
    MixingPlan,
    PlanError,
    RatioControl,
    RewardKind,
    carry,
    controlled_shares,
    normalised,
    quotas,
    temperature_weights,
    two_phases,
    water_filling,
)

VECTORS = Path(__file__).parents[4] / "shared" / "vectors" / "data_pipeline.json"
needs_vectors = pytest.mark.skipif(not VECTORS.exists(), reason="needs ../shared/vectors")

WEIGHTS = st.lists(st.floats(0.01, 100.0), min_size=1, max_size=8)
SIZES = st.lists(st.integers(0, 1_000), min_size=1, max_size=12)


def by_name(weights: list[float]) -> dict[str, float]:
    return {f"d{index}": share for index, share in enumerate(normalised(weights))}


def vectors() -> Any:
    return json.loads(VECTORS.read_text(encoding="utf-8"))


@needs_vectors
def test_quotas_meet_the_vectors() -> None:
    """Largest remainder, ties to the first."""
    for case in vectors()["batch_allocation_largest_remainder"]:
        shares = {str(index): ratio for index, ratio in enumerate(case["ratios"])}
        assert list(quotas(shares, case["batch"]).values()) == case["expected_counts"]


@needs_vectors
def test_temperature_weights_meet_the_vectors() -> None:
    """Shares proportional to n^alpha."""
    for case in vectors()["temperature_mixing"]:
        assert temperature_weights(case["sizes"], case["alpha"]) == pytest.approx(case["expected"], abs=1e-12)


@needs_vectors
def test_water_filling_meets_the_vector() -> None:
    """One cap for all clusters, the remainder to the first above it."""
    case = vectors()["bucket_water_filling"]
    assert water_filling(case["cluster_sizes"], case["budget"]) == case["expected"]


def test_largest_remainder_by_hand() -> None:
    """7 rows at 50, 30 and 20 percent are 3.5, 2.1 and 1.4: the first has the largest remainder."""
    assert quotas({"a": 0.5, "b": 0.3, "c": 0.2}, 7) == {"a": 4, "b": 2, "c": 1}


def test_what_a_domain_cannot_give_goes_to_the_others_in_proportion() -> None:
    """b is full at 2: the 8 rows left go to a and c as 3 to 1."""
    assert quotas({"a": 0.3, "b": 0.6, "c": 0.1}, 10, limits={"b": 2}) == {"a": 6, "b": 2, "c": 2}


def test_rows_left_over_are_carried_on() -> None:
    """A share of a tenth gets one row in every ten, even out of batches of two."""
    shares = {"a": 0.9, "b": 0.1}
    owed: dict[str, float] = {}
    got = []
    for _ in range(10):
        counts = quotas(shares, 2, carried=owed)
        owed = carry(shares, counts, owed, frozenset())
        got.append(counts["b"])
    assert sum(got) == 2
    assert max(got) == 1


@given(WEIGHTS, st.integers(0, 500))
def test_quotas_sum_to_the_batch_within_one_of_the_share(weights: list[float], size: int) -> None:
    """Every quota is its exact share rounded down or up, and together they are the batch."""
    shares = by_name(weights)
    counts = quotas(shares, size)
    assert sum(counts.values()) == size
    assert all(abs(counts[name] - share * size) < 1 + 1e-6 for name, share in shares.items())


@given(WEIGHTS, st.integers(0, 200), st.data())
def test_limits_hold_and_are_used_up_before_a_batch_is_short(
    weights: list[float], size: int, data: st.DataObject
) -> None:
    """No quota passes its limit, and a batch is smaller than asked only where all limits are reached."""
    shares = by_name(weights)
    limits = {name: data.draw(st.none() | st.integers(0, 60)) for name in shares}
    owed = {name: data.draw(st.floats(-1.0, 1.0)) for name in shares}
    counts = quotas(shares, size, limits=limits, carried=owed)
    assert all(count >= 0 for count in counts.values())
    assert all(limit is None or counts[name] <= limit for name, limit in limits.items())
    finite = [limit for limit in limits.values() if limit is not None]
    possible = size if len(finite) < len(limits) else min(size, sum(finite))
    assert sum(counts.values()) == possible


@given(WEIGHTS, st.lists(st.integers(1, 20), min_size=1, max_size=200))
def test_no_domain_starves(weights: list[float], batches: list[int]) -> None:
    """Over any run of batches each domain stays within a few rows of its exact share, however small the batches."""
    shares = by_name(weights)
    owed: dict[str, float] = {}
    total = dict.fromkeys(shares, 0)
    for size in batches:
        counts = quotas(shares, size, carried=owed)
        owed = carry(shares, counts, owed, frozenset())
        total = {name: total[name] + counts[name] for name in shares}
        assert sum(counts.values()) == size
    for name, share in shares.items():
        assert abs(total[name] - share * sum(batches)) < 3


@given(SIZES, st.integers(0, 5_000))
def test_water_filling_takes_the_budget_and_no_small_cluster_less_than_a_large_one(
    sizes: list[int], budget: int
) -> None:
    """The budget is met, nothing is taken twice, and who gives less than another by more than one gives everything."""
    taken = water_filling(sizes, budget)
    assert sum(taken) == min(budget, sum(sizes))
    assert all(0 <= took <= size for took, size in zip(taken, sizes, strict=True))
    highest = max(taken)
    assert all(took >= highest - 1 or took == size for took, size in zip(taken, sizes, strict=True))


def test_a_fall_of_the_named_size_doubles_a_weight() -> None:
    """b fell by a tenth: weights 0.5 and 2 * 0.5 are a third and two thirds."""
    shares = controlled_shares({"a": 0.5, "b": 0.5}, {"a": 0.6, "b": 0.6}, {"a": 0.9, "b": 0.5}, RatioControl())
    assert shares == pytest.approx({"a": 1 / 3, "b": 2 / 3})


def test_no_share_falls_below_half_the_plan() -> None:
    """b alone has no more than twice its tenth, and a cannot be pushed below what that leaves."""
    shares = controlled_shares({"a": 0.9, "b": 0.1}, {"b": 0.9}, {"b": 0.0}, RatioControl())
    assert shares == pytest.approx({"a": 0.8182, "b": 0.1818}, abs=1e-4)  # 0.9 to 0.2, scaled to one


def test_the_ceiling_holds_what_feedback_raises() -> None:
    """Doubled, a would be two thirds of the batch; the ceiling stops it at 0.6."""
    control = RatioControl(ceiling=0.6)
    shares = controlled_shares({"a": 0.5, "b": 0.5}, {"a": 0.5}, {"a": 0.1}, control)
    assert shares == pytest.approx({"a": 0.6, "b": 0.4})


def test_the_floor_holds_what_others_push() -> None:
    """A domain planned at 0.05 with a floor of 0.05 keeps all of it when others are raised."""
    control = RatioControl(floor=0.05)
    shares = controlled_shares({"a": 0.5, "b": 0.45, "c": 0.05}, {"a": 0.9}, {"a": 0.0}, control)
    assert shares["c"] == pytest.approx(0.05)
    assert sum(shares.values()) == pytest.approx(1.0)


@given(WEIGHTS, st.data())
def test_controlled_shares_keep_every_bound(weights: list[float], data: st.DataObject) -> None:
    """They sum to one, within half and twice the plan, and inside floor and ceiling unless the plan itself is not."""
    planned = by_name(weights)
    scores = st.floats(0.0, 1.0)
    before = {name: data.draw(scores) for name in planned if data.draw(st.booleans())}
    now = {name: data.draw(scores) for name in planned if data.draw(st.booleans())}
    control = RatioControl(floor=data.draw(st.floats(0, 0.3)), ceiling=data.draw(st.floats(0.4, 1)))
    shares = controlled_shares(planned, before, now, control)
    assert sum(shares.values()) == pytest.approx(1.0)
    for name, share in shares.items():
        assert 0.5 * planned[name] - 1e-9 <= share <= 2 * planned[name] + 1e-9
        assert share >= min(control.floor, planned[name]) - 1e-9
        assert share <= max(control.ceiling, planned[name]) + 1e-9


PLAN = """
seed = 3

[[phases]]
name = "math"
steps = 400
plateau = { window = 5, min_improvement = 0.01, patience = 2 }

[phases.domains.math]
ratio = 1
source = "math.jsonl"
task = "math"
held_out = 8

[[phases]]
name = "mixed"
reset_optimizer = false

[phases.domains.math]
ratio = 3
source = "math.jsonl"
task = "math"
held_out = 8
epochs = 2.5

[phases.domains.writing]
ratio = 1
source = "writing.jsonl"
task = "open"
kind = "judge"
cap = 100
"""


def test_a_plan_is_read_from_toml_and_from_json(tmp_path: Path) -> None:
    """The same plan whichever file it comes in."""
    (tmp_path / "plan.toml").write_text(PLAN)
    plan = MixingPlan.read(tmp_path / "plan.toml")
    (tmp_path / "plan.json").write_text(plan.model_dump_json())
    assert MixingPlan.read(tmp_path / "plan.json") == plan
    assert plan.phases[1].shares({}) == {"math": 0.75, "writing": 0.25}
    assert plan.domains["writing"].kind is RewardKind.JUDGE
    assert [phase.reset_optimizer for phase in plan.phases] == [True, False]


def test_the_smaller_of_epochs_and_cap_limits_a_domain() -> None:
    """Two and a half passes over 10 rows are 25 draws; a cap of 100 is 100 whatever the rows; neither is no limit."""
    plan = MixingPlan.parse(
        {
            "phases": [
                {
                    "name": "one",
                    "domains": {
                        "a": {"ratio": 1, "source": "a", "task": "math", "epochs": 2.5, "cap": 100},
                        "b": {"ratio": 1, "source": "b", "task": "math", "epochs": 2.5, "cap": 20},
                        "c": {"ratio": 1, "source": "c", "task": "math"},
                    },
                }
            ]
        }
    )
    assert [domain.limit(10) for domain in plan.domains.values()] == [25, 20, None]


def domain(**changed: Any) -> dict[str, Any]:
    return {"ratio": 1, "source": "m.jsonl", "task": "math", **changed}


def phases(*domains: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "phases": [
            {"name": f"p{index}", "steps": 5, "domains": {"math": one}, **changed} for index, one in enumerate(domains)
        ]
    }


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({}, "phases: Field required"),
        ({"phases": []}, "phases: give at least one"),
        (phases(domain(ratio=0)), r"phases\[0\].domains.math.ratio: Input should be greater than 0"),
        (phases(domain(ratio=float("nan"))), r"phases\[0\].domains.math.ratio: Input should be a finite number"),
        (phases(domain(ratoi=1)), r"phases\[0\].domains.math.ratoi: no such field"),
        (phases(domain(kind="magic")), r"domains.math.kind: .*'verifier', 'judge' or 'both'"),
        (phases(domain(ratio=None)), "domain 'math': give a ratio, or the phase an alpha"),
        (phases(domain(), alpha=0.5), "domain 'math': drop the ratio or the alpha"),
        (phases(domain(), domain(source="other.jsonl")), "another source in phase 'p1'"),
        (phases(domain(), domain(held_out=2)), "another held_out in phase 'p1'"),
        (phases(domain(), domain(), steps=None), "phase 'p0' never ends"),
        (phases(domain(), name="same"), None),
        (phases(domain(), domain(), name="same"), "give each its own name"),
    ],
)
def test_a_plan_that_cannot_be_followed_says_what_to_fix(data: dict[str, Any], message: str | None) -> None:
    """Each fault is named with its field; a sound plan is not refused."""
    if message is None:
        assert MixingPlan.parse(data).phases[0].name == "same"
        return
    with pytest.raises(PlanError, match=message):
        MixingPlan.parse(data)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("plan.yaml", "", "a .toml or a .json file"),
        ("plan.toml", "phases = [", "plan.toml: "),
        ("plan.json", "[]", "expected a table"),
        ("plan.json", "{}", "plan.json: the mixing plan"),
    ],
)
def test_a_file_that_is_no_plan_is_named(tmp_path: Path, name: str, text: str, message: str) -> None:
    """The file stands in the error."""
    (tmp_path / name).write_text(text)
    with pytest.raises(PlanError, match=message):
        MixingPlan.read(tmp_path / name)


def test_a_plan_cannot_be_changed() -> None:
    """Frozen: what the run started with is what it follows."""
    plan = MixingPlan.parse(phases(domain()))
    with pytest.raises(ValueError, match="frozen"):
        plan.seed = 1


def test_sizes_decide_where_alpha_is_given() -> None:
    """Square roots of 900 and 100 rows are 30 and 10."""
    plan = MixingPlan.parse(
        {
            "phases": [
                {
                    "name": "p",
                    "alpha": 0.5,
                    "domains": {"a": domain(ratio=None), "b": domain(ratio=None)},
                }
            ]
        }
    )
    assert plan.phases[0].shares({"a": 900, "b": 100}) == pytest.approx({"a": 0.75, "b": 0.25})


def test_the_recipe_has_its_two_phases() -> None:
    """Mathematics by the verifier first, then five domains by verifier and judge; a missing source is named."""
    names = ("math", "code", "stem", "writing", "document_qa")
    plan = two_phases({name: f"{name}.jsonl" for name in names})
    assert [list(phase.domains) for phase in plan.phases] == [["math"], list(names)]
    assert plan.phases[0].plateau is not None
    assert {name: part.kind.value for name, part in plan.phases[1].domains.items()} == {
        "math": "verifier",
        "code": "verifier",
        "stem": "verifier",
        "writing": "judge",
        "document_qa": "both",
    }
    with pytest.raises(PlanError, match="no file for code, document_qa, stem, writing"):
        two_phases({"math": "m.jsonl"})


def test_the_documented_plan_is_read(tmp_path: Path) -> None:
    """The plan of docs/curriculum.md, as it stands there."""
    text = (Path(__file__).parents[3] / "docs" / "curriculum.md").read_text(encoding="utf-8")
    (tmp_path / "plan.toml").write_text(text.partition("```toml\n")[2].partition("```")[0])
    plan = MixingPlan.read(tmp_path / "plan.toml")
    assert [phase.name for phase in plan.phases] == ["math", "mixed"]
    assert plan.phases[1].shares({}) == {"math": 0.5, "code": 0.3, "writing": 0.2}
