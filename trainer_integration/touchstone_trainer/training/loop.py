"""The run: collect, train, record, save, until the plan ends.

Rule 1: everything that lasts is made here, in one place, and closed in the opposite order.
Rule 2: a step's record is written before its checkpoint: resumed, the curve is cut back to the checkpoint and goes on.
Rule 3: every process takes the same decisions from the same numbers; only the first writes and speaks.
"""

import functools
import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass

from touchstone_client import Client
from touchstone_trainer.curriculum import Curriculum, PhaseChange, StepStats
from touchstone_trainer.metrics import JsonlSink, Sink, StepRecord
from touchstone_trainer.metrics.console import ConsoleSink
from touchstone_trainer.metrics.tensorboard import TensorBoardSink
from touchstone_trainer.mixing import RewardKind
from touchstone_trainer.rewards import PATIENT, Scorer, stats
from touchstone_trainer.training.checkpoint import CheckpointError, Checkpoints, Saved, publish
from touchstone_trainer.training.collect import Batch, Collector
from touchstone_trainer.training.config import ConfigError, RunConfig
from touchstone_trainer.training.data import Rows
from touchstone_trainer.training.distributed import Processes, processes, shard
from touchstone_trainer.training.policy import Policy, frozen_copy, load_policy
from touchstone_trainer.training.report import step_record
from touchstone_trainer.training.rollouts.completion import Rollouts
from touchstone_trainer.training.rollouts.local import LocalRollouts
from touchstone_trainer.training.rollouts.server import ServerRollouts
from touchstone_trainer.training.step import Learner

log = logging.getLogger(__name__)

START_WAIT_S = 60.0  # seconds for a service that starts beside the run
POLICY_FOLDER = "policy"  # in a run's folder: the trained weights, as transformers reads them
SERVED_FOLDER = "served"  # and the weights that a rollout server is told to load
MAY_CHANGE = frozenset({"folder", "rewards", "checkpoint"})
"""Sections that a resumed run may have otherwise: they decide no sample and no update."""


class RunStopped(RuntimeError):
    """The run cannot go on usefully; its last checkpoint is whole. The message says what to look at."""


def run(config: RunConfig, *, resume: bool = False, quiet: bool = False) -> None:
    """Train by the configuration, from the start or from the last checkpoint in its folder."""
    with ExitStack() as opened:
        among = opened.enter_context(processes(config.policy.device))
        check_service(config)
        trainer = opened.enter_context(_trainer(config, among, resume=resume))
        sinks = [opened.enter_context(closing(sink)) for sink in _sinks(config, trainer, resume=resume, quiet=quiet)]
        while not trainer.curriculum.finished:
            record = trainer.step()
            for sink in sinks:
                sink.write(record)
            trainer.save_if_due(record.step)
        publish(trainer.learner.policy, config.folder / POLICY_FOLDER, among)


@dataclass
class Trainer:
    """One run's parts, and the steps it takes."""

    config: RunConfig
    among: Processes
    curriculum: Curriculum
    learner: Learner
    collector: Collector
    checkpoints: Checkpoints

    @property
    def done(self) -> int:
        """Steps done."""
        return self.curriculum.state().step

    def step(self) -> StepRecord:
        """One batch: rows drawn, responses paid, weights changed."""
        step, phase, shares = self.done + 1, self.curriculum.phase.name, dict(self.curriculum.shares)
        batch = self.collector.collect(self.curriculum, step)
        self._check_rewards(batch, step)
        started = time.monotonic()
        # A batch without a living group is still looked at, for its entropy and its masks; it changes no weight.
        trained = self.learner.train(batch.kept or batch.generated, step - 1)
        self.collector.policy_changed()
        training_s = time.monotonic() - started
        for reason in [update.skipped for update in trained.updates if update.skipped is not None]:
            self._tell(f"step {step}: an update was skipped: {reason}")
        due = step % self.config.evaluation.every_steps == 0
        held_out = self.collector.evaluate(self.curriculum, step) if due else {}
        change = self.curriculum.step_done(StepStats(held_out=held_out or None))
        if change is not None:
            self._enter(change, step)
        return step_record(step, phase, batch, trained, shares=shares, held_out=held_out, training_s=training_s)

    def save_if_due(self, step: int) -> None:
        """A checkpoint every so many steps, and one at the end."""
        if step % self.config.checkpoint.every_steps == 0 or self.curriculum.finished:
            state = self.curriculum.state().model_dump(mode="json")
            saved = Saved(step, self.config.model_dump(mode="json"), state, self.learner.steps_since_reset)
            self.checkpoints.save(saved, self.learner)

    def resume(self) -> None:
        """Go on from the newest checkpoint; from the start where there is none yet.

        Raises:
            CheckpointError: it belongs to a run with other settings.

        """
        if (newest := self.checkpoints.newest()) is None:
            return
        saved = self.checkpoints.load(newest, self.learner)
        # Read again: a setting that is newer than the checkpoint had its default.
        now, then = (one.model_dump(mode="json") for one in (self.config, RunConfig.parse(saved.config)))
        if changed := sorted(name for name in now if name not in MAY_CHANGE and now[name] != then[name]):
            raise CheckpointError(
                f"{newest} was saved with other settings of {', '.join(changed)}: resume with the same ones, "
                "or start another run in a folder of its own"
            )
        self.curriculum.restore(saved.curriculum)
        self.collector.policy_changed()

    def _enter(self, change: PhaseChange, step: int) -> None:
        self._tell(f"phase {change.done} is over after step {step}: {change.reason}")
        if change.reset_optimizer:
            self.learner.forget_moments()
        if change.reset_reference:
            self.learner.renew_reference()

    def _tell(self, message: str) -> None:
        if self.among.first:
            log.warning(message)

    def _check_rewards(self, batch: Batch, step: int) -> None:
        paid = stats([one.scored for one in batch.generated], 0.0)
        if paid.undecided_share > self.config.rewards.max_undecided_share:
            why = ", ".join(f"{reason} ({count})" for reason, count in paid.undecided_by.items())
            raise RunStopped(
                f"step {step}: {paid.undecided_share:.0%} of the rewards are missing: {why}. Look at the service, then "
                "--resume; rewards.max_undecided_share is where this stops a run"
            )


def check_service(config: RunConfig) -> None:
    """Ask the service what it pays for, before anything is loaded; one that is just starting is waited for.

    Raises:
        TouchstoneError: nobody answers there, or the key is wrong.
        ConfigError: the service cannot pay for a domain.

    """
    rewards = config.rewards
    patience = min(START_WAIT_S, rewards.deadline_s)
    with Client(rewards.url, api_key=rewards.api_key, deadline_s=patience, retry=PATIENT) as client:
        if not client.healthy():
            log.warning("nothing answers at %s yet: waiting for the service up to %.0f s", rewards.url, patience)
        known = {task.name for task in client.tasks()}
    for phase in config.plan.phases:
        for name, domain in phase.domains.items():
            if domain.kind is not RewardKind.JUDGE and domain.task not in known:
                raise ConfigError(
                    f"plan: domain {name!r} has task {domain.task!r}, which {rewards.url} does not have; it has "
                    f"{', '.join(sorted(known))}"
                )


@contextmanager
def _trainer(config: RunConfig, among: Processes, *, resume: bool) -> Iterator[Trainer]:
    policy = load_policy(config.policy, temperature=config.rollouts.temperature, seed=config.seed, device=among.device)
    reference = frozen_copy(policy.model) if config.loss.kl_weight > 0 else None
    for model in (policy.model, reference):
        if model is not None:
            shard(model, among)
    rows = Rows(config, policy)
    rewards = config.rewards
    with (
        Client(rewards.url, api_key=rewards.api_key, deadline_s=rewards.deadline_s, retry=PATIENT) as client,
        closing(_rollouts(config, policy, rows, among)) as rollouts,
        closing(
            Collector(
                config, rows, rollouts, Scorer(client, recall=rewards.recall, deadline_s=rewards.deadline_s), among
            )
        ) as collector,
    ):
        checkpoints = Checkpoints(config.folder, keep=config.checkpoint.keep, among=among)
        learner = Learner(config, policy, reference, among)
        trainer = Trainer(config, among, Curriculum(config.plan, rows.counts), learner, collector, checkpoints)
        if resume:
            trainer.resume()
        elif checkpoints.newest() is not None:
            raise CheckpointError(f"{config.folder} has checkpoints already: resume that run, or choose another folder")
        yield trainer


def _rollouts(config: RunConfig, policy: Policy, rows: Rows, among: Processes) -> Rollouts:
    """The engine that the configuration names."""
    settings = config.rollouts
    if settings.server is None:
        return LocalRollouts(
            policy, max_new_tokens=settings.max_new_tokens, rows_at_once=settings.rows_at_once, streak=settings.streak
        )
    folder = config.folder / SERVED_FOLDER
    fresh = functools.partial(publish, policy, folder, among)
    engine = ServerRollouts(policy, settings, settings.server, fresh, first=among.first)
    engine.check(rows.prompt(next(iter(config.plan.domains)), 0))
    return engine


def _sinks(config: RunConfig, trainer: Trainer, *, resume: bool, quiet: bool) -> Sequence[Sink]:
    if not trainer.among.first:
        return []
    resume_at = trainer.done if resume else None
    sinks: list[Sink] = [
        JsonlSink(config.folder, resume_at=resume_at),
        TensorBoardSink(config.folder, resume_at=resume_at),
    ]
    steps = [phase.steps for phase in config.plan.phases]
    total = sum(count for count in steps if count is not None) if None not in steps else None
    return sinks if quiet else [*sinks, ConsoleSink(total, done=trainer.done)]
