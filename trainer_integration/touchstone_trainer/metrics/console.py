"""Steps on the screen: a bar and the last steps on a terminal, one plain line a step anywhere else.

Rule 1: a log file gets no control characters and loses no step.
Rule 2: what was not measured shows as a dash.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from touchstone_trainer.metrics.record import StepRecord

SHOWN_STEPS = 8  # lines of the live table: enough to see a trend, few enough for a small terminal
REFRESH_HZ = 2  # the clock beside the bar moves between steps that take minutes

WIDE_COLUMNS = 110  # terminal columns from which the rewards by domain find room

# header, and what of a record it shows
COLUMNS: tuple[tuple[str, Callable[[StepRecord], str]], ...] = (
    ("step", lambda record: str(record.step)),
    ("phase", lambda record: record.phase),
    ("reward", lambda record: _number(record.reward_mean)),
    ("undecided", lambda record: _percent(record.undecided_share)),
    ("rescued", lambda record: _percent(record.rescued_share)),
    ("entropy", lambda record: _number(record.entropy)),
    ("masked", lambda record: str(sum(record.masked_sequences.values()))),
    ("saved", lambda record: str(record.tokens_saved)),
    ("gen+rew+train s", lambda record: "+".join(f"{seconds:.1f}" for _, seconds in record.seconds)),
)


class ConsoleSink:
    """Shows the run. `total_steps` may be unknown; `done` steps were taken before this start."""

    def __init__(self, total_steps: int | None = None, *, done: int = 0, console: Console | None = None) -> None:
        self._console = console or Console()
        self._total = total_steps
        self._recent: deque[StepRecord] = deque(maxlen=SHOWN_STEPS)
        self._phase: str | None = None
        self._live: Live | None = None
        if self._console.is_terminal:
            self._progress = Progress(
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
                console=self._console,
            )
            self._task = self._progress.add_task("training", total=total_steps, completed=done)
            self._live = Live(self._progress, console=self._console, refresh_per_second=REFRESH_HZ)
            self._live.start()

    def write(self, record: StepRecord) -> None:
        """Shows one step."""
        if self._live is None:
            if self._phase not in (None, record.phase):
                self._console.print(
                    f"phase {self._phase} is over, phase {record.phase} begins", highlight=False, markup=False
                )
            shown = f"{time.strftime('%H:%M:%S')}  {line(record, self._total)}"
            self._console.print(shown, highlight=False, markup=False, soft_wrap=True)
        else:
            self._recent.append(record)
            self._progress.update(self._task, completed=record.step, description=record.phase)
            steps = table(self._recent, by_domain=self._console.width >= WIDE_COLUMNS)
            self._live.update(Group(steps, self._progress), refresh=True)
        self._phase = record.phase

    def close(self) -> None:
        """Leaves the last table standing and gives the terminal back."""
        if self._live is not None:
            self._live.stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


def table(records: Iterable[StepRecord], *, by_domain: bool) -> Table:
    """The last steps, one a row; the rewards by domain last, cut where the terminal ends."""
    shown = Table(box=None, padding=(0, 1, 0, 0), header_style="bold")
    for header, _ in COLUMNS:
        shown.add_column(header, justify="left" if header == "phase" else "right", no_wrap=True, min_width=len(header))
    if by_domain:
        shown.add_column("by domain", no_wrap=True)
    for record in records:
        last = [_by_domain(record)] if by_domain else []
        shown.add_row(*(show(record) for _, show in COLUMNS), *last)
    return shown


def line(record: StepRecord, total: int | None = None) -> str:
    """One step as one line of a log."""
    seconds = record.seconds
    parts = [
        f"step {record.step}" + (f"/{total}" if total else ""),
        record.phase,
        f"reward {_number(record.reward_mean)} ({_by_domain(record)})",
        f"undecided {_percent(record.undecided_share)}",
        f"rescued {_percent(record.rescued_share)}",
        f"entropy {_number(record.entropy)}",
        f"masked {sum(record.masked_sequences.values())}",
        f"saved {record.tokens_saved} tokens",
        f"{seconds.total:.1f} s: gen {seconds.generating:.1f}, rew {seconds.rewards:.1f}, train {seconds.training:.1f}",
    ]
    if record.held_out:
        held_out = ", ".join(f"{name} {_number(score)}" for name, score in record.held_out.items())
        parts.append(f"held out {held_out}")
    return "  ".join(parts)


def _by_domain(record: StepRecord) -> str:
    return ", ".join(f"{name} {_number(stats.reward_mean)}" for name, stats in record.domains.items())


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"
