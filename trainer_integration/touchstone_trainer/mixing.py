"""What a batch is made of: the mixing plan, and the arithmetic of shares.

Rule 1: standard library and pydantic only. The trainer's curriculum and the data commands read the same plan.
Rule 2: shares are exact over time, not on average: whole rows by largest remainder, what is left over is carried on.
Rule 3: a plan that cannot be followed is refused when it is read, with the field to fix; nothing is guessed later.
"""

import json
import math
import tomllib
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

MAX_GAIN = 2.0  # a domain's share under ratio control, against the plan's: never above twice,
MIN_GAIN = 0.5  # nor below half, so that feedback on a noisy score bends a plan and does not replace it
SAME_REMAINDER = 1e-9  # rows; remainders closer than this are a tie, which the domain named first wins


class PlanError(ValueError):
    """The mixing plan cannot be followed; the message names each field and what to fix."""


class RewardKind(StrEnum):
    """Who pays in a domain: a verifier with a reference, a judge without one, or both."""

    VERIFIER = "verifier"
    JUDGE = "judge"
    BOTH = "both"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Domain(_Frozen):
    """Where a domain's rows come from, how many of them, and who pays for the answers."""

    ratio: float | None = Field(
        default=None, gt=0, description="Weight among the phase's domains; they need not sum to one."
    )
    source: str = Field(min_length=1, description="File or data set the rows come from.")
    epochs: float | None = Field(
        default=None, gt=0, description="Passes over the rows in this phase at most. Null: no end."
    )
    cap: int | None = Field(
        default=None, gt=0, description="Rows drawn in this phase at most, repeats counted. Null: no cap."
    )
    held_out: int = Field(default=0, ge=0, description="Rows set aside for evaluation, never drawn for training.")
    task: str = Field(min_length=1, description="The service's task name, `open` where there is no right answer.")
    kind: RewardKind = RewardKind.VERIFIER

    def limit(self, rows: int) -> int | None:
        """How many of `rows` rows a phase may draw, repeats counted; None without an end."""
        passes = None if self.epochs is None else math.floor(self.epochs * rows)
        limits = [limit for limit in (passes, self.cap) if limit is not None]
        return min(limits, default=None)


class Plateau(_Frozen):
    """Held-out reward no longer rises: the mean of the last `window` evaluations did not beat the best such mean
    by `min_improvement` for `patience` evaluations in a row.
    """

    window: int = Field(default=3, ge=1, description="Evaluations that are averaged.")
    min_improvement: float = Field(default=0.005, ge=0, description="Reward, from 0 to 1; less than this is noise.")
    patience: int = Field(default=3, ge=1, description="Evaluations in a row without an improvement.")
    min_steps: int = Field(
        default=0, ge=0, description="Steps of the phase before a plateau counts: learning may start flat."
    )


class RatioControl(_Frozen):
    """Gives more room to domains whose held-out reward fell below where it stood when the phase began."""

    drop_for_double: float = Field(
        default=0.1, gt=0, description="Fall in held-out reward that doubles a domain's weight."
    )
    floor: float = Field(default=0.02, ge=0, lt=1, description="Share below which no domain is pushed by the others.")
    ceiling: float = Field(default=0.8, gt=0, le=1, description="Share above which feedback pushes no domain.")


class Phase(_Frozen):
    """One stretch of training: its domains, when it ends, and what the trainer forgets as it begins."""

    name: str = Field(min_length=1)
    domains: Mapping[Annotated[str, Field(pattern=r"^[^\W_][\w.-]*$")], Domain] = Field(min_length=1)
    alpha: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Weights from row counts, n^alpha, in place of ratios: 1 by size, 0 all alike.",
    )
    steps: int | None = Field(default=None, gt=0, description="Optimizer steps after which the phase ends.")
    plateau: Plateau | None = None
    control: RatioControl | None = None
    reset_optimizer: bool = Field(default=True, description="Forget the optimizer's moments as the phase begins.")
    reset_reference: bool = Field(default=True, description="Make the policy its own KL reference as the phase begins.")

    @model_validator(mode="after")
    def _weights(self) -> Self:
        for name, domain in self.domains.items():
            if (domain.ratio is None) == (self.alpha is None):
                fix = "give a ratio, or the phase an alpha" if domain.ratio is None else "drop the ratio or the alpha"
                raise ValueError(f"domain {name!r}: {fix}")
        return self

    def shares(self, rows: Mapping[str, int]) -> dict[str, float]:
        """The plan's share of each domain, summing to one. `rows` counts matter only where `alpha` is given."""
        if self.alpha is None:
            weights = [domain.ratio or 0.0 for domain in self.domains.values()]
        else:
            weights = temperature_weights([rows[name] for name in self.domains], self.alpha)
        return dict(zip(self.domains, normalised(weights), strict=True))


class MixingPlan(_Frozen):
    """The phases of a run, in order.

    A domain keeps its name, source, task and held-out rows from phase to phase; ratio, limits and kind may change.

    >>> plan = MixingPlan.parse({"phases": [{"name": "math", "domains": {
    ...     "algebra": {"ratio": 3, "source": "a.jsonl", "task": "math"},
    ...     "geometry": {"ratio": 1, "source": "g.jsonl", "task": "math"}}}]})
    >>> plan.phases[0].shares({})
    {'algebra': 0.75, 'geometry': 0.25}
    """

    phases: tuple[Phase, ...]
    seed: int = Field(default=0, description="Decides every shuffle and which rows are held out.")

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = [phase.name for phase in self.phases]
        if not names:
            raise ValueError("phases: give at least one")
        if len(set(names)) < len(names):
            raise ValueError(f"phases: give each its own name, got {', '.join(names)}")
        for phase in self.phases[:-1]:
            if phase.steps is None and phase.plateau is None and not _ends(phase):
                raise ValueError(
                    f"phase {phase.name!r} never ends: give it steps, a plateau, or each domain epochs or cap"
                )
        seen: dict[str, Domain] = {}
        for phase in self.phases:
            for name, domain in phase.domains.items():
                first = seen.setdefault(name, domain)
                for field in ("source", "task", "held_out"):
                    if getattr(first, field) != getattr(domain, field):
                        raise ValueError(f"domain {name!r} has another {field} in phase {phase.name!r}: rename one")
        return self

    @property
    def domains(self) -> dict[str, Domain]:
        """Every domain of any phase, as its first phase has it."""
        return {name: domain for phase in reversed(self.phases) for name, domain in phase.domains.items()}

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Self:
        """The plan in a dict as TOML or JSON gives it.

        Raises:
            PlanError: naming each field that is wrong and what is wrong with it.

        """
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            problems = [f"{_where(problem['loc'])}{_what(problem)}" for problem in error.errors()]
            raise PlanError("the mixing plan cannot be followed:\n  " + "\n  ".join(problems)) from None

    @classmethod
    def read(cls, path: Path | str) -> Self:
        """The plan in a .toml or .json file.

        Raises:
            PlanError: the file is neither, or is no plan.

        """
        path = Path(path)
        readers = {".toml": tomllib.loads, ".json": json.loads}
        if path.suffix not in readers:
            raise PlanError(f"{path}: a mixing plan is a .toml or a .json file")
        try:
            data = readers[path.suffix](path.read_text(encoding="utf-8"))
        except ValueError as error:  # both decoders' errors are ValueErrors
            raise PlanError(f"{path}: {error}") from None
        if not isinstance(data, dict):
            raise PlanError(f"{path}: expected a table with `phases`")
        try:
            return cls.parse(data)
        except PlanError as error:
            raise PlanError(f"{path}: {error}") from None


def two_phases(sources: Mapping[str, str], *, math_steps: int | None = None, seed: int = 0) -> MixingPlan:
    """The recipe's own plan: mathematics by the verifier, then five domains by verifier and judge.

    `sources` maps math, code, stem, writing and document_qa to files. Phase one ends after `math_steps`, or at a
    plateau of held-out reward (math needs `held_out` rows for that, 64 here) when none are given.
    """
    parts: dict[str, dict[str, Any]] = {
        "math": {"ratio": 0.4, "task": "math", "held_out": 64},
        "code": {"ratio": 0.25, "task": "code"},
        "stem": {"ratio": 0.15, "task": "stem"},
        "writing": {"ratio": 0.1, "task": "open", "kind": "judge"},
        "document_qa": {"ratio": 0.1, "task": "span", "kind": "both"},
    }
    if missing := sorted(parts.keys() - sources.keys()):
        raise PlanError(f"sources: no file for {', '.join(missing)}")
    mixed = {name: {**part, "source": sources[name]} for name, part in parts.items()}
    first: dict[str, Any] = {"name": "math", "domains": {"math": mixed["math"]}, "steps": math_steps}
    if math_steps is None:
        first["plateau"] = {"min_steps": 100}  # a policy that has not begun to learn is flat too
    return MixingPlan.parse({"seed": seed, "phases": [first, {"name": "mixed", "domains": mixed, "control": {}}]})


def normalised(weights: Sequence[float]) -> list[float]:
    """Weights that sum to one."""
    total = math.fsum(weights)
    return [weight / total for weight in weights]


def temperature_weights(sizes: Sequence[int], alpha: float) -> list[float]:
    """Shares n^alpha / sum n^alpha: alpha 1 by size, 0 all alike, 0.3 to 0.5 usual.

    >>> temperature_weights([900, 100], 0.5)
    [0.75, 0.25]
    """
    return normalised([size**alpha if size else 0.0 for size in sizes])


def quotas(
    shares: Mapping[str, float],
    size: int,
    *,
    limits: Mapping[str, int | None] | None = None,
    carried: Mapping[str, float] | None = None,
) -> dict[str, int]:
    """Whole rows for each domain by largest remainder; a tie goes to the domain named first.

    What a domain at its limit cannot give is shared among the others in proportion; where all are at their limits the
    quotas sum to less than `size`. `carried` are rows owed from earlier batches (`carry`).

    >>> quotas({"math": 0.9, "code": 0.1}, 3)
    {'math': 3, 'code': 0}
    >>> quotas({"math": 0.5, "code": 0.3, "stem": 0.2}, 10, limits={"math": 1})
    {'math': 1, 'code': 5, 'stem': 4}
    """
    limits, carried = limits or {}, carried or {}
    given: dict[str, int] = {}
    while True:
        targets = _targets({name: shares[name] for name in shares if name not in given}, size, given, carried)
        full = {name: limit for name in targets if (limit := limits.get(name)) is not None and limit <= targets[name]}
        if not full:
            break
        given |= full
    # A domain that got more than its due before may be owed less than nothing.
    counts = {name: max(0, math.floor(target)) for name, target in targets.items()}
    left = size - sum(given.values()) - sum(counts.values())
    for _ in range(abs(left) if targets else 0):
        owed = {name: round((targets[name] - counts[name]) / SAME_REMAINDER) for name in targets}
        if left > 0:
            counts[max(owed, key=owed.__getitem__)] += 1
        else:
            counts[min((name for name in owed if counts[name]), key=owed.__getitem__)] -= 1
    return {name: given[name] if name in given else counts[name] for name in shares}


def carry(
    shares: Mapping[str, float], counts: Mapping[str, int], carried: Mapping[str, float], ended: frozenset[str]
) -> dict[str, float]:
    """Rows owed to each domain after a batch. Without it a share of 0.1 would get nothing out of batches of three.

    A domain that has `ended` is owed nothing, and its share goes to the others.
    """
    open_shares = {name: share for name, share in shares.items() if name not in ended}
    if not open_shares:
        return {}
    drawn = sum(counts[name] for name in open_shares)
    targets = _targets(open_shares, drawn, {}, carried)
    return {name: targets[name] - counts[name] for name in open_shares}


def water_filling(sizes: Sequence[int], budget: int) -> list[int]:
    """How many to take of each cluster: one cap for all, small clusters give everything, the remainder goes to the
    first of the clusters above the cap. Takes all where the budget allows.

    >>> water_filling([500, 120, 40, 5, 1], 100)
    [32, 31, 31, 5, 1]
    """
    if budget >= sum(sizes):
        return list(sizes)
    left, cap = max(budget, 0), 0
    for position, size in enumerate(sorted(sizes)):
        cap = left // (len(sizes) - position)
        if size > cap:
            break
        left -= size
    taken = [min(size, cap) for size in sizes]
    above = [index for index, size in enumerate(sizes) if size > cap]
    for index in above[: max(budget, 0) - sum(taken)]:
        taken[index] += 1
    return taken


def controlled_shares(
    planned: Mapping[str, float],
    before: Mapping[str, float],
    now: Mapping[str, float],
    control: RatioControl,
) -> dict[str, float]:
    """Shares with more room for the domains whose held-out reward fell from `before` to `now`.

    weight = share * 2^(fall / drop_for_double), scaled to sum to one inside [MIN_GAIN, MAX_GAIN] times the plan's share
    and inside [floor, ceiling]; a plan that itself goes outside these two keeps its share as the bound. Domains that
    rose, or without both scores, keep their weight.
    """
    falls = {name: max(0.0, before[name] - now[name]) if name in before and name in now else 0.0 for name in planned}
    wanted = {
        name: share * min(MAX_GAIN, 2.0 ** (falls[name] / control.drop_for_double)) for name, share in planned.items()
    }
    least = {name: max(MIN_GAIN * share, min(control.floor, share)) for name, share in planned.items()}
    most = {name: min(MAX_GAIN * share, max(control.ceiling, share)) for name, share in planned.items()}

    def scaled(scale: float) -> dict[str, float]:
        return {name: min(max(scale * wanted[name], least[name]), most[name]) for name in wanted}

    # The sum rises with the scale from below one (all at their least) to above (all at their most).
    low, high = 0.0, MAX_GAIN
    for _ in range(64):  # halvings: more than a float has digits
        middle = (low + high) / 2
        low, high = (middle, high) if math.fsum(scaled(middle).values()) < 1.0 else (low, middle)
    return scaled(high)


def _targets(
    shares: Mapping[str, float], size: int, given: Mapping[str, int], carried: Mapping[str, float]
) -> dict[str, float]:
    """Exact rows for each domain: its share of what is left, plus what it is owed; they sum to what is left."""
    total = math.fsum(shares.values())
    rest = size - sum(given.values()) - math.fsum(carried.get(name, 0.0) for name in shares)
    return {name: share / total * rest + carried.get(name, 0.0) for name, share in shares.items()}


def _ends(phase: Phase) -> bool:
    return all(domain.epochs is not None or domain.cap is not None for domain in phase.domains.values())


def _where(location: tuple[int | str, ...]) -> str:
    """`phases[0].domains.math.ratio: ` from pydantic's tuple."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location)
    return f"{text.lstrip('.')}: " if text else ""


def _what(problem: Mapping[str, Any]) -> str:
    if problem["type"] == "extra_forbidden":
        return "no such field, check its spelling"
    return str(problem["msg"]).removeprefix("Value error, ")
