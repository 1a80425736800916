"""Identical candidates, judged once. Pure."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace

from grm.judgement import Candidate, Case, Judgement, Usage


class Twins:
    """The distinct ones among some candidates of a case, and who shares whose judgement."""

    def __init__(self, case: Case, indices: Sequence[int]) -> None:
        places: dict[tuple[object, ...], int] = {}
        self._place: dict[int, int] = {}
        distinct: list[Candidate] = []
        for index in indices:
            key = _key(case.candidates[index])
            if key not in places:
                places[key] = len(distinct)
                distinct.append(case.candidates[index])
            self._place[index] = places[key]
        self.distinct = tuple(distinct)

    def spread(self, judgements: Sequence[Judgement]) -> Mapping[int, Judgement]:
        """Everybody's judgement by position in the case. What it cost is counted once, at the first."""
        paid: set[int] = set()
        shared: dict[int, Judgement] = {}
        for index, place in self._place.items():
            judgement = judgements[place]
            if place in paid:
                judgement = replace(judgement, usage=Usage())
            paid.add(place)
            shared[index] = judgement
        return shared


def _key(candidate: Candidate) -> tuple[object, ...]:
    return (
        _folded(candidate.response),
        _folded(candidate.reasoning or ""),
        candidate.answer,
        candidate.known_outcome,
    )


def _folded(text: str) -> str:
    """Line ends and white space at the edges do not make a difference."""
    lines = unicodedata.normalize("NFC", text).replace("\r\n", "\n").strip().split("\n")
    return "\n".join(line.rstrip() for line in lines)
