"""The benchmarks in memory, in the forms in which rows are looked up.

Rule 1: bounded: at most MAX_QUESTIONS different questions, about 20 KiB each with all methods on; the rows that are
        looked up never stay.
Rule 2: a question that stands in several places is held once, with the first place and all references.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from touchstone_trainer.curation.decontamination.meaning import Meanings
from touchstone_trainer.curation.decontamination.near_text import NearTexts
from touchstone_trainer.curation.decontamination.shared_numbers import SharedNumbers
from touchstone_trainer.curation.decontamination.thresholds import (
    BOILERPLATE_QUESTIONS,
    CANDIDATES,
    Method,
    Thresholds,
)
from touchstone_trainer.curation.likeness.words import (
    canonical,
    grams,
    is_chinese,
    template,
    words,
)
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.rows import Found, Place, Row, read_usable, references

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAX_QUESTIONS = 200_000
"""About 4 GiB; every public benchmark of mathematics together has fewer."""
ROWS_AT_ONCE = 32
"""Rows that are compared with all questions in one product: a megabyte for every 4,000 questions."""


@dataclass(frozen=True)
class Entry:
    """A question of a benchmark."""

    place: Place
    row: Row
    references: list[str] = field(default_factory=list)

    @property
    def question(self) -> str:
        """Its text."""
        text: str = self.row["question"]
        return text


class Benchmark:
    """Looks up what is alike: for each question the entries by number, each with a score by method."""

    def __init__(
        self,
        sources: Sequence[str],
        columns: dict[str, str] | None = None,
        methods: Collection[Method] = frozenset(Method),
        thresholds: Thresholds | None = None,
    ) -> None:
        self.thresholds = thresholds or Thresholds()
        self._methods = frozenset(methods)
        self.entries: list[Entry] = []
        self._exact: dict[str, int] = {}
        for found in read_usable(sources, columns=columns, required=("question",)):
            self._add(found)
        if not self.entries:
            raise BadInput(f"the benchmarks hold no question: {', '.join(sources)}")
        self._index()

    def look_up(self, rows: Sequence[Row]) -> list[dict[int, dict[Method, float]]]:
        """For each row the entries whose questions are alike by any method."""
        found: list[dict[int, dict[Method, float]]] = []
        for start in range(0, len(rows), ROWS_AT_ONCE):
            batch = rows[start : start + ROWS_AT_ONCE]
            shared = [self._numbers.share(row["question"]) for row in batch]
            near = self._meanings.look_up(batch, shared) if Method.SEMANTIC in self._methods else [{}] * len(batch)
            found += [
                self._one(row["question"], mine, close) for row, mine, close in zip(batch, shared, near, strict=True)
            ]
        return found

    def _add(self, found: Found) -> None:
        key = canonical(found.row["question"])
        if key not in self._exact:
            if len(self.entries) == MAX_QUESTIONS:
                raise BadInput(f"the benchmarks hold more than {MAX_QUESTIONS:,} questions: give fewer in one call")
            self._exact[key] = len(self.entries)
            kept: Row = {name: found.row[name] for name in ("question", "task", "options") if name in found.row}
            self.entries.append(Entry(found.place, kept))
        known = self.entries[self._exact[key]].references
        known += [text for text in references(found.row) if text not in known]

    def _index(self) -> None:
        self._long: dict[int, int] = {}
        self._short: dict[int, list[int]] = defaultdict(list)
        self._templates: dict[str, list[int]] = defaultdict(list)
        shared: Counter[int] = Counter()
        for at, entry in enumerate(self.entries):
            if Method.NGRAM in self._methods:
                long, short = self._runs(entry.question)
                shared.update(long | short)
                self._long |= dict.fromkeys(long, at)
                for run in short:
                    self._short[run].append(at)
            if Method.TEMPLATE in self._methods and (form := self._form(entry.question)):
                self._templates[form].append(at)
        for run, questions in shared.items():
            if questions >= BOILERPLATE_QUESTIONS:
                self._long.pop(run, None)
                self._short.pop(run, None)
        self._short_count = Counter(at for entries in self._short.values() for at in entries)
        texts = [entry.question for entry in self.entries]
        self._numbers = SharedNumbers(texts)
        if Method.MINHASH in self._methods:
            self._near_texts = NearTexts(texts, self.thresholds.jaccard)
        if Method.SEMANTIC in self._methods:
            comparable = [bool(entry.references) for entry in self.entries]
            self._meanings = Meanings(texts, self._numbers.counts, comparable, self.thresholds)

    def _one(self, text: str, shared: "NDArray[np.float32]", near: dict[int, float]) -> dict[int, dict[Method, float]]:
        scores: dict[int, dict[Method, float]] = defaultdict(dict)
        if Method.EXACT in self._methods and (at := self._exact.get(canonical(text))) is not None:
            scores[at][Method.EXACT] = 1.0
        if Method.NGRAM in self._methods:
            for at, score in self._by_runs(text).items():
                scores[at][Method.NGRAM] = score
        if Method.MINHASH in self._methods:
            for at, score in self._near_texts.look_up(text, shared).items():
                scores[at][Method.MINHASH] = score
        if Method.TEMPLATE in self._methods:
            # `sorted` is stable, so that of equals the first are taken.
            for at in sorted(self._templates.get(self._form(text), ()), key=lambda at: -shared[at])[:CANDIDATES]:
                scores[at][Method.TEMPLATE] = 1.0
        for at, score in near.items():
            scores[at][Method.SEMANTIC] = score
        return dict(sorted(scores.items()))  # sets come in another order in every process

    def _by_runs(self, text: str) -> dict[int, float]:
        """The share of an entry's short runs that the text has, where that or a long run says that it is a copy."""
        long, short = self._runs(text)
        held: Counter[int] = Counter(at for run in short for at in self._short.get(run, ()))
        copied = {self._long[run] for run in long if run in self._long}
        share = {at: count / self._short_count[at] for at, count in held.items()}
        return {
            at: share.get(at, 0.0)
            for at in copied | share.keys()
            if at in copied or share[at] >= self.thresholds.coverage
        }

    def _runs(self, text: str) -> tuple[set[int], set[int]]:
        """Hashes of the long and the short runs. A text too short for a run has none: others find it."""
        limits, tokens = self.thresholds, words(text)
        sizes = (
            (limits.long_gram_chinese, limits.short_gram_chinese)
            if is_chinese(text)
            else (limits.long_gram, limits.short_gram)
        )
        long, short = ({hash(run) for run in grams(tokens, size)} if len(tokens) >= size else set() for size in sizes)
        return long, short

    def _form(self, text: str) -> str:
        """The question's form; empty where it is too short to be told from others, or has no number."""
        form = template(text)
        return form if "#" in form and len(words(form)) >= self.thresholds.template_words else ""
