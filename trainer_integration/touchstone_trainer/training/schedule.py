"""The learning rate as a function of the step: nothing to save, nothing to restore."""

import math

from touchstone_trainer.training.config import OptimizerConfig


def learning_rate(config: OptimizerConfig, step: int, since_reset: int) -> float:
    """Rate of the step (from 0): linear warm-up after each reset of the moments, times cosine decay over the run.

    >>> decaying = OptimizerConfig(learning_rate=1.0, warmup_steps=4, decay_steps=100, final_share=0.5)
    >>> [round(learning_rate(decaying, step, step), 3) for step in (0, 3, 50, 100, 200)]
    [0.25, 0.999, 0.75, 0.5, 0.5]
    """
    warm = min(1.0, (since_reset + 1) / config.warmup_steps) if config.warmup_steps else 1.0
    if config.decay_steps is None:
        return config.learning_rate * warm
    done = min(1.0, step / config.decay_steps)
    left = config.final_share + (1 - config.final_share) * (1 + math.cos(math.pi * done)) / 2
    return config.learning_rate * warm * left
