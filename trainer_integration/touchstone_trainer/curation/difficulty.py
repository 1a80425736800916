"""Pass rates: how often a policy answers a question right, and what that says of the question and of its reference.

kept         some responses right and some wrong: a group that teaches
too_easy     right (almost) always: GRPO's advantages are all zero
too_hard     right (almost) never: the same
unmeasured   too few responses that the verifier could decide

Rule 1: an undecided response counts neither for nor against; the rate is over the decided ones.
Rule 2: a reference is suspect when most responses agree with each other and not with it. The policy may be wrong with
        one voice too, so a suspect is flagged, with its votes, for somebody to look at; it is never corrected.
Rule 3: a suspect is `confirmed` when the service's model, asked whether the majority's answer is the reference, says no
        as the rules do; without a model it stays `unconfirmed`. Where the model says yes, nothing is suspect.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from touchstone_client import Client, Outcome, VerifyResult
from touchstone_trainer.curation.likeness.words import canonical
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.problems import Refused
from touchstone_trainer.curation.rewriting.acceptance import boxed
from touchstone_trainer.curation.rewriting.asked import solve_messages
from touchstone_trainer.curation.rows import Found, Row, Unusable
from touchstone_trainer.curation.stage import Done

LOWEST_PASS_RATE, HIGHEST_PASS_RATE = 0.05, 0.95
"""With up to 19 responses: at least one right and at least one wrong."""
MIN_DECIDED = 4
"""With fewer decided responses a rate says next to nothing: three of three are right by luck at a rate of a half in
one question of eight."""
MAJORITY = 0.5
"""More than this share of the decided responses has to give one answer."""
MIN_VOTES = 3
SAMPLE_TOKENS = 2_048
ABOUT = ("task", "question", "options")


class Fate(StrEnum):
    """What becomes of a question."""

    KEPT = "kept"
    TOO_EASY = "too_easy"
    TOO_HARD = "too_hard"
    UNMEASURED = "unmeasured"


class Suspicion(StrEnum):
    """What the model says of a majority that is not the reference."""

    CONFIRMED = "confirmed"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True)
class Band:
    """The pass rates that are kept, bounds included."""

    lowest: float = LOWEST_PASS_RATE
    highest: float = HIGHEST_PASS_RATE
    min_decided: int = MIN_DECIDED

    def fate(self, rewards: Sequence[float]) -> Fate:
        """Of a question whose decided responses got these rewards."""
        if len(rewards) < self.min_decided:
            return Fate.UNMEASURED
        rate = pass_rate(rewards)
        return Fate.TOO_HARD if rate < self.lowest else Fate.TOO_EASY if rate > self.highest else Fate.KEPT


@dataclass(frozen=True)
class Sampling:
    """How responses are drawn from a model server."""

    samples: int = 8
    temperature: float = 1.0
    max_tokens: int = SAMPLE_TOKENS
    seed: int = 0


@dataclass(frozen=True)
class Majority:
    """The answer that most decided responses give, none of them rewarded."""

    answer: str
    votes: int
    of: int


class Rater:
    """Rates chunks. Rows bring `responses`; those that do not are sampled, where there is a model."""

    def __init__(
        self,
        client: Client,
        model: ModelServer | None = None,
        sampling: Sampling | None = None,
        band: Band | None = None,
        *,
        keep_responses: bool = False,
    ) -> None:
        self._client, self._model = client, model
        self._sampling, self._band = sampling or Sampling(), band or Band()
        self._keep_responses = keep_responses

    def __call__(self, chunk: Sequence[Found]) -> Done:
        """Every row with its pass rate."""
        done = Done()
        given = self._responses(chunk)
        done.unusable = [
            Unusable(found.index, found.place, several)
            for found, several in zip(chunk, given, strict=True)
            if isinstance(several, str)
        ]
        chunk = [found for found, several in zip(chunk, given, strict=True) if not isinstance(several, str)]
        responses = [several for several in given if not isinstance(several, str)]
        results = self._results([found.row for found in chunk], responses)
        majorities = self._majorities(chunk, results)
        suspicions = self._suspicions(chunk, majorities)
        for at, found in enumerate(chunk):
            rewards = [result.reward for result in results[at] if result.reward is not None]
            fate = self._band.fate(rewards)
            row = found.row | _measured(rewards, len(results[at]))
            row |= {"responses": responses[at]} if self._keep_responses else {}
            done.counts.update({fate: 1, "responses": len(results[at]), "right": sum(map(int, rewards))})
            done.counts["undecided responses"] += len(results[at]) - len(rewards)
            if (suspicion := suspicions.get(at)) is not None:
                found_majority = majorities[at]
                assert found_majority is not None
                row |= {"suspect": str(suspicion), "majority": found_majority.answer, "votes": found_majority.votes}
                done.counts[f"suspect: {suspicion}"] += 1
                done.put("suspects", row | {"difficulty_fate": str(fate)})
            if fate is Fate.KEPT:
                done.put("rows", row)
            else:
                done.put("dropped", row | {"difficulty_fate": str(fate)})
        return done

    def _responses(self, chunk: Sequence[Found]) -> list[list[str] | str]:
        """Each row's own or sampled responses; a text in their place says what is wrong."""
        several = {found.index: _own(found.row) for found in chunk}
        if self._model is not None:
            lacking = [found for found in chunk if several[found.index] == []]
            tries = [(found, sample) for found in lacking for sample in range(self._sampling.samples)]
            for (found, _), said in zip(tries, self._model.map(self._sampled, tries), strict=True):
                known = several[found.index]
                if isinstance(said, Refused):
                    several[found.index] = str(said)
                elif isinstance(known, list):
                    known.append(said)
        return [several[found.index] for found in chunk]

    def _sampled(self, one: tuple[Found, int]) -> str:
        assert self._model is not None
        found, sample = one
        how = self._sampling
        return self._model.chat(
            solve_messages(found.row["question"]),
            temperature=how.temperature,
            max_tokens=how.max_tokens,
            seed=how.seed + found.index * how.samples + sample,
        ).text

    def _results(self, rows: Sequence[Row], responses: Sequence[Sequence[str]]) -> list[list[VerifyResult]]:
        items = [
            {**about(row), "reference": row["reference"], "response": response}
            for row, several in zip(rows, responses, strict=True)
            for response in several
        ]
        results = iter(self._client.verify(items) if items else [])
        return [[next(results) for _ in several] for several in responses]

    def _majorities(self, chunk: Sequence[Found], results: Sequence[Sequence[VerifyResult]]) -> list[Majority | None]:
        """For each question the answer that most give and the verifier refuses; equal answers are counted as one."""
        votes = [_votes(several) for several in results]
        asked = [(at, text) for at, several in enumerate(votes) for text in list(several)[1:]]
        items = [
            {**about(chunk[at].row), "reference": next(iter(votes[at])), "response": boxed(text)} for at, text in asked
        ]
        for (at, text), result in zip(asked, self._client.verify(items) if items else [], strict=True):
            if result.reward == 1.0:
                votes[at][next(iter(votes[at]))] += votes[at].pop(text)
        return [_majority(several, results[at]) for at, several in enumerate(votes)]

    def _suspicions(self, chunk: Sequence[Found], majorities: Sequence[Majority | None]) -> dict[int, Suspicion]:
        asked = [(at, one) for at, one in enumerate(majorities) if one is not None]
        items = [
            {**about(chunk[at].row), "reference": chunk[at].row["reference"], "response": boxed(one.answer)}
            for at, one in asked
        ]
        results = self._client.verify(items, opinions=True) if items else []
        said = {at: _suspicion(result) for (at, _), result in zip(asked, results, strict=True)}
        return {at: suspicion for at, suspicion in said.items() if suspicion is not None}


def about(row: Row) -> dict[str, Any]:
    """What the service is told of a question beside reference and response."""
    return {name: row[name] for name in ABOUT if row.get(name) is not None}


def pass_rate(rewards: Sequence[float]) -> float:
    """The share of right ones among decided responses."""
    return sum(reward == 1.0 for reward in rewards) / len(rewards)


def _own(row: Row) -> list[str] | str:
    given = row.get("responses") or []
    if isinstance(given, list) and all(isinstance(text, str) for text in given):
        return list(given)
    return "responses: must be a list of texts"


def _measured(rewards: Sequence[float], responses: int) -> Row:
    rate = pass_rate(rewards) if rewards else None
    return {"pass_rate": rate, "decided": len(rewards), "samples": responses}


def _votes(results: Sequence[VerifyResult]) -> Counter[str]:
    """Votes for each refused answer as it is written, the most frequent first."""
    refused = [result.answer for result in results if result.outcome is Outcome.INCORRECT and result.answer]
    forms = {canonical(answer): answer for answer in reversed(refused)}
    counted = Counter(forms[canonical(answer)] for answer in refused)
    return Counter(dict(counted.most_common()))


def _majority(votes: Counter[str], results: Sequence[VerifyResult]) -> Majority | None:
    decided = sum(result.reward is not None for result in results)
    if not votes:
        return None
    answer, count = votes.most_common(1)[0]
    return Majority(answer, count, decided) if count >= MIN_VOTES and count > MAJORITY * decided else None


def _suspicion(result: VerifyResult) -> Suspicion | None:
    if result.model is None or result.model.outcome is Outcome.UNDECIDABLE:
        return Suspicion.UNCONFIRMED
    return None if result.model.outcome is Outcome.CORRECT else Suspicion.CONFIRMED


def report(counts: Mapping[str, float]) -> dict[str, Any]:
    """For the card: the pass rate over all decided responses; None without any."""
    decided = counts.get("responses", 0) - counts.get("undecided responses", 0)
    return {"pass_rate": counts.get("right", 0) / decided if decided else None}
