"""A chunk of rows against the benchmarks. Every pair that was found ends in one of these ways:

copy            the same text, the whole of it inside of another, much of it with the same answer, or beyond doubt the
                same meaning
same_form       one form and the same numbers: variables renamed, say
same_question   alike in meaning and in numbers, and the verifier takes one reference for the other
same_answer     one form, other numbers, and the verifier takes one reference for the other
undecided       one form, other numbers, and the verifier could not tell, or there is no reference
other_answer    one form, or much of one text with other numbers, and the verifier tells the references apart: a variant
other_question  text in common, and the verifier tells the references apart: it asks something else, on the same facts
                say. Reported, never a reason to leave a row out
unlike          alike in meaning alone: reported from `BORDERLINE` on, never a reason either

Rule 1: a row goes for the gravest of its pairs. Variants go too unless they are asked for: a policy that has learned
        the form has learned the benchmark's question.
Rule 2: the verifier is asked about pairs only that its word decides.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from touchstone_client import Client
from touchstone_trainer.curation.decontamination.benchmark import Benchmark, Entry
from touchstone_trainer.curation.decontamination.thresholds import BORDERLINE, Method, Thresholds
from touchstone_trainer.curation.likeness.words import is_inside, numbers, overlap
from touchstone_trainer.curation.rewriting.acceptance import boxed
from touchstone_trainer.curation.rows import Found, references
from touchstone_trainer.curation.stage import Done

CLEAN = "clean"


class Relation(StrEnum):
    """What a pair is, the gravest first."""

    COPY = "copy"
    SAME_FORM = "same_form"
    SAME_QUESTION = "same_question"
    SAME_ANSWER = "same_answer"
    UNDECIDED = "undecided"
    OTHER_ANSWER = "other_answer"
    OTHER_QUESTION = "other_question"
    UNLIKE = "unlike"


GRAVEST = tuple(Relation)


@dataclass(frozen=True)
class Pair:
    """A row and an entry that is alike, with the score of each method that found it."""

    found: Found
    entry: Entry
    scores: Mapping[Method, float]

    @property
    def by_text(self) -> Relation | None:
        """What the texts alone say; None where the references have to be compared."""
        if Method.EXACT in self.scores or (self._of_one_text and self._held_whole):
            return Relation.COPY
        if Method.TEMPLATE in self.scores and numbers(self.found.row["question"]) == numbers(self.entry.question):
            return Relation.SAME_FORM
        return None

    def settled(self, same_reference: bool | None, limits: Thresholds) -> Relation:
        """What it is, once the references were compared; None where they could not be."""
        if self.by_text is not None:
            return self.by_text
        if self.scores.keys() == {Method.SEMANTIC}:
            alike = same_reference is None and self.scores[Method.SEMANTIC] >= limits.cosine
            return Relation.SAME_QUESTION if same_reference else Relation.COPY if alike else Relation.UNLIKE
        if same_reference is False:
            return Relation.OTHER_ANSWER if self._is_variant(limits) else Relation.OTHER_QUESTION
        if self._of_one_text:
            return Relation.COPY
        return Relation.SAME_ANSWER if same_reference else Relation.UNDECIDED

    def _is_variant(self, limits: Thresholds) -> bool:
        """Whether it has the entry's form, or much of its text with other numbers."""
        if Method.TEMPLATE in self.scores:
            return True
        much = Method.MINHASH in self.scores or self.scores[Method.NGRAM] >= limits.coverage
        shared = overlap(numbers(self.found.row["question"]), numbers(self.entry.question))
        return much and shared < limits.shared_numbers

    @property
    def _of_one_text(self) -> bool:
        return bool(self.scores.keys() & {Method.NGRAM, Method.MINHASH})

    @property
    def _held_whole(self) -> bool:
        return is_inside(self.entry.question, self.found.row["question"])

    def report(self, relation: Relation, same_reference: bool | None) -> dict[str, Any]:
        """A line of the report."""
        row = self.found.row
        return {
            "relation": str(relation),
            "scores": {str(method): round(score, 4) for method, score in self.scores.items()},
            "row": str(self.found.place),
            **({"id": row["id"]} if "id" in row else {}),
            "question": row["question"],
            "reference": row.get("reference"),
            "benchmark": str(self.entry.place),
            "benchmark_question": self.entry.question,
            "benchmark_reference": self.entry.references,
            "numbers": list(numbers(row["question"])),
            "benchmark_numbers": list(numbers(self.entry.question)),
            "references_agree": same_reference,
        }


class Decontaminator:
    """Sorts chunks into what may stay, what must go, and the report."""

    def __init__(self, benchmark: Benchmark, client: Client, *, keep_variants: bool = False) -> None:
        self._benchmark, self._client, self._keep_variants = benchmark, client, keep_variants

    def __call__(self, chunk: Sequence[Found]) -> Done:
        """Every row of the chunk; a pair of the report is counted by its relation and its methods."""
        done = Done()
        pairs = self._pairs(chunk)
        agree = self._agreement(pairs)
        by_row: dict[int, list[Relation]] = {}
        for pair, same in zip(pairs, agree, strict=True):
            relation = pair.settled(same, self._benchmark.thresholds)
            if relation is Relation.UNLIKE and pair.scores[Method.SEMANTIC] < BORDERLINE:
                continue
            by_row.setdefault(pair.found.index, []).append(relation)
            done.put("matches", pair.report(relation, same))
            done.counts.update([f"pairs: {relation}", *(f"pairs by {method}" for method in pair.scores)])
        for found in chunk:
            self._put(done, found, by_row.get(found.index, []))
        return done

    def _put(self, done: Done, found: Found, relations: Sequence[Relation]) -> None:
        gravest = min(relations, key=GRAVEST.index, default=Relation.UNLIKE)
        kept = {Relation.UNLIKE, Relation.OTHER_QUESTION} | ({Relation.OTHER_ANSWER} if self._keep_variants else set())
        if gravest in kept:
            done.counts[CLEAN] += 1
            done.put("rows", found.row)
        else:
            done.counts.update(["contaminated", f"contaminated: {gravest}"])
            done.put("dropped", found.row | {"contamination": str(gravest)})

    def _pairs(self, chunk: Sequence[Found]) -> list[Pair]:
        looked_up = self._benchmark.look_up([found.row for found in chunk])
        return [
            Pair(found, self._benchmark.entries[at], scores)
            for found, alike in zip(chunk, looked_up, strict=True)
            for at, scores in alike.items()
        ]

    def _agreement(self, pairs: Sequence[Pair]) -> list[bool | None]:
        """Whether the verifier takes a row's reference for an answer to the benchmark's question."""
        agree: list[bool | None] = [None] * len(pairs)
        asked = [
            (at, boxed(text))
            for at, pair in enumerate(pairs)
            if pair.by_text is None and pair.entry.references
            for text in references(pair.found.row)[:1]
        ]
        items = [_item(pairs[at].entry, response) for at, response in asked]
        for (at, _), result in zip(asked, self._client.verify(items) if items else [], strict=True):
            agree[at] = None if result.reward is None else result.reward == 1.0
        return agree


def _item(entry: Entry, response: str) -> dict[str, Any]:
    given = entry.references
    return {**entry.row, "reference": given if len(given) > 1 else given[0], "response": response}
