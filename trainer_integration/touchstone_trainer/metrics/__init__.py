"""What a run tells of itself: one record a step, and where it goes.

`console` needs rich, `tensorboard` torch and tensorboard, `plot` matplotlib: each is imported by its own name.
"""

from touchstone_trainer.metrics.jsonl import JsonlSink, read_steps
from touchstone_trainer.metrics.record import (
    DomainStats,
    Lengths,
    Mask,
    Quantiles,
    Seconds,
    Sink,
    StepRecord,
)

__all__ = [
    "DomainStats",
    "JsonlSink",
    "Lengths",
    "Mask",
    "Quantiles",
    "Seconds",
    "Sink",
    "StepRecord",
    "read_steps",
]
