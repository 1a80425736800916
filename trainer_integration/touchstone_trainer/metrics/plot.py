"""Learning curves of a run, drawn from its steps.jsonl: one PNG and one HTML page that needs nothing else.

Rule 1: matplotlib's figures alone: no pyplot, no window, no display.
Rule 2: the page asks nothing of the network, and shows light or dark as its reader's system does.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, LogLocator, MaxNLocator, NullFormatter

from touchstone_trainer.metrics.curves import Chart, Panel, Span, Style, charts, smoothed, spans
from touchstone_trainer.metrics.jsonl import read_steps
from touchstone_trainer.metrics.page import Drawing, page
from touchstone_trainer.metrics.series import ALL

PNG_FILE, PAGE_FILE = "curves.png", "curves.html"  # in the run's folder

COLUMNS = 4
PANEL_IN = (4.6, 3.1)  # inches, width and height of one chart
MARKED_POINTS = 40  # up to here each point is marked: one point alone makes no line
PNG_DPI = 110  # 2,024 pixels across: readable in full, sharp when opened


@dataclass(frozen=True)
class Theme:
    """Colours of one page background. The palettes keep apart under the common kinds of colour blindness."""

    paper: str
    ink: str
    faint: str
    palette: tuple[str, ...]


LIGHT = Theme(
    "#ffffff", "#1f2328", "#d8dde3", ("#0072b2", "#d55e00", "#009e73", "#b5539c", "#9a7d0a", "#3f9fd8", "#7f7f7f")
)
DARK = Theme(
    "#14181d", "#e6e9ec", "#353c44", ("#56b4e9", "#ff8c42", "#2fc79a", "#e58cc9", "#e6cf4f", "#8fb8ff", "#a8a8a8")
)


@dataclass(frozen=True)
class Plots:
    """The files that were drawn."""

    png: Path
    page: Path


def plot(run_dir: Path | str, out_dir: Path | str | None = None) -> Plots:
    """Draws the run's curves into `out_dir`, or the run's own folder.

    Raises:
        RecordError: the folder has no readable steps.jsonl.
        ValueError: it has no steps yet.

    """
    records = read_steps(run_dir)
    if not records:
        raise ValueError(f"{run_dir} has no steps yet: nothing to draw")
    out = Path(out_dir or run_dir)
    out.mkdir(parents=True, exist_ok=True)
    domains = dict.fromkeys(name for record in records for name in record.domains)
    shown, run = charts(records), _Run(Path(run_dir).resolve().name, spans(records), tuple(domains))
    plots = Plots(png=out / PNG_FILE, page=out / PAGE_FILE)
    _sheet(run, shown).savefig(plots.png, dpi=PNG_DPI)
    drawings = [Drawing(chart.panel.title, _svg(chart, run, LIGHT), _svg(chart, run, DARK)) for chart in shown]
    plots.page.write_text(page(run.name, records, run.phases, drawings), encoding="utf-8")
    return plots


@dataclass(frozen=True)
class _Run:
    """What every chart of a run shares."""

    name: str
    phases: tuple[Span, ...]
    domains: tuple[str, ...]  # a domain has one colour in all charts


def _sheet(run: _Run, shown: Sequence[Chart]) -> Figure:
    rows = -(-len(shown) // COLUMNS)
    width, height = PANEL_IN
    with themed(LIGHT):
        figure = Figure(figsize=(width * COLUMNS, height * rows + 0.5), layout="constrained")
        figure.suptitle(f"{run.name}: steps {run.phases[0].first} to {run.phases[-1].last}", fontsize=14)
        for index, chart in enumerate(shown, start=1):
            _draw(figure.add_subplot(rows, COLUMNS, index), chart, run, LIGHT)
    return figure


def _svg(chart: Chart, run: _Run, theme: Theme) -> bytes:
    with themed(theme):
        figure = Figure(figsize=PANEL_IN)
        _draw(figure.add_axes((0.13, 0.14, 0.85, 0.76)), chart, run, theme)
        drawn = BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def _draw(axes: Axes, chart: Chart, run: _Run, theme: Theme) -> None:
    panel = chart.panel
    colours = _colours(chart, run, theme)
    if panel.style is Style.STACKED:
        parts = [smoothed(curve, chart.phases) for curve in chart.curves.values()]
        axes.stackplot(chart.steps, *parts, labels=list(chart.curves), colors=list(colours.values()), linewidth=0)
    else:
        for label, curve in chart.curves.items():
            _draw_curve(axes, chart, label, curve, colours[label])
    axes.set_title(panel.title, fontsize=10, fontweight="bold", loc="left")
    axes.set_xlabel("optimizer step", fontsize=8)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    axes.set_ylabel(panel.unit, fontsize=8)
    _scale(axes, panel)
    _draw_phases(axes, run.phases, theme)
    only = next(iter(chart.curves)) if len(chart.curves) == 1 else ""
    if only.replace(" ", "_") not in panel.names:  # the title names it
        axes.legend(fontsize=7, framealpha=0.7, loc="best", ncols=1 + (len(chart.curves) > 4))


def _draw_curve(axes: Axes, chart: Chart, label: str, curve: Sequence[float], colour: str) -> None:
    points = list(zip(chart.steps, curve, chart.phases, strict=True))
    if chart.panel.style is Style.SPARSE:  # join the measured steps over the ones between
        points = [point for point in points if not math.isnan(point[1])]
    steps, values, phases = zip(*points, strict=True)
    smooth = smoothed(values, phases)
    if smooth != list(values):
        axes.plot(steps, values, color=colour, linewidth=0.6, alpha=0.3)
    marker = "o" if len(steps) <= MARKED_POINTS else ""
    axes.plot(steps, smooth, color=colour, label=label, linewidth=1.5, marker=marker, markersize=3)


def _colours(chart: Chart, run: _Run, theme: Theme) -> dict[str, str]:
    others = [label for label in chart.curves if label not in run.domains and label != ALL]
    numbered = {label: number for names in (others, run.domains) for number, label in enumerate(names)}
    palette = theme.palette
    return {label: theme.ink if label == ALL else palette[numbered[label] % len(palette)] for label in chart.curves}


def _scale(axes: Axes, panel: Panel) -> None:
    if panel.style is Style.LOG:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
    elif panel.unit_interval:
        axes.set_ylim(-0.02, 1.02)
    elif panel.style is Style.STACKED or panel.percent:
        axes.set_ylim(bottom=0)
    if "tokens" in panel.names:
        axes.yaxis.set_major_formatter(EngFormatter(sep=""))


def _draw_phases(axes: Axes, phases: Sequence[Span], theme: Theme) -> None:
    for before, span in pairwise(phases):
        start = (before.last + span.first) / 2
        axes.axvline(start, color=theme.ink, linewidth=0.9, linestyle=(0, (4, 3)), alpha=0.7)
        axes.annotate(
            f"{span.phase} \N{RIGHTWARDS ARROW}",
            (start, 0.98),
            xycoords=axes.get_xaxis_transform(),
            xytext=(2, 0),
            textcoords="offset points",
            fontsize=7,
            va="top",
            bbox={"facecolor": theme.paper, "edgecolor": "none", "alpha": 0.7, "pad": 1},
        )


@contextmanager
def themed(theme: Theme) -> Iterator[None]:
    """Drawing with a theme's colours and the house's lines and letters."""
    settings: dict[Any, Any] = {
        **dict.fromkeys(("figure.facecolor", "axes.facecolor", "savefig.facecolor", "legend.facecolor"), theme.paper),
        **dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color"), theme.ink),
        **dict.fromkeys(("grid.color", "axes.edgecolor", "legend.edgecolor"), theme.faint),
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "grid.linewidth": 0.6,
        "xtick.labelsize": 7,
        "ytick.labelsize": 7,
        "text.parse_math": False,  # a dollar sign in a name is a dollar sign
        "svg.fonttype": "none",  # letters as letters: a third of the size
        "svg.hashsalt": "touchstone",  # the same run draws the same bytes
    }
    with mpl.rc_context(settings):
        yield
