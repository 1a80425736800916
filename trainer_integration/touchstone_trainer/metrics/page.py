"""The HTML page of a run: its drawings and a few sums, in one file. No script, no request, no matplotlib.

Rule: what comes from the run (names of domains, phases, reasons) is escaped.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from html import escape

from touchstone_trainer.metrics.curves import Span, mean
from touchstone_trainer.metrics.record import Seconds, StepRecord

LAST_STEPS = 10  # steps that a "last" figure averages: one step alone is noise

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1f2328; --soft: #59636e; --line: #d8dde3; }
@media (prefers-color-scheme: dark) {
  :root { --paper: #14181d; --ink: #e6e9ec; --soft: #9aa4af; --line: #353c44; }
}
body { margin: 1.5rem auto; max-width: 110rem; padding: 0 1.5rem; background: var(--paper); color: var(--ink);
       font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.4rem; margin: 0 0 .25rem; }
p { color: var(--soft); margin: .25rem 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .9rem .25rem 0; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(24rem, 1fr)); gap: 1rem; }
figure { margin: 0; }
img { width: 100%; height: auto; display: block; }
"""


@dataclass(frozen=True)
class Drawing:
    """One chart as SVG, for a light and for a dark page."""

    title: str
    light: bytes
    dark: bytes


def page(name: str, records: Sequence[StepRecord], phases: Sequence[Span], drawings: Sequence[Drawing]) -> str:
    """The whole page of a run."""
    return document(name, _summary(records, phases), drawings, _rewards(records))


def document(name: str, about: Iterable[str], drawings: Sequence[Drawing], table: str = "") -> str:
    """A page with a line about what is shown, a table as HTML, and drawings."""
    figures = "\n".join(_figure(drawing) for drawing in drawings)
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(name)}</title>
<style>{STYLE}</style>
</head>
<body>
<h1>{escape(name)}</h1>
<p>{escape(" · ".join(about))}</p>
{table}
<main>
{figures}
</main>
</body>
</html>
"""


def _figure(drawing: Drawing) -> str:
    title = escape(drawing.title, quote=True)
    return (
        f'<figure><picture><source media="(prefers-color-scheme: dark)" srcset="{_data_url(drawing.dark)}">'
        f'<img src="{_data_url(drawing.light)}" alt="{title}"></picture></figure>'
    )


def _data_url(svg: bytes) -> str:
    return "data:image/svg+xml;base64," + b64encode(svg).decode()


def _summary(records: Sequence[StepRecord], phases: Sequence[Span]) -> Iterator[str]:
    for span in phases:
        yield f"phase {span.phase}: steps {span.first} to {span.last}"
    responses = sum(record.responses for record in records)
    yield f"{responses:,} responses, {sum(record.tokens for record in records):,} tokens"
    undecided = sum(sum(record.undecided.values()) for record in records)
    if responses:
        yield f"undecided {undecided / responses:.2%}"
    yield f"{sum(record.tokens_saved for record in records):,} tokens saved by stopping streaks"
    spent = {part: sum(getattr(record.seconds, part) for record in records) for part in Seconds.model_fields}
    if total := sum(spent.values()):
        shares = ", ".join(f"{part} {seconds / total:.0%}" for part, seconds in spent.items())
        yield f"{total:,.0f} s: {shares}"


def _rewards(records: Sequence[StepRecord]) -> str:
    """First and last rewards by domain, each a mean over a few of the steps that drew from it."""
    names = dict.fromkeys(name for record in records for name in record.domains)
    rows: list[str] = []
    for name in names:
        drawn = [record.domains[name].reward_mean for record in records if name in record.domains]
        means = [reward for reward in drawn if reward is not None]
        cells = [_reward(means[:LAST_STEPS]), _reward(means[-LAST_STEPS:]), f"{len(means):,}"]
        rows.append(f"<tr><td>{escape(name)}</td>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    head = f"<tr><th>domain</th><th>first {LAST_STEPS} steps</th><th>last {LAST_STEPS} steps</th><th>steps</th></tr>"
    return f"<table>{head}{''.join(rows)}</table>"


def _reward(values: Sequence[float]) -> str:
    return f"{mean(values):.3f}" if values else "-"
