"""Made-up runs for the metrics tests."""

from typing import Any

from touchstone_trainer.metrics import DomainStats, Lengths, Quantiles, Seconds, StepRecord

SWITCH = 60  # the last step of the first phase


def step(number: int, **changed: Any) -> StepRecord:
    """A small step of one domain."""
    domains = {"math": DomainStats(responses=8, scored=8, reward_mean=0.5)}
    return StepRecord.model_validate({"step": number, "phase": "math", "domains": domains, **changed})


def full_step(number: int) -> StepRecord:
    """A step with a figure in every place, of a run of two phases."""
    mixed = number > SWITCH
    names = ("math", "code", "writing") if mixed else ("math",)
    reward = min(0.9, 0.1 + number / 100)
    return StepRecord(
        step=number,
        phase="mixed" if mixed else "math",
        domains={
            name: DomainStats(
                responses=40, scored=38, reward_mean=reward / order, reward_std=0.3, groups=5, dead_groups=order
            )
            for order, name in enumerate(names, start=1)
        },
        shares={name: 1 / len(names) for name in names},
        held_out=dict.fromkeys(names, reward) if number % 10 == 0 else {},
        decided_by={"rules": 30 * len(names), "model": 8 * len(names), "judge": 2 * len(names)},
        outcomes={"correct": 20 * len(names), "incorrect": 18 * len(names), "undecidable": 2 * len(names)},
        undecided={"model: deadline": len(names), "pool: lost": len(names)},
        rescued=2 * len(names),
        masked_sequences={"truncated": number % 3, "anomaly_drift": number % 2},
        masked_tokens={"icepop": 20, "clip_cov": 4},
        penalised_tokens={"kl_cov": 3},
        shaping={"overlong": -0.02, "brevity": number / 10_000},
        loss=0.01,
        entropy=1.0 / (1 + number / 50),
        kl=number / 1_000,
        ratio=Quantiles(q01=0.9, q50=1.0, q99=1.1, largest=1.6),
        clip_fraction=0.01,
        learning_rate=1e-6,
        grad_norm=0.7 + number % 5 / 10,
        tokens=16_000,
        loss_tokens=15_500,
        tokens_saved=300 if number % 20 == 0 else 0,
        lengths=Lengths(mean=400.0, q50=380.0, q95=900.0, largest=1_024),
        seconds=Seconds(generating=6.0, rewards=1.0, training=3.0),
    )
