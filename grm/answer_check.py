"""The model verifier's question: does this answer say the same as the reference? Read as a probability, not as prose."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Reading:
    """How one check was read. `accepts` is None when the model's labels carried too little probability to tell.

    `yes` is P(yes) / (P(yes) + P(no)); `label_mass` is P(yes) + P(no), both in [0, 1].
    """

    accepts: bool | None
    yes: float
    label_mass: float
    reason: str
