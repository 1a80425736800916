"""Selection: a pass that looks at every row, a choice among all of them, a pass that writes.

Rule 1: the first pass is kept in a folder beside the output until the whole is done, so both passes go on after a kill.
Rule 2: every row that is left out has a reason: a flaw, `unusable` aside, a duplicate, a conflict, or no room.
"""

import json
import shutil
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from touchstone_client import Client
from touchstone_trainer.curation import card
from touchstone_trainer.curation.digest import sha256
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.rows import Found
from touchstone_trainer.curation.selection import balance
from touchstone_trainer.curation.selection.coded import Coded
from touchstone_trainer.curation.selection.duplicates import Duplicates
from touchstone_trainer.curation.selection.features import MISSING, STREAM, Features, Inspector, load
from touchstone_trainer.curation.stage import Done, Job, State, check, run

SELECTED = "selected"
DUPLICATE, CONFLICT, NO_ROOM = "duplicate", "conflicting_references", "no_room"
NONE = -1
LENGTHS = (50, 100, 200, 400, 800, 1_600)
"""Upper bounds of the classes of length, in characters."""


@dataclass(frozen=True)
class Settings:
    """What is chosen."""

    target: int | None
    languages: Sequence[str]
    seed: int


@dataclass
class Selection:
    """What becomes of every row, by its index in the input."""

    features: Features
    fates: Coded[str]
    cluster: "array[int]"
    """NONE where a row was left out before."""
    kept_instead: "array[int]"

    def __call__(self, chunk: Sequence[Found]) -> Done:
        """The rows of a chunk with their labels, or with what was against them."""
        done = Done()
        for found in chunk:
            fate = self.fates[found.index]
            done.counts[fate] += 1
            about: dict[str, Any] = {"labels": self.features.known[found.index]._asdict()}
            if fate == SELECTED:
                done.put("rows", found.row | about | {"cluster": self.cluster[found.index]})
            else:
                instead = self.kept_instead[found.index]
                about |= {"selection": fate} | ({} if instead == NONE else {"duplicate_of": instead})
                done.put("dropped", found.row | about)
        return done

    def distributions(self) -> dict[str, dict[str, Counter[str]]]:
        """For each label how the rows lie before and after."""
        sides: dict[str, dict[str, Counter[str]]] = {
            name: {"before": Counter(), "after": Counter()} for name in (*MISSING._fields, "length")
        }
        for at, known in enumerate(self.features.known):
            if known == MISSING:
                continue
            values = {**known._asdict(), "length": _class(self.features.characters[at])}
            for name, value in values.items():
                sides[name]["before"][value] += 1
                if self.fates[at] == SELECTED:
                    sides[name]["after"][value] += 1
        sizes = {"before": Counter[str](), "after": Counter[str]()}
        for group, fate in zip(self.cluster, self.fates, strict=True):
            if group != NONE:
                sizes["before"][str(group)] += 1
                sizes["after"][str(group)] += fate == SELECTED
        return sides | {"cluster": sizes}


def select(job: Job, client: Client, settings: Settings, draw: Callable[[Selection], None] | None = None) -> State:
    """Both passes and what lies between; `draw` plots the distributions, where they are wanted."""
    check(job)
    with TemporaryDirectory(prefix="touchstone-select-") as scratch:
        folder = Path(scratch) if job.dry_run else job.main.with_name(f"{job.main.name}.select")
        if job.overwrite and not job.dry_run:
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        selection = choose(_inspected(job, client, settings, folder), client, settings)

        def extra(counts: Mapping[str, Any]) -> dict[str, Any]:
            shown = {
                name: {side: dict(sorted(counter.items())) for side, counter in sides.items()}
                for name, sides in selection.distributions().items()
                if name != "cluster"
            }
            return {"distributions": shown, "clusters": len({*selection.cluster} - {NONE})}

        if draw is not None and not job.dry_run:
            draw(selection)
        state = run(job, selection, extra)
        if not job.dry_run:
            shutil.rmtree(folder)
    return state


def choose(features: Features, client: Client, settings: Settings) -> Selection:
    """The fate of every row."""
    import numpy as np  # noqa: PLC0415 - not needed to load the command

    fates: Coded[str] = Coded(flaw or NO_ROOM for flaw in features.flaws)
    instead = array("q", [NONE]) * len(fates)
    kept, conflicts = Duplicates(features, client).find()
    for row, better in enumerate(kept):
        if row in conflicts:
            fates[features.index[row]] = CONFLICT
        elif better != row:
            fates[features.index[row]], instead[features.index[row]] = DUPLICATE, features.index[better]
    left = np.fromiter((row for row in range(len(kept)) if fates[features.index[row]] == NO_ROOM), dtype=np.int64)
    groups = balance.clusters(features.vectors(), left, settings.seed)
    cluster = array("i", [NONE]) * len(fates)
    for row, group in zip(left, groups, strict=True):
        cluster[features.index[row]] = group
    buckets = Coded(_bucket(features, int(row)) for row in left)
    for at in balance.chosen(buckets, groups, settings.target, settings.seed):
        fates[features.index[left[at]]] = SELECTED
    return Selection(features, fates, cluster, instead)


def _bucket(features: Features, row: int) -> str:
    known = features.known[features.index[row]]
    return f"{features.domains[row] or known.subject}/{known.difficulty}"


def _inspected(job: Job, client: Client, settings: Settings, folder: Path) -> Features:
    """The features of all rows, from an earlier call where it got so far."""
    path = folder / f"{STREAM}.jsonl"
    first = replace(
        job,
        command="select: look at",
        outputs={STREAM: str(path)},
        parameters={"languages": list(settings.languages)},
        overwrite=False,
        dry_run=False,
    )
    if path.exists():
        _same_inputs(first, path)
    else:
        run(first, Inspector(client, settings.languages))
    return load(path)


def _same_inputs(job: Job, path: Path) -> None:
    known = json.loads(card.path_of(path, "json").read_text())
    now = [{"path": source, "sha256": sha256(source)} for source in job.inputs]
    if (known["inputs"], known["parameters"], known["columns"], known["limit"]) != (
        now,
        dict(job.parameters),
        dict(job.columns),
        job.limit,
    ):
        raise BadInput(f"{path.parent}: what was found of other rows or under other settings; --overwrite starts over")


def _class(characters: int) -> str:
    bound = next((bound for bound in LENGTHS if characters <= bound), None)
    return f"more than {LENGTHS[-1]}" if bound is None else f"up to {bound}"
