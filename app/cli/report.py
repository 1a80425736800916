"""The tables of `touchstone verify`: how each stage did on labelled rows, and what decided how many.

Rule 1: only a reward of 1 counts as accepted, so an undecided row is judged rightly only where the label is false.
Rule 2: the undecided share stands beside the accuracy, so that nothing hides in it.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.table import Table

from touchstone_client import Outcome, VerifyResult

Labelled = tuple[VerifyResult, bool]
View = Callable[[VerifyResult], Outcome]


def hybrid(result: VerifyResult) -> Outcome:
    """What the layers concluded together."""
    return result.outcome


def rules(result: VerifyResult) -> Outcome:
    """What the rules said by themselves; undecidable where they were not reached."""
    return result.rules.outcome if result.rules else Outcome.UNDECIDABLE


def model(result: VerifyResult) -> Outcome:
    """What the model said by itself; unreadable where there was no answer to show it."""
    return result.model.outcome if result.model else Outcome.UNREADABLE


@dataclass(frozen=True, slots=True)
class Score:
    """One stage on labelled rows."""

    rows: int
    right: int
    wrong: int
    recalled: int
    false_rewards: int
    undecided: int

    @property
    def accuracy(self) -> float:
        """Share of all rows judged rightly."""
        return (self.recalled + self.wrong - self.false_rewards) / self.rows


def score(labelled: Sequence[Labelled], view: View) -> Score:
    """Count one stage's verdicts against the labels."""
    outcomes = [(view(result), label) for result, label in labelled]
    accepted = [label for outcome, label in outcomes if outcome is Outcome.CORRECT]
    return Score(
        rows=len(outcomes),
        right=sum(label for _, label in outcomes),
        wrong=sum(not label for _, label in outcomes),
        recalled=sum(accepted),
        false_rewards=len(accepted) - sum(accepted),
        undecided=sum(outcome is Outcome.UNDECIDABLE for outcome, _ in outcomes),
    )


def stages_table(labelled: Sequence[Labelled]) -> Table:
    """Rules, model and hybrid side by side."""
    table = Table(title=f"{len(labelled)} labelled rows", title_justify="left")
    table.add_column("")
    columns: list[Score | None] = [score(labelled, rules), None, score(labelled, hybrid)]
    if any(result.model for result, _ in labelled):
        columns[1] = score(labelled, model)
    for heading in ("rules", "model", "hybrid"):
        table.add_column(heading, justify="right")
    lines: list[tuple[str, Callable[[Score], str]]] = [
        ("accuracy", lambda s: f"{s.accuracy:.1%}"),
        ("recall on correct", lambda s: _share(s.recalled, s.right)),
        ("false rewards", lambda s: _share(s.false_rewards, s.wrong)),
        ("undecided", lambda s: _share(s.undecided, s.rows)),
    ]
    for heading, show in lines:
        table.add_row(heading, *(show(column) if column else "not configured" for column in columns))
    return table


def deciders_table(results: Sequence[VerifyResult]) -> Table:
    """What had the last word, how often, and with which outcome."""
    table = Table(title=f"what decided {len(results)} rows", title_justify="left")
    table.add_column("stage")
    table.add_column("rule or model")
    table.add_column("outcome")
    table.add_column("rows", justify="right")
    table.add_column("share", justify="right")
    counts = Counter((r.decided_by.stage, r.decided_by.name, str(r.outcome)) for r in results)
    for (stage, name, outcome), count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])):
        table.add_row(stage, name, outcome, str(count), f"{count / len(results):.1%}")
    return table


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.1%} ({part}/{whole})" if whole else "-"
