"""A step record as named figures: the names that TensorBoard shows and the plots draw.

Rule 1: `group/name`, one unit a group. Shares are fractions of 1, lengths tokens, entropy and KL nats a token.
Rule 2: a figure that is None has no entry, so that a curve has a gap there and not a zero.
"""

from collections.abc import Iterator

from touchstone_trainer.metrics.record import Counts, StepRecord

ALL = "all domains"


def figures(record: StepRecord) -> dict[str, float]:
    """Every figure of a step that was measured.

    >>> from touchstone_trainer.metrics.record import DomainStats
    >>> record = StepRecord(step=1, phase="math", domains={"math": DomainStats(responses=4, scored=0)})
    >>> shown = figures(record)
    >>> shown["undecided/all"], "reward/math" in shown, "loss" in shown
    (0.0, False, False)
    """
    return {name: float(value) for name, value in _all(record) if value is not None}


def group(name: str) -> str:
    """The group of a figure's name."""
    return name.partition("/")[0]


def _all(record: StepRecord) -> Iterator[tuple[str, float | None]]:
    yield from _domains(record)
    yield from _shares("decided_by", record.decided_by, record.responses)
    yield from _shares("outcome", record.outcomes, record.responses)
    yield "undecided/all", record.undecided_share
    yield from _shares("undecided", record.undecided, record.responses)
    yield "rescued", record.rescued_share
    yield from _shares("masked_sequences", record.masked_sequences, record.responses)
    yield from _shares("masked_tokens", record.masked_tokens, record.tokens)
    yield from _shares("penalised_tokens", record.penalised_tokens, record.tokens)
    for name, added in record.shaping.items():
        yield f"shaping/{name}", added
    for name in ("loss", "entropy", "kl", "clip_fraction", "learning_rate", "grad_norm"):
        yield name, getattr(record, name)
    for name, ratio in record.ratio:
        yield f"ratio/{name}", ratio
    for name, length in record.lengths:
        yield f"length/{name}", length
    yield "tokens/generated", record.tokens
    yield "tokens/in the loss", record.loss_tokens
    yield "tokens/saved", record.tokens_saved
    for name, seconds in record.seconds:
        yield f"seconds/{name}", seconds


def _domains(record: StepRecord) -> Iterator[tuple[str, float | None]]:
    yield f"reward/{ALL}", record.reward_mean
    yield f"dead_groups/{ALL}", record.dead_share
    for domain, stats in record.domains.items():
        yield f"reward/{domain}", stats.reward_mean
        yield f"reward_std/{domain}", stats.reward_std
        yield f"refilled/{domain}", stats.refilled
        if stats.groups:
            yield f"dead_groups/{domain}", stats.dead_groups / stats.groups
        if record.responses:
            yield f"batch/{domain}", stats.responses / record.responses
    for domain, share in record.shares.items():
        yield f"wanted/{domain}", share
    for domain, score in record.held_out.items():
        yield f"held_out/{domain}", score


def _shares(name: str, counts: Counts, of: int) -> Iterator[tuple[str, float | None]]:
    for cause, count in counts.items():
        yield f"{name}/{cause}", count / of if of else None
