"""Which rows each training step sees: phases, the switch between them, and cursors that resume exactly.

Rule 1: all that changes is in one frozen `CurriculumState`, plain JSON. A curriculum given a saved state goes on as
        the one that saved it would have: same rows, same order, same switch.
Rule 2: changes of state are functions from state to state. `Curriculum` holds the current one and the row orders.
Rule 3: rows are (domain, index). Reading them, asking for rewards and every clock belong to the trainer.
"""

import math
import random
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from touchstone_trainer.mixing import MixingPlan, Phase, Plateau, carry, controlled_shares, quotas

ROW_BITS = 40  # of a sorting key: a domain has fewer than 10^12 rows


class SwitchReason(StrEnum):
    """Why a phase ended."""

    STEPS = "steps"
    PLATEAU = "plateau"
    EXHAUSTED = "exhausted"  # no domain of the phase has a row left to draw


class StateError(ValueError):
    """A saved state does not belong to this plan and these rows."""


@dataclass(frozen=True)
class Draw:
    """One row for one group of responses. The three together are unique in a run, refills included."""

    domain: str
    row: int
    epoch: int


@dataclass(frozen=True)
class StepStats:
    """What the trainer tells after an optimizer step. `held_out`: mean reward by domain, in the steps it was measured.

    A domain whose rewards could not be decided is left out of the mapping, or None or NaN in it.
    """

    held_out: Mapping[str, float | None] | None = None


@dataclass(frozen=True)
class PhaseChange:
    """A phase ended. `to` is None at the end of the plan; the flags say what the trainer forgets before the next."""

    done: str
    to: str | None
    reason: SwitchReason
    reset_optimizer: bool
    reset_reference: bool


class PlateauState(BaseModel):
    """How held-out reward went in this phase: the last evaluations, the best mean so far, evaluations since then."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    recent: tuple[float, ...] = ()
    best: float | None = None
    stale: int = Field(default=0, ge=0)


class CurriculumState(BaseModel):
    """Everything a curriculum remembers. `model_dump(mode="json")` goes into the checkpoint."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: Mapping[str, int]  # rows of each domain's source, to notice other data
    seed: int
    phase: int = 0  # index into the plan's phases; their number once the last has ended
    step: int = Field(default=0, ge=0)  # optimizer steps done in all
    phase_step: int = Field(default=0, ge=0)  # and in this phase
    drawn: Mapping[str, int] = {}  # rows drawn of each domain in all: the cursor
    phase_drawn: Mapping[str, int] = {}  # and in this phase, for epochs and cap
    carried: Mapping[str, float] = {}  # rows owed to each domain
    shares: Mapping[str, float]  # of each domain of this phase, ratio control included
    scores: Mapping[str, float] = {}  # last held-out reward of each domain
    scores_before: Mapping[str, float] = {}  # the same as this phase began
    plateau: PlateauState = PlateauState()


def observed(state: PlateauState, plateau: Plateau, reward: float) -> PlateauState:
    """The state after one more evaluation.

    >>> seen = PlateauState()
    >>> for reward in (0.25, 0.5, 0.5, 0.5):
    ...     seen = observed(seen, Plateau(window=1, min_improvement=0.01), reward)
    >>> seen.best, seen.stale
    (0.5, 2)
    """
    recent = (*state.recent, reward)[-plateau.window :]
    if len(recent) < plateau.window:
        return PlateauState(recent=recent)
    mean = math.fsum(recent) / plateau.window
    if state.best is None or mean > state.best + plateau.min_improvement:
        return PlateauState(recent=recent, best=mean)
    return PlateauState(recent=recent, best=state.best, stale=state.stale + 1)


def after_step(plan: MixingPlan, state: CurriculumState, stats: StepStats) -> CurriculumState:
    """The state after one optimizer step: counted, its held-out rewards noted, ratios adjusted. Same phase."""
    phase = plan.phases[state.phase]
    changed: dict[str, object] = {"step": state.step + 1, "phase_step": state.phase_step + 1}
    measured = (stats.held_out or {}).items()
    held_out = {name: score for name, score in measured if score is not None and math.isfinite(score)}
    if held_out:
        scores = {**state.scores, **held_out}
        before = {**held_out, **state.scores_before}  # a domain first measured in this phase is compared from there
        planned = phase.shares(_drawable(plan, state.rows))
        changed |= {"scores": scores, "scores_before": before}
        if phase.control is not None:
            changed["shares"] = controlled_shares(planned, before, scores, phase.control)
        reward = _phase_reward(planned, state.scores, held_out)
        if phase.plateau is not None and reward is not None:
            changed["plateau"] = observed(state.plateau, phase.plateau, reward)
    return state.model_copy(update=changed)


def switch_reason(plan: MixingPlan, state: CurriculumState) -> SwitchReason | None:
    """Why the current phase is over, or None while it is not."""
    phase = plan.phases[state.phase]
    if phase.steps is not None and state.phase_step >= phase.steps:
        return SwitchReason.STEPS
    plateau = phase.plateau
    if plateau and state.phase_step >= plateau.min_steps and state.plateau.stale >= plateau.patience:
        return SwitchReason.PLATEAU
    if all(left == 0 for left in remaining(plan, state).values()):
        return SwitchReason.EXHAUSTED
    return None


def next_phase(plan: MixingPlan, state: CurriculumState) -> CurriculumState:
    """The state as the next phase begins. Cursors go on, so that no row comes twice before the others came once."""
    entered = state.phase + 1
    shares = plan.phases[entered].shares(_drawable(plan, state.rows)) if entered < len(plan.phases) else {}
    return state.model_copy(
        update={
            "phase": entered,
            "phase_step": 0,
            "phase_drawn": {},
            "carried": {},
            "shares": shares,
            "scores_before": state.scores,
            "plateau": PlateauState(),
        }
    )


def remaining(plan: MixingPlan, state: CurriculumState) -> dict[str, int | None]:
    """Rows each domain of the phase can still give; None without an end."""
    drawable = _drawable(plan, state.rows)
    left: dict[str, int | None] = {}
    for name, domain in plan.phases[state.phase].domains.items():
        limit = domain.limit(drawable[name])
        left[name] = None if limit is None else max(0, limit - state.phase_drawn.get(name, 0))
    return left


class Curriculum:
    """Draws each step's rows by the plan.

    `rows` is the number of rows in each domain's source. The loop:

    >>> plan = MixingPlan.parse({"phases": [{"name": "math", "steps": 2, "domains": {
    ...     "math": {"ratio": 1, "source": "m.jsonl", "task": "math"}}}]})
    >>> curriculum = Curriculum(plan, {"math": 4})
    >>> [draw.domain for draw in curriculum.draw(2)]
    ['math', 'math']
    >>> curriculum.step_done()
    >>> curriculum.draw(2) == Curriculum(plan, {"math": 4}, curriculum.state()).draw(2)
    False
    >>> curriculum.step_done().reason, curriculum.finished
    (<SwitchReason.STEPS: 'steps'>, True)
    """

    def __init__(self, plan: MixingPlan, rows: Mapping[str, int], state: CurriculumState | None = None) -> None:
        self.plan = plan
        self.rows = _counted(plan, rows)
        first = plan.phases[0].shares(_drawable(plan, self.rows))
        self._state = CurriculumState(rows=self.rows, seed=plan.seed, shares=first)
        # A batch may end one pass of a domain and begin the next; an order takes eight bytes a row.
        self._order = lru_cache(2 * len(plan.domains))(self._shuffled)
        if state is not None:
            self.restore(state)

    @property
    def finished(self) -> bool:
        """Whether the last phase has ended."""
        return self._state.phase >= len(self.plan.phases)

    @property
    def phase(self) -> Phase:
        """The phase that the next draw belongs to; the last one once finished."""
        return self.plan.phases[min(self._state.phase, len(self.plan.phases) - 1)]

    @property
    def shares(self) -> Mapping[str, float]:
        """The share of each domain in the next batch, ratio control included."""
        return self._state.shares

    def state(self) -> CurriculumState:
        """All there is to save."""
        return self._state

    def restore(self, state: CurriculumState | Mapping[str, object]) -> None:
        """Goes on from a saved state, or from its JSON.

        Raises:
            StateError: it is none, or was saved under other rows, another seed or other domains.

        """
        try:
            state = CurriculumState.model_validate(state)
        except ValidationError as error:
            raise StateError(f"this is no saved curriculum: {error}") from None
        if state.rows != self.rows:
            raise StateError(f"the state was saved with rows {dict(state.rows)}, now there are {self.rows}")
        if state.seed != self.plan.seed:
            raise StateError(f"the state was saved under seed {state.seed}, the plan now has {self.plan.seed}")
        if state.phase > len(self.plan.phases):
            raise StateError(f"the state is in phase {state.phase + 1}, the plan has {len(self.plan.phases)}")
        if state.phase < len(self.plan.phases) and state.shares.keys() != self.plan.phases[state.phase].domains.keys():
            planned = sorted(self.plan.phases[state.phase].domains)
            raise StateError(f"the state mixes {sorted(state.shares)}, the plan's phase {planned}")
        self._state = state

    def draw(self, size: int) -> tuple[Draw, ...]:
        """The rows of one batch, domain by domain in the plan's order; fewer than `size` only where all domains end.

        Raises:
            RuntimeError: the curriculum is finished.

        """
        state = self._state
        if self.finished:
            raise RuntimeError("the curriculum is finished: look at `finished` before drawing")
        limits = remaining(self.plan, state)
        counts = quotas(state.shares, size, limits=limits, carried=state.carried)
        ended = frozenset(name for name, limit in limits.items() if limit is not None and limit <= counts[name])
        draws = tuple(draw for name, count in counts.items() for draw in self._take(name, count))
        self._state = self._state.model_copy(update={"carried": carry(state.shares, counts, state.carried, ended)})
        return draws

    def refill(self, domain: str, n: int) -> tuple[Draw, ...]:
        """Up to `n` more rows of one domain, in place of groups that gave no signal; fewer once the domain ends.

        Refilling by domain keeps the batch's ratios: refilled from anywhere, easy domains would vanish.
        """
        left = remaining(self.plan, self._state)[domain]
        return self._take(domain, n if left is None else min(n, left))

    def step_done(self, stats: StepStats | None = None) -> PhaseChange | None:
        """Counts one optimizer step. The change, where it ended the phase: `draw` then gives the next phase's rows."""
        self._state = after_step(self.plan, self._state, stats or StepStats())
        reason = switch_reason(self.plan, self._state)
        if reason is None:
            return None
        done = self.phase
        self._state = next_phase(self.plan, self._state)
        entered = None if self.finished else self.phase
        return PhaseChange(
            done=done.name,
            to=None if entered is None else entered.name,
            reason=reason,
            reset_optimizer=entered is not None and entered.reset_optimizer,
            reset_reference=entered is not None and entered.reset_reference,
        )

    def held_out(self, domain: str) -> tuple[int, ...]:
        """The rows of a domain that are never drawn, for evaluation."""
        return tuple(self._split(domain)[: self.plan.domains[domain].held_out])

    def _take(self, name: str, count: int) -> tuple[Draw, ...]:
        state, rows = self._state, self.rows[name] - self.plan.domains[name].held_out
        first = state.drawn.get(name, 0)
        places = (divmod(place, rows) for place in range(first, first + count))
        draws = tuple(Draw(name, self._order(name, epoch)[position], epoch) for epoch, position in places)
        self._state = state.model_copy(
            update={
                "drawn": {**state.drawn, name: first + count},
                "phase_drawn": {**state.phase_drawn, name: state.phase_drawn.get(name, 0) + count},
            }
        )
        return draws

    def _shuffled(self, name: str, epoch: int) -> Sequence[int]:
        """The rows of one pass: each row that is not held out, once."""
        drawable = self._split(name)[self.plan.domains[name].held_out :]
        return _permuted(drawable, f"{self.plan.seed}/{name}/{epoch}")

    def _split(self, name: str) -> Sequence[int]:
        return _permuted(range(self.rows[name]), f"{self.plan.seed}/{name}/held out")


def _permuted(rows: Sequence[int], seed: str) -> Sequence[int]:
    # Python promises the same random() under a seed in every version, and of shuffle() nothing.
    # It has 53 bits; with the row in one integer a key takes a third of the memory of a pair.
    draw = random.Random(seed).random
    keys = sorted(int(draw() * 2**53) << ROW_BITS | row for row in rows)
    return array("Q", (key & (1 << ROW_BITS) - 1 for key in keys))


def _drawable(plan: MixingPlan, rows: Mapping[str, int]) -> dict[str, int]:
    return {name: rows[name] - domain.held_out for name, domain in plan.domains.items()}


def _counted(plan: MixingPlan, rows: Mapping[str, int]) -> dict[str, int]:
    """The row counts of the plan's domains, once each phase is sure to have something to draw."""
    for phase in plan.phases:
        for name, domain in phase.domains.items():
            if name not in rows:
                raise ValueError(f"no row count for domain {name!r}: give the number of rows of {domain.source}")
            drawable = rows[name] - domain.held_out
            if drawable < 1 or domain.limit(drawable) == 0:
                raise ValueError(
                    f"domain {name!r} has nothing to draw in phase {phase.name!r}: {rows[name]} rows, "
                    f"{domain.held_out} held out, epochs {domain.epochs}"
                )
    return {name: rows[name] for name in plan.domains}


def _phase_reward(
    planned: Mapping[str, float], known: Mapping[str, float], held_out: Mapping[str, float]
) -> float | None:
    """Held-out reward over the phase's domains, weighted by what the plan gives them; None for a partial evaluation.

    An evaluation that lacks a domain measured before would compare two different means and look like a jump.
    """
    measured = [name for name in planned if name in held_out]
    if not measured or any(name in known and name not in held_out for name in planned):
        return None
    total = math.fsum(planned[name] for name in measured)
    return math.fsum(planned[name] * held_out[name] for name in measured) / total
