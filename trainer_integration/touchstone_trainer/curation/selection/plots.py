"""How the rows lie before and after a selection: one PNG, and one HTML page that needs nothing else."""

from collections import Counter
from collections.abc import Mapping, Sequence
from io import BytesIO
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from touchstone_trainer.curation.selection.selector import LENGTHS
from touchstone_trainer.metrics.page import Drawing, document
from touchstone_trainer.metrics.plot import DARK, LIGHT, PNG_DPI, Theme, themed

Sides = Mapping[str, Counter[str]]
COLUMNS = 3
CHART_IN = (5.0, 3.4)  # inches
MAX_BARS = 12  # more cannot be read; the rest are one bar
ORDERED: Mapping[str, Sequence[str]] = {
    "difficulty": ("easy", "medium", "hard"),
    "length": (*(f"up to {bound}" for bound in LENGTHS), f"more than {LENGTHS[-1]}"),
}
CLUSTER = "cluster"


def draw(name: str, distributions: Mapping[str, Sides], folder: Path) -> tuple[Path, Path]:
    """Writes `NAME.plots.png` and `NAME.plots.html` into the folder."""
    png, page = folder / f"{name}.plots.png", folder / f"{name}.plots.html"
    rows = -(-len(distributions) // COLUMNS)
    with themed(LIGHT):
        figure = Figure(figsize=(CHART_IN[0] * COLUMNS, CHART_IN[1] * rows), layout="constrained")
        for at, (label, sides) in enumerate(distributions.items(), 1):
            _chart(figure.add_subplot(rows, COLUMNS, at), label, sides, LIGHT)
        figure.savefig(png, dpi=PNG_DPI)
    drawings = [
        Drawing(_title(label), _svg(label, sides, LIGHT), _svg(label, sides, DARK))
        for label, sides in distributions.items()
    ]
    first = next(iter(distributions.values()))
    about = [f"{sides.total():,} rows {side}" for side, sides in first.items()]
    page.write_text(document(name, about, drawings), encoding="utf-8")
    return png, page


def _svg(label: str, sides: Sides, theme: Theme) -> bytes:
    with themed(theme):
        figure = Figure(figsize=CHART_IN, layout="constrained")
        _chart(figure.add_subplot(), label, sides, theme)
        drawn = BytesIO()
        figure.savefig(drawn, format="svg", metadata={"Date": None})
    return drawn.getvalue()


def _chart(axes: Axes, label: str, sides: Sides, theme: Theme) -> None:
    if label == CLUSTER:
        _curves(axes, sides, theme)
    else:
        _bars(axes, label, sides, theme)
    axes.set_title(_title(label), fontsize=10, fontweight="bold", loc="left")
    axes.legend(fontsize=7, framealpha=0.7)


def _bars(axes: Axes, label: str, sides: Sides, theme: Theme) -> None:
    """Shares, side by side, so that sets of different sizes compare."""
    names = [name for name, _ in sides["before"].most_common(MAX_BARS)]
    names = [name for name in ORDERED[label] if sides["before"][name]] if label in ORDERED else names
    rest = [name for name in sides["before"] if name not in names]
    for at, (side, counts) in enumerate(sides.items()):
        shares = [_percent(counts[name], counts) for name in names]
        shares += [_percent(sum(counts[name] for name in rest), counts)] if rest else []
        places = [row + 0.4 * at for row in range(len(shares))]
        axes.barh(places, shares, height=0.38, color=theme.palette[at], label=f"{side} ({counts.total():,})")
    shown = [name.replace("_", " ") for name in names] + (["others"] if rest else [])
    axes.set_yticks([row + 0.2 for row in range(len(shown))], shown)
    axes.invert_yaxis()
    axes.set_xlabel("% of rows", fontsize=8)


def _curves(axes: Axes, sides: Sides, theme: Theme) -> None:
    """Rows of each cluster, the largest first: flat where the clusters are balanced."""
    for at, (side, counts) in enumerate(sides.items()):
        sizes = sorted((count for count in counts.values() if count), reverse=True)
        axes.plot(range(1, len(sizes) + 1), sizes, color=theme.palette[at], label=side, linewidth=1.5, marker=".")
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("cluster, the largest first", fontsize=8)
    axes.set_ylabel("rows", fontsize=8)


def _percent(count: int, counts: Counter[str]) -> float:
    return 100.0 * count / max(counts.total(), 1)


def _title(label: str) -> str:
    return {"cluster": "Rows in each cluster of meaning", "length": "Length in characters"}.get(
        label, label.replace("_", " ").capitalize()
    )
