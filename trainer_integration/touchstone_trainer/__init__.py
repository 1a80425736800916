"""Trainer side of the Touchstone reward service."""

from touchstone_trainer.rewards import Reference, Scorer, Stats

__all__ = ["Reference", "Scorer", "Stats"]
