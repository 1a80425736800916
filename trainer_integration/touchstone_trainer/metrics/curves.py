"""Records of a run as curves, ready to draw: which panels there are, and what each shows. No matplotlib here.

Rule 1: a panel is a line of `PANELS`: a title, the groups of figures it takes, the unit on its axis. A panel for which
        the run has no figure is left out.
Rule 2: a gap stays a gap. Only counts by cause (`COUNTED`) are zero where a step does not name the cause.
Rule 3: long runs are thinned by averaging neighbouring steps, never by leaving steps out.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from touchstone_trainer.metrics.record import StepRecord
from touchstone_trainer.metrics.series import figures, group

MAX_POINTS = 600  # points a curve: more than a panel has pixels across
SMOOTHED_OVER = 40  # the smooth curve averages 1/40 of the run: wiggles go, a phase's start stays visible

COUNTED = frozenset(
    {"decided_by", "outcome", "undecided", "masked_sequences", "masked_tokens", "penalised_tokens", "batch"}
)


class Style(StrEnum):
    """How a panel draws its curves."""

    LINES = "lines"
    SPARSE = "sparse"  # measured in some steps only
    STACKED = "stacked"  # parts of a whole
    LOG = "log"


@dataclass(frozen=True)
class Panel:
    """One chart. `names` are groups of figures or single figures; `percent` shows shares of 1 as percent."""

    title: str
    names: tuple[str, ...]
    unit: str
    style: Style = Style.LINES
    percent: bool = False
    unit_interval: bool = False  # the axis shows 0 to 1 whatever the curves reach, so that runs compare
    without: tuple[str, ...] = ()

    def takes(self, name: str) -> bool:
        """Whether a figure belongs here."""
        return (name in self.names or group(name) in self.names) and name not in self.without


PANELS: tuple[Panel, ...] = (
    Panel("Reward by domain", ("reward",), "mean reward, 0 to 1", unit_interval=True),
    Panel("Held-out reward", ("held_out",), "mean reward, 0 to 1", Style.SPARSE, unit_interval=True),
    Panel("Undecided and rescued", ("undecided/all", "rescued"), "% of responses / of correct ones", percent=True),
    Panel("Who decided", ("decided_by",), "% of responses", Style.STACKED, percent=True),
    Panel("Why undecided", ("undecided",), "% of responses", Style.STACKED, percent=True, without=("undecided/all",)),
    Panel("Groups without a signal", ("dead_groups",), "% of groups", percent=True),
    Panel("Sequences masked", ("masked_sequences",), "% of responses", Style.STACKED, percent=True),
    Panel(
        "Tokens masked or clipped",
        ("masked_tokens", "penalised_tokens", "clip_fraction"),
        "% of tokens",
        percent=True,
    ),
    Panel("Entropy", ("entropy",), "nats a token"),
    Panel("Policy ratio", ("ratio",), "p(token) now / at rollout, log", Style.LOG),
    Panel("KL to the reference", ("kl",), "nats a token"),
    Panel("Gradient norm", ("grad_norm",), "L2 norm, before clipping"),
    Panel("Seconds a step", ("seconds",), "seconds", Style.STACKED),
    Panel("Response length", ("length",), "tokens a response"),
    Panel("Tokens a step", ("tokens",), "tokens"),
    Panel("What the batch is made of", ("batch",), "% of responses", Style.STACKED, percent=True),
)


@dataclass(frozen=True)
class Chart:
    """A panel with its curves: for each point its step and phase, and in each curve its value or NaN."""

    panel: Panel
    steps: Sequence[float]
    phases: Sequence[str]
    curves: Mapping[str, Sequence[float]]


@dataclass(frozen=True)
class Span:
    """A phase and the steps it took, first and last."""

    phase: str
    first: int
    last: int


def charts(records: Sequence[StepRecord]) -> tuple[Chart, ...]:
    """The charts that these records have figures for, in the order of `PANELS`."""
    steps = [float(record.step) for record in records]
    named = [figures(record) for record in records]
    names = list(dict.fromkeys(name for shown in named for name in shown))
    columns = {name: [shown.get(name, _missing(name)) for shown in named] for name in names}
    made = []
    for panel in PANELS:
        curves = {_label(name): column for name, column in columns.items() if panel.takes(name)}
        if not curves:
            continue
        scale = 100.0 if panel.percent else 1.0
        thin = {label: [scale * value for value in _thinned(column, panel.style)] for label, column in curves.items()}
        phases = [record.phase for record in records[:: _width(len(records), panel.style)]]
        made.append(Chart(panel, _thinned(steps, panel.style), phases, thin))
    return tuple(made)


def spans(records: Sequence[StepRecord]) -> tuple[Span, ...]:
    """The phases in order."""
    found: list[Span] = []
    for record in records:
        if found and found[-1].phase == record.phase:
            found[-1] = Span(record.phase, found[-1].first, record.step)
        else:
            found.append(Span(record.phase, record.step, record.step))
    return tuple(found)


def smoothed(values: Sequence[float], phases: Sequence[str]) -> list[float]:
    """Mean over the neighbours of the same phase within 1/`SMOOTHED_OVER` of the run; gaps stay gaps.

    >>> smoothed([1.0, float("nan"), 3.0], ["math"] * 3)
    [1.0, nan, 3.0]
    """
    reach = len(values) // (2 * SMOOTHED_OVER)
    smooth: list[float] = []
    for index, value in enumerate(values):
        near = range(max(0, index - reach), min(len(values), index + reach + 1))
        neighbours = [values[other] for other in near if phases[other] == phases[index]]
        smooth.append(value if math.isnan(value) else mean(neighbours))
    return smooth


def mean(values: Sequence[float]) -> float:
    """Of those that are not NaN; NaN where there is none."""
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def _thinned(values: Sequence[float], style: Style) -> list[float]:
    width = _width(len(values), style)
    return [mean(values[start : start + width]) for start in range(0, len(values), width)]


def _width(points: int, style: Style) -> int:
    # Evaluations are few: averaged with the empty steps around them they would move off their step.
    return 1 if style is Style.SPARSE else math.ceil(points / MAX_POINTS)


def _missing(name: str) -> float:
    return 0.0 if group(name) in COUNTED else math.nan


def _label(name: str) -> str:
    head, _, tail = name.partition("/")
    return head.replace("_", " ") if not tail else "undecided" if name == "undecided/all" else tail
