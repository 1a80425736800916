"""The first pass of selection: what has to be known of each row before any can be chosen, a line a row on the disk.

Rule 1: texts, vectors and the hashes of bands stay on the disk; they are read again a batch of rows, or one band of all
        rows, at a time. In memory are numbers in arrays: with all of selection about 100 bytes a row.
"""

import base64
import json
from array import array
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from touchstone_client import Client
from touchstone_trainer.curation.likeness.encoder import WIDTH, Encoder
from touchstone_trainer.curation.likeness.minhash import signature
from touchstone_trainer.curation.rows import Found, Row
from touchstone_trainer.curation.selection.coded import Coded
from touchstone_trainer.curation.selection.labels import Labels, labels
from touchstone_trainer.curation.selection.quality import flaw, verified
from touchstone_trainer.curation.stage import Done

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BANDS, BAND_ROWS = 14, 9
"""Of 128 permutations: pairs with a Jaccard of 0.7 meet in some band with a chance of 0.44, of 0.8 with 0.87, of 0.9
with 0.996; what meets is compared in full."""
STREAM = "features"
LANGUAGE = "language"
TEXTS = ("question", "reference", "task", "options")
"""What two rows are compared by."""


class Inspector:
    """Looks at chunks: flaws, labels, and for sound rows what likeness is judged by."""

    def __init__(self, client: Client, languages: Sequence[str]) -> None:
        self._client, self._languages = client, frozenset(languages)
        self._encoder = Encoder()

    def __call__(self, chunk: Sequence[Found]) -> Done:
        """A line of features for each row."""
        done = Done()
        rows = [found.row for found in chunk]
        known = [labels(row) for row in rows]
        flaws: list[str | None] = [
            flaw(row) or (None if self._spoken(each) else LANGUAGE) for row, each in zip(rows, known, strict=True)
        ]
        sound = [at for at, found in enumerate(flaws) if found is None]
        for at, found in zip(sound, verified(self._client, [rows[at] for at in sound]), strict=True):
            flaws[at] = found
        sound = [at for at in sound if flaws[at] is None]
        vectors = dict(zip(sound, self._encoder([rows[at]["question"] for at in sound]), strict=True)) if sound else {}
        for at, found_row in enumerate(chunk):
            line: Row = {"index": found_row.index, "flaw": flaws[at], "labels": list(known[at])}
            line["characters"] = len(rows[at]["question"])
            if at in vectors:
                line |= {name: rows[at][name] for name in TEXTS if name in rows[at]}
                line |= {"domain": rows[at].get("domain"), "bands": _packed(bands(rows[at]["question"]))}
                line["vector"] = _packed(vectors[at].astype("<f2"))
            done.put(STREAM, line)
        return done

    def _spoken(self, known: Labels) -> bool:
        return not self._languages or known.language in self._languages or known.language == "none"


def bands(question: str) -> "NDArray[np.uint64]":
    """A hash for each band of a question's signature."""
    import numpy as np  # noqa: PLC0415 - not needed to load the command

    values = signature(question).hashvalues[: BANDS * BAND_ROWS].reshape(BANDS, BAND_ROWS).astype(np.uint64)
    mixed = np.zeros(BANDS, dtype=np.uint64)
    for column in values.T:  # wraps around, as FNV does
        mixed = (mixed ^ column) * np.uint64(0x100000001B3)
    return mixed


class Vectors:
    """The sound rows' vectors in a file; `vectors[rows]` reads those of some rows."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __getitem__(self, rows: "NDArray[np.int64]") -> "NDArray[np.float16]":
        import numpy as np  # noqa: PLC0415

        made = np.empty((len(rows), WIDTH), dtype="<f2")
        with self._path.open("rb", buffering=0) as file:
            for at, row in enumerate(rows.tolist()):
                file.seek(row * made[at].nbytes)
                file.readinto(made[at].data)
        return made


@dataclass
class Features:
    """Of all rows fates and labels, by their index in the input; of sound rows, by their own numbers, the rest."""

    known: Coded[Labels]
    """Rows that could not be read have none (`MISSING`)."""
    characters: "array[int]"
    flaws: Coded[str | None]
    index: "array[int]"
    starts: "array[int]"
    domains: Coded[str | None]
    path: Path

    def row(self, number: int) -> dict[str, Any]:
        """Text and reference of a sound row."""
        with self.path.open("rb") as file:
            file.seek(self.starts[number])
            found: dict[str, Any] = json.loads(file.readline())
        return {name: found[name] for name in TEXTS if name in found}

    def band(self, band: int) -> "NDArray[np.uint64]":
        """The hash of one band of each sound row."""
        import numpy as np  # noqa: PLC0415

        return np.fromfile(_band(self.path, band), dtype="<u8")

    def vectors(self) -> Vectors:
        """The vector of each sound row."""
        return Vectors(_vectors(self.path))


MISSING = Labels("", "", "", "")


def load(path: Path) -> Features:
    """A finished features file; what it has of numbers goes into files beside it."""
    found = Features(Coded(), array("I"), Coded(), array("Q"), array("Q"), Coded(), path)
    with ExitStack() as opened:
        file, vectors = opened.enter_context(path.open("rb")), opened.enter_context(_vectors(path).open("wb"))
        bands_of = [opened.enter_context(_band(path, band).open("wb")) for band in range(BANDS)]
        for start, line in _lines(file):
            while len(found.known) < line["index"]:
                _add(found, MISSING, "unusable", 0)
            _add(found, Labels(*line["labels"]), line["flaw"], line["characters"])
            if line["flaw"] is None:
                found.index.append(line["index"])
                found.starts.append(start)
                found.domains.append(line["domain"])
                vectors.write(base64.b64decode(line["vector"]))
                hashes = base64.b64decode(line["bands"])
                for band, kept in enumerate(bands_of):
                    kept.write(hashes[8 * band : 8 * band + 8])
    return found


def _add(found: Features, known: Labels, flaw: str | None, characters: int) -> None:
    found.known.append(known)
    found.flaws.append(flaw)
    found.characters.append(characters)


def _vectors(path: Path) -> Path:
    return path.with_name("vectors.f16")


def _band(path: Path, band: int) -> Path:
    return path.with_name(f"band-{band}.u64")


def _lines(file: BinaryIO) -> Iterator[tuple[int, Row]]:
    start = 0
    for raw in iter(file.readline, b""):
        yield start, json.loads(raw)
        start += len(raw)


def _packed(values: Any) -> str:
    return base64.b64encode(values.tobytes()).decode()
