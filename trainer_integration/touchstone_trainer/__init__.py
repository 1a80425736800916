"""Trainer side of the Touchstone reward service."""

from touchstone_trainer.rewards import Reference, Route, Sample, Scored, Scorer, Stats

__all__ = ["Reference", "Route", "Sample", "Scored", "Scorer", "Stats"]
