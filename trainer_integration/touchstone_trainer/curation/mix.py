"""Phase files: the rows of each phase of a mixing plan, in the order in which the trainer's curriculum draws them.

Rule 1: the plan and the drawing are the trainer's (`mixing`, `curriculum`). A file read front to back, `batch` rows a
        step, is what the curriculum would have drawn: shares exact in every batch, epochs, caps and held-out rows kept.
Rule 2: what depends on training cannot be written beforehand: a phase that ends at a plateau gets a number of steps or
        runs to the end of its rows, and ratio control does nothing.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.row_store import RowStore
from touchstone_trainer.curation.rows import Found, Place, Position
from touchstone_trainer.curation.stage import Done
from touchstone_trainer.curriculum import Curriculum
from touchstone_trainer.mixing import MixingPlan, Phase

HELD_OUT = "held_out"
STREAM = "phase"


def bounded(plan: MixingPlan, steps: Mapping[str, int]) -> MixingPlan:
    """The plan with every phase ending by itself; `steps` are for those that would not, by their names."""
    if unknown := sorted(steps.keys() - {phase.name for phase in plan.phases}):
        raise BadInput(f"the plan has no phase {', '.join(unknown)}; it has {', '.join(p.name for p in plan.phases)}")
    phases = [
        phase.model_copy(update={"steps": steps[phase.name]}) if phase.name in steps else phase for phase in plan.phases
    ]
    for phase in phases:
        if phase.steps is None and not _runs_out(phase):
            raise BadInput(
                f"phase {phase.name} has no end before training: give its length as --steps {phase.name}=N, "
                "or each of its domains epochs or a cap"
            )
    return plan.model_copy(update={"phases": tuple(phases)})


def _runs_out(phase: Phase) -> bool:
    return all(domain.epochs is not None or domain.cap is not None for domain in phase.domains.values())


class Drawing:
    """The rows of all phases and the held-out ones as one stream, which can be entered anywhere."""

    def __init__(self, plan: MixingPlan, stores: Mapping[str, RowStore], batch: int) -> None:
        self._plan, self._stores, self._batch = plan, stores, batch
        try:
            self._curriculum = Curriculum(plan, {name: len(store) for name, store in stores.items()})
        except ValueError as error:
            raise BadInput(str(error)) from error

    def __call__(self, after: Position) -> Iterator[tuple[Position, Found]]:
        """The rows after a position, each with its stream, domain, epoch and task."""
        for number, (stream, domain, row, epoch) in enumerate(islice(self._all(), after.rows, None), after.rows + 1):
            drawn = dict(self._stores[domain][row])
            drawn |= {STREAM: stream, "domain": domain, "task": drawn.get("task") or self._plan.domains[domain].task}
            drawn |= {"epoch": epoch} if stream != HELD_OUT else {}
            place = Place(self._plan.domains[domain].source, row + 1)
            yield Position(0, number, number), Found(number - 1, place, drawn)

    def _all(self) -> Iterator[tuple[str, str, int, int]]:
        for domain in self._plan.domains:
            for row in self._curriculum.held_out(domain):
                yield HELD_OUT, domain, row, 0
        while not self._curriculum.finished:
            phase = self._curriculum.phase.name
            for draw in self._curriculum.draw(self._batch):
                yield phase, draw.domain, draw.row, draw.epoch
            self._curriculum.step_done()


def sorted_out(chunk: Sequence[Found]) -> Done:
    """Each row into its phase's stream."""
    done = Done()
    for found in chunk:
        stream = found.row[STREAM]
        done.put(stream, found.row)
        done.counts[f"{stream}/{found.row['domain']}"] += 1
    return done


def report(plan: MixingPlan, sizes: Mapping[str, int], counts: Mapping[str, int]) -> dict[str, dict[str, object]]:
    """For each phase and domain: the share that was planned, the share that it got, rows and passes."""
    rows: dict[str, dict[str, object]] = {}
    for phase in plan.phases:
        drawn = {name: counts.get(f"{phase.name}/{name}", 0) for name in phase.domains}
        total = max(sum(drawn.values()), 1)
        for name, share in phase.shares(sizes).items():
            rows[f"{phase.name}/{name}"] = {
                "planned": round(share, 4),
                "got": round(drawn[name] / total, 4),
                "rows": drawn[name],
                "passes": round(drawn[name] / max(sizes[name] - phase.domains[name].held_out, 1), 3),
            }
    return rows
