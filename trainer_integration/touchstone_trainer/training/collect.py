"""One step's batch: draw rows, sample groups, have them paid, and draw again where a group taught nothing.

Rule 1: rewards come from the service alone. They are asked for while the next responses are generated.
Rule 2: a group counts as alive by the raw rewards, before any length or shaping term could fake a spread.
Rule 3: refills stay in their domain, and rewards are reported over everything that was generated: what is kept is
        chosen for its spread, and its mean says little about the policy.
"""

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from touchstone_trainer.curriculum import Curriculum, Draw
from touchstone_trainer.mixing import Phase, RewardKind
from touchstone_trainer.rewards import Route, Sample, Scored, Scorer
from touchstone_trainer.training.config import RunConfig
from touchstone_trainer.training.data import Rows
from touchstone_trainer.training.distributed import Processes
from touchstone_trainer.training.experience import Experience, by_group, spread
from touchstone_trainer.training.rollouts.completion import Completion, Request, Rollouts

log = logging.getLogger(__name__)

TELL_AFTER_S = 20.0  # seconds; a batch with a judge in it takes that long on a good day
SCORING_THREADS = 4
"""Reward requests in flight: the client spreads each over connections of its own."""


@dataclass(frozen=True)
class Batch:
    """One step's responses: those kept for the loss, and all that were generated."""

    kept: list[Experience]
    generated: list[Experience]
    refilled: Counter[str]
    generating_s: float
    waiting_s: float


@dataclass(frozen=True)
class _Ask:
    """How responses are asked for: `size` to a row, groups numbered from `first_group`."""

    step: int
    size: int
    first_group: int = 0
    greedy: bool = False


class Collector:
    """Generates and scores, on every process its share."""

    def __init__(self, config: RunConfig, rows: Rows, rollouts: Rollouts, scorer: Scorer, among: Processes) -> None:
        self._config = config
        self._rows = rows
        self._rollouts = rollouts
        self._scorer = scorer
        self._among = among
        self._threads = ThreadPoolExecutor(SCORING_THREADS, thread_name_prefix="rewards")
        self._generating_s = self._waiting_s = 0.0

    def close(self) -> None:
        """End the reward threads."""
        self._threads.shutdown(cancel_futures=True)

    def policy_changed(self) -> None:
        """Passed on to the engine."""
        self._rollouts.policy_changed()

    def collect(self, curriculum: Curriculum, step: int) -> Batch:
        """The batch of a step; fewer groups than wanted where `max_generation_batches` did not suffice."""
        settings = self._config.rollouts
        self._generating_s = self._waiting_s = 0.0
        pending: Sequence[Draw] = curriculum.draw(settings.prompts_per_step)
        kept: list[Experience] = []
        generated: list[Experience] = []
        refilled: Counter[str] = Counter()
        for batch in range(settings.max_generation_batches):
            first = len(generated) // settings.group_size
            new = self._sampled(curriculum.phase, pending, _Ask(step, settings.group_size, first))
            generated += new
            dead: Counter[str] = Counter()
            for group in by_group(new).values():
                if not settings.dynamic_sampling or self._alive(group):
                    kept += group
                else:
                    dead[group[0].draw.domain] += 1
            if not dead or batch == settings.max_generation_batches - 1:
                break
            pending = [draw for domain, count in dead.items() for draw in curriculum.refill(domain, count)]
            refilled += Counter(draw.domain for draw in pending)
        return Batch(kept, generated, refilled, self._generating_s, self._waiting_s)

    def evaluate(self, curriculum: Curriculum, step: int) -> dict[str, float | None]:
        """Mean reward of greedy responses to held-out rows, by domain of the phase; None where none was decided."""
        limit = self._config.evaluation.max_rows_per_domain
        phase = curriculum.phase
        draws = [Draw(name, row, 0) for name in phase.domains for row in curriculum.held_out(name)[:limit]]
        found = self._sampled(phase, draws, _Ask(step, size=1, greedy=True)) if draws else []
        paid: dict[str, list[float]] = {one.draw.domain: [] for one in found}
        for one in found:
            if one.scored.reward is not None:
                paid[one.draw.domain].append(one.scored.reward)
        return {name: sum(rewards) / len(rewards) if rewards else None for name, rewards in paid.items()}

    def _alive(self, group: Sequence[Experience]) -> bool:
        return spread([one.reward(self._config.loss) for one in group])

    def _sampled(self, phase: Phase, draws: Sequence[Draw], ask: _Ask) -> list[Experience]:
        """Groups of scored responses to these rows, the same list on every process."""
        mine = self._among.share(list(enumerate(draws, start=ask.first_group)))
        requests = [
            Request(self._rows.prompt(draw.domain, draw.row), self._seed(draw, ask.step, member))
            for _, draw in mine
            for member in range(ask.size)
        ]
        started = time.monotonic()
        written: list[Completion] = []
        samples: list[tuple[Sample, Route]] = []
        futures: list[Future[list[Scored]]] = []
        for completion in self._rollouts.generate(requests, greedy=ask.greedy):
            group, draw = mine[len(written) // ask.size]
            written.append(completion)
            sample = self._rows.sample(draw.domain, draw.row, completion.text, f"{ask.step}/{group}")
            samples.append((sample, route(phase, draw.domain)))
            # Whole groups only: the judge sees a group's members together.
            whole = len(written) % ask.size == 0
            if len(written) == len(requests) or (whole and len(samples) >= self._config.rollouts.rows_at_once):
                futures.append(self._threads.submit(self._score, samples, ask.step))
                samples = []
        generated = time.monotonic()
        scored = [one for future in futures for one in self._waited_for(future)]
        self._generating_s += generated - started
        self._waiting_s += time.monotonic() - generated
        groups = [
            [self._experience(*mine[at // ask.size], written[at], scored[at]) for at in range(first, first + ask.size)]
            for first in range(0, len(written), ask.size)
        ]
        return [one for group in self._among.exchange(groups) for one in group]

    def _waited_for(self, future: Future[list[Scored]]) -> list[Scored]:
        """The rewards of one call; who watches hears of a service that lets it wait."""
        started = time.monotonic()
        while not wait([future], TELL_AFTER_S).done:
            waited = time.monotonic() - started
            log.warning("waiting for rewards from %s for %.0f s", self._config.rewards.url, waited)
        return future.result()

    def _score(self, samples: Sequence[tuple[Sample, Route]], step: int) -> list[Scored]:
        found: dict[int, Scored] = {}
        for wanted in {way for _, way in samples}:
            places = [place for place, (_, way) in enumerate(samples) if way == wanted]
            paid = self._scorer.score([samples[place][0] for place in places], route=wanted, step=step)
            found.update(zip(places, paid, strict=True))
        return [found[place] for place in range(len(samples))]

    def _experience(self, group: int, draw: Draw, completion: Completion, scored: Scored) -> Experience:
        prompt_ids = self._rows.prompt(draw.domain, draw.row)
        return Experience(draw, group, self._rows.question(draw.domain, draw.row), prompt_ids, completion, scored)

    def _seed(self, draw: Draw, step: int, member: int) -> int:
        text = f"{self._config.seed}/{step}/{draw.domain}/{draw.row}/{draw.epoch}/{member}"
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=7).digest(), "big")


def route(phase: Phase, domain: str) -> Route:
    """Which of the service's routes pays: the verifier alone, or the reward with a judge in it."""
    return "verify" if phase.domains[domain].kind is RewardKind.VERIFIER else "reward"
