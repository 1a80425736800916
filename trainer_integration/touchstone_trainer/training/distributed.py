"""One process or several on one machine: FSDP2 for the weights, one plan for all.

Rule 1: every process knows the whole step. Responses, rewards and log-probabilities are exchanged, so masks,
        denominators and choices are made from the same numbers everywhere; only forward and backward passes are split.
Rule 2: gradients are summed over processes, never averaged: the loss is already divided by the step's denominator.
Rule 3: every process makes the same number of passes. Where rows run out, a pass without weight keeps the others going.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.distributed.fsdp import FSDPModule, fully_shard

T = TypeVar("T")


@dataclass(frozen=True)
class Processes:
    """Which process this is, and how many there are."""

    rank: int
    count: int
    device: torch.device

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and speaks to the user."""
        return self.rank == 0

    def share(self, items: Sequence[T]) -> list[T]:
        """The part of this process: every count-th item."""
        return list(items[self.rank :: self.count])

    def exchange(self, part: Sequence[T]) -> list[T]:
        """All items from everybody's `share`, in the order they had before."""
        if self.count == 1:
            return list(part)
        parts: list[Any] = [None] * self.count
        dist.all_gather_object(parts, list(part))
        return [parts[place % self.count][place // self.count] for place in range(sum(map(len, parts)))]

    def passes(self, rows: Sequence[int], size: int) -> list[list[int]]:
        """The rows of this process in micro-batches; empty ones at the end where others have more."""
        mine = self.share(rows)
        longest = -(-len(rows) // self.count)
        return [mine[start : start + size] for start in range(0, longest, size)]

    def wait(self) -> None:
        """Until all are here."""
        if self.count > 1:
            dist.barrier()


@contextmanager
def processes(device: str = "auto") -> Iterator[Processes]:
    """The processes that torchrun or accelerate started; one alone without them."""
    count = int(os.environ.get("WORLD_SIZE", "1"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    kind = ("cuda" if torch.cuda.is_available() else "cpu") if device == "auto" else device
    where = torch.device(kind, local) if kind == "cuda" else torch.device(kind)
    if count == 1:
        yield Processes(0, 1, where)
        return
    if kind == "cuda":
        torch.cuda.set_device(where)
    # gloo carries what is exchanged as objects, also where nccl carries tensors.
    dist.init_process_group("cpu:gloo,cuda:nccl" if kind == "cuda" else "gloo")
    try:
        yield Processes(dist.get_rank(), count, where)
    finally:
        dist.destroy_process_group()


def shard(model: nn.Module, among: Processes) -> None:
    """Split the weights over the processes, layer by layer (FSDP2). Alone, nothing changes."""
    if among.count == 1:
        return
    blocks = set(getattr(model, "_no_split_modules", None) or ())
    for module in [part for part in model.modules() if type(part).__name__ in blocks]:
        fully_shard(module)
    fully_shard(model)


def reshard(model: nn.Module) -> None:
    """Back to shards, which a pass without gradients leaves open: parameters are what the optimizer knows again."""
    for module in model.modules():
        if isinstance(module, FSDPModule):
            module.reshard()


@contextmanager
def gathered(model: nn.Module) -> Iterator[None]:
    """Within the block each process holds all weights and may run passes of its own number and length."""
    parts = [module for module in model.modules() if isinstance(module, FSDPModule)]
    for part in parts:
        part.set_reshard_after_forward(False, recurse=False)
        part.unshard()
    try:
        yield
    finally:
        for part in parts:
            part.reshard()
            # The outermost module is needed again as the backward pass begins: FSDP2 itself keeps it gathered.
            part.set_reshard_after_forward(part is not model, recurse=False)
