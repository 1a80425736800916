"""The whole state of a run on disk, written so that a kill at any moment leaves the last whole one.

Rule 1: a checkpoint is a folder that appears under its name only when every byte of it is on disk.
Rule 2: it holds everything that decides the next step: weights, moments, reference, curriculum, random states.
Rule 3: weights and moments are whole, not shards: a run may go on with another number of processes.
"""

import json
import os
import random
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)

from touchstone_trainer.training.distributed import Processes
from touchstone_trainer.training.policy import Policy
from touchstone_trainer.training.step import Learner

WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
FOLDER = "checkpoints"  # in a run's folder
NAME = re.compile(r"step-(\d{8})")
TENSORS, REST = "state.pt", "run.json"


class CheckpointError(ValueError):
    """A checkpoint cannot be written, there is none to go on from, or it is not this run's."""


@dataclass(frozen=True)
class Saved:
    """What a checkpoint holds beside tensors."""

    step: int
    config: Mapping[str, Any]
    curriculum: Mapping[str, Any]
    steps_since_reset: int


class Checkpoints:
    """The checkpoints of one run, the newest `keep` of them."""

    def __init__(self, run_dir: Path, *, keep: int, among: Processes) -> None:
        self._folder = run_dir / FOLDER
        self._keep = keep
        self._among = among

    def newest(self) -> Path | None:
        """The last whole checkpoint."""
        return max(self._whole(), default=None)

    def save(self, saved: Saved, learner: Learner) -> None:
        """Write one; every process must call it."""
        tensors = _tensors(learner)
        if self._among.first:
            self._write(saved, tensors)
        self._among.wait()

    def load(self, path: Path, learner: Learner) -> Saved:
        """Put everything back as it was; every process must call it.

        Raises:
            CheckpointError: a file of it is missing or of another model.

        """
        try:
            rest = json.loads((path / REST).read_text(encoding="utf-8"))
            tensors = torch.load(path / TENSORS, map_location="cpu", weights_only=True)
            _put_back(learner, tensors)
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise CheckpointError(f"{path} cannot be loaded: {error}") from error
        _restore_random(rest.pop("random"), tensors["random"])
        learner.steps_since_reset = rest["steps_since_reset"]
        return Saved(**rest)

    def _whole(self) -> list[Path]:
        return [path for path in self._folder.glob("step-*") if NAME.fullmatch(path.name)]

    def _write(self, saved: Saved, tensors: Mapping[str, Any]) -> None:
        final = self._folder / f"step-{saved.step:08d}"
        draft = self._folder / f".{final.name}.{os.getpid()}"
        self._folder.mkdir(parents=True, exist_ok=True)
        for left in self._folder.glob(".step-*"):  # of a process that was killed while writing
            shutil.rmtree(left)
        try:
            _fill(draft, saved, tensors)
        except (OSError, RuntimeError) as error:  # RuntimeError: torch's word for a disk that is full
            shutil.rmtree(draft, ignore_errors=True)
            raise CheckpointError(
                f"step {saved.step} cannot be saved in {self._folder}: {error}. Make room, then --resume: "
                f"{newest.name if (newest := self.newest()) else 'no checkpoint'} is whole"
            ) from error
        if final.exists():  # an older run of this folder was taken back and has come this far again
            shutil.rmtree(final)
        draft.rename(final)
        _folder_to_disk(self._folder)
        for old in sorted(self._whole())[: -self._keep]:
            shutil.rmtree(old)


def _fill(folder: Path, saved: Saved, tensors: Mapping[str, Any]) -> None:
    folder.mkdir()
    with (folder / TENSORS).open("wb") as file:
        torch.save(tensors, file)
        os.fsync(file.fileno())
    with (folder / REST).open("w", encoding="utf-8") as text:
        json.dump({**vars(saved), "random": _random()}, text)
        text.flush()
        os.fsync(text.fileno())


def publish(policy: Policy, folder: Path, among: Processes) -> Path:
    """Write the policy as transformers reads it, with its tokenizer; every process must call it. The folder."""
    state = get_model_state_dict(policy.model, options=WHOLE)
    if among.first:
        draft = folder.with_name(f".{folder.name}.{os.getpid()}")
        kept, policy.model.generation_config = policy.model.generation_config, policy.published
        try:
            policy.model.save_pretrained(draft, state_dict=state)
        finally:
            policy.model.generation_config = kept
        policy.tokenizer.save_pretrained(draft)
        if folder.exists():
            shutil.rmtree(folder)
        draft.rename(folder)
    among.wait()
    return folder


def _tensors(learner: Learner) -> dict[str, Any]:
    model, optimizer = learner.policy.model, learner.optimizer
    return {
        "model": get_model_state_dict(model, options=WHOLE),
        # Asked of an optimizer without moments, torch would make some, and the next step would no longer be the first.
        "optimizer": get_optimizer_state_dict(model, optimizer, options=WHOLE) if optimizer.state else None,
        "reference": None if learner.reference is None else get_model_state_dict(learner.reference, options=WHOLE),
        "random": {"torch": torch.get_rng_state(), "cuda": torch.cuda.get_rng_state_all() if _cuda() else []},
    }


def _put_back(learner: Learner, tensors: Mapping[str, Any]) -> None:
    _load(learner.policy.model, tensors["model"])
    if (tensors["reference"] is None) != (learner.reference is None):
        raise ValueError("it has a reference and the run none, or the other way round: loss.kl_weight has changed")
    if learner.reference is not None:
        _load(learner.reference, tensors["reference"])
    learner.optimizer.state.clear()
    if tensors["optimizer"] is not None:
        set_optimizer_state_dict(learner.policy.model, learner.optimizer, tensors["optimizer"], options=WHOLE)


def _load(model: nn.Module, state: Mapping[str, Any]) -> None:
    set_model_state_dict(model, dict(state), options=WHOLE)


def _random() -> dict[str, Any]:
    version, state, gauss = random.getstate()
    kind, keys, place, has_gauss, cached = np.random.get_state()
    return {
        "python": [version, list(state), gauss],
        "numpy": [kind, np.asarray(keys).tolist(), int(place), int(has_gauss), float(cached)],
    }


def _restore_random(states: Mapping[str, Any], tensors: Mapping[str, Any]) -> None:
    version, state, gauss = states["python"]
    random.setstate((version, tuple(state), gauss))
    kind, keys, place, has_gauss, cached = states["numpy"]
    np.random.set_state((kind, np.array(keys, dtype=np.uint32), place, has_gauss, cached))
    torch.set_rng_state(tensors["torch"])
    if tensors["cuda"] and _cuda():
        torch.cuda.set_rng_state_all(tensors["cuda"])


def _cuda() -> bool:
    return torch.cuda.is_available()


def _folder_to_disk(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
