"""A chunk of rows through ConCISE. Every row ends in one of these ways:

shortened            the verifier accepts the shorter response: a row to train on, and a preference pair
not_shorter          nothing to leave out
answer_lost          the shorter response no longer gives the right answer
gave_up              the model came to no end within the steps allowed
original_incorrect   the response to shorten was wrong, or not readable: nothing to learn from
undecided            the service could not tell, of the original or of the shorter one
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

from touchstone_client import Client
from touchstone_trainer.curation.concise.generator import CHAT, ServerGenerator
from touchstone_trainer.curation.concise.settings import ConciseSettings
from touchstone_trainer.curation.concise.shorten import Chain, Shortening
from touchstone_trainer.curation.concise.steps import split
from touchstone_trainer.curation.model_server import ModelServer
from touchstone_trainer.curation.problems import Refused
from touchstone_trainer.curation.rows import Found, Row, Unusable
from touchstone_trainer.curation.stage import Done

VERIFIED = ("task", "question", "reference", "options")
PAIRED = ("id", "task", "reference", "domain")


SHORTENED = "shortened"
GAVE_UP = "gave_up"

T = TypeVar("T")


@dataclass(frozen=True)
class Attempt:
    """A response and what ConCISE made of it, with the tokens of both."""

    found: Found
    original: str
    chain: Chain
    before: int
    after: int

    def outcome(self, reward: float | None) -> str:
        """What became of it, once the shorter response was verified."""
        if reward is None:
            return "undecided"
        if reward < 1.0:
            return "answer_lost"
        return SHORTENED if self.after < self.before else "not_shorter"

    def sums(self, outcome: str) -> dict[str, int]:
        """What it adds to the counts."""
        chain = self.chain
        sums = {outcome: 1, "injected": chain.injected, "probes": chain.probes}
        sums["stopped_early"] = int(chain.stopped_early)
        sums["probe_unreadable"] = int(chain.probes > 0 and chain.confidence is None)
        return sums | ({"tokens_before": self.before, "tokens_after": self.after} if outcome == SHORTENED else {})

    def row(self) -> Row:
        """A row to train on."""
        chain = self.chain
        about = {"original_tokens": self.before, "tokens": self.after, "injected": chain.injected}
        about |= {"stopped_early": chain.stopped_early}
        return self.found.row | {"response": chain.text, **about, "confidence": chain.confidence}

    def pair(self) -> Row:
        """A preference for the shorter one."""
        kept = {name: value for name, value in self.found.row.items() if name in PAIRED}
        return kept | {"prompt": self.found.row["question"], "chosen": self.chain.text, "rejected": self.original}


class Compressor:
    """Shortens the responses of chunks."""

    def __init__(
        self, client: Client, server: ModelServer, settings: ConciseSettings, *, template: str = CHAT, seed: int = 0
    ) -> None:
        self._client, self._server, self._settings = client, server, settings
        self._template, self._seed = template, seed

    def __call__(self, chunk: Sequence[Found]) -> Done:
        """Every row of the chunk, with what became of it counted."""
        done = Done()
        given = self._taken(done, chunk, self._server.map(self._original, chunk))
        rewards = self._rewards(given)
        done.counts["original_incorrect"] = sum(reward is not None and reward < 1.0 for reward in rewards)
        done.counts["undecided"] = rewards.count(None)
        right = [one for one, reward in zip(given, rewards, strict=True) if reward == 1.0]
        tried = self._taken(done, [found for found, _ in right], self._server.map(self._tried, right))
        done.counts["attempted"] = len(tried)
        ended = [attempt for _, attempt in tried if not attempt.chain.gave_up]
        verdicts = iter(self._rewards([(one.found, one.chain.text) for one in ended]))
        for _, one in tried:
            outcome = GAVE_UP if one.chain.gave_up else one.outcome(next(verdicts))
            done.counts.update(one.sums(outcome))
            if outcome == SHORTENED:
                done.put("rows", one.row())
                done.put("pairs", one.pair())
        return done

    def _taken(self, done: Done, chunk: Sequence[Found], results: Sequence[T | Refused]) -> list[tuple[Found, T]]:
        """The rows that the server took, each with its result; the others are unusable."""
        pairs = list(zip(chunk, results, strict=True))
        done.unusable += [Unusable(row.index, row.place, str(said)) for row, said in pairs if isinstance(said, Refused)]
        return [(row, result) for row, result in pairs if not isinstance(result, Refused)]

    def _generator(self, found: Found) -> ServerGenerator:
        return ServerGenerator(self._server, found.row["question"], self._template, self._settings.temperature)

    def _original(self, found: Found) -> str:
        given: str | None = found.row.get("response")
        return given or self._generator(found).continue_("", (), self._settings.response_tokens).text

    def _tried(self, given: tuple[Found, str]) -> Attempt:
        found, original = given
        generator = self._generator(found)
        # By the row's own number, not by order: the same draw however often the job is interrupted.
        random = Random(f"{self._seed}/{found.index}")
        wording = self._settings.wording(found.row["question"])
        chain = Shortening(generator, self._settings, wording, random)(split(original))
        return Attempt(found, original, chain, generator.tokens(original), generator.tokens(chain.text))

    def _rewards(self, given: Sequence[tuple[Found, str]]) -> list[float | None]:
        items = [
            {name: found.row[name] for name in VERIFIED if found.row.get(name) is not None} | {"response": response}
            for found, response in given
        ]
        return [result.reward for result in self._client.verify(items)]


def report(counts: Mapping[str, float]) -> dict[str, Any]:
    """Shares for the card: answers preserved of those attempted, length of what was kept; None where there is none."""
    kept, attempted = counts.get(SHORTENED, 0), counts.get("attempted", 0)
    before, after = counts.get("tokens_before", 0), counts.get("tokens_after", 0)
    preserved = kept + counts.get("not_shorter", 0)
    return {
        "concise": {
            "answers_preserved": preserved / attempted if attempted else None,
            "length_ratio": after / before if before else None,
            "tokens_saved": before - after,
        }
    }
