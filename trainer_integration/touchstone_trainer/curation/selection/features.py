"""The first pass of selection: what has to be known of each row before any can be chosen, a line a row on the disk.

Rule 1: texts and vectors stay on the disk, and texts are read again where two rows have to be compared. In memory are
        a row's place in the file, the hashes of its bands and its labels: with all of selection about 2 KiB a row, half
        of that pages of the vectors' file, which the system can take back.
"""

import base64
import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from touchstone_client import Client
from touchstone_trainer.curation.likeness.encoder import WIDTH, Encoder
from touchstone_trainer.curation.likeness.minhash import signature
from touchstone_trainer.curation.rows import Found, Row
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
                line |= {
                    name: rows[at][name] for name in ("question", "reference", "task", "options") if name in rows[at]
                }
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


@dataclass
class Features:
    """The sound rows of a features file, and of all rows fates and labels."""

    index: "NDArray[np.int64]"
    bands: "NDArray[np.uint64]"
    vectors: "NDArray[np.float16]"
    starts: "array[int]"
    known: list[Labels]
    """Of every row, by its index in the input; rows that could not be read have none (`MISSING`)."""
    characters: "array[int]"
    flaws: list[str | None]
    domains: list[str | None]
    path: Path

    def row(self, number: int) -> dict[str, Any]:
        """Text and reference of a sound row."""
        with self.path.open("rb") as file:
            file.seek(self.starts[number])
            found: dict[str, Any] = json.loads(file.readline())
        return found


MISSING = Labels("", "", "", "")


def load(path: Path) -> Features:
    """A finished features file."""
    import numpy as np  # noqa: PLC0415

    index, starts, characters = array("q"), array("Q"), array("Q")
    known: list[Labels] = []
    flaws: list[str | None] = []
    domains: list[str | None] = []
    packed_bands = bytearray()
    shared: dict[tuple[str, ...], Labels] = {}
    vectors = path.with_name("vectors.f16")
    with path.open("rb") as file, vectors.open("wb") as kept:
        for start, line in _lines(file):
            while len(known) <= line["index"]:
                known.append(MISSING)
                flaws.append("unusable")
                characters.append(0)
            at = line["index"]
            known[at] = shared.setdefault(tuple(line["labels"]), Labels(*line["labels"]))
            flaws[at], characters[at] = line["flaw"], line["characters"]
            if line["flaw"] is None:
                index.append(at)
                starts.append(start)
                domains.append(line["domain"])
                packed_bands += base64.b64decode(line["bands"])
                kept.write(base64.b64decode(line["vector"]))
    rows = len(index)
    return Features(
        np.asarray(index, dtype=np.int64),
        np.frombuffer(bytes(packed_bands), dtype="<u8").reshape(rows, BANDS),
        np.memmap(vectors, dtype="<f2", mode="r", shape=(rows, WIDTH)) if rows else np.zeros((0, WIDTH), np.float16),
        starts,
        known,
        characters,
        flaws,
        domains,
        path,
    )


def _lines(file: Any) -> Any:
    start = 0
    for raw in iter(file.readline, b""):
        yield start, json.loads(raw)
        start += len(raw)


def _packed(values: Any) -> str:
    return base64.b64encode(values.tobytes()).decode()
