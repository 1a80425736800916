"""What protocols and the driver pass to each other: Ask out, Vote or Unread back, and the Policy over both.

Rule 1: a protocol asks and reads; it never waits, retries or knows a server.
Rule 2: one reply gives a Vote for every candidate that it was shown, or it is Unread as a whole.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from grm.backend import Message, Reply
from grm.dialects import Thinking
from grm.judgement import Case, CriterionScore, ProcessError, Reason

SCALE = 9
"""Judges score 0 to 9: one digit is one token, so an expected score can be read from its probabilities."""


@dataclass(frozen=True, slots=True)
class Policy:
    """How much is asked and when a number counts. Frozen, and part of every cache key."""

    votes: int = 2
    """Readings at first. With one vote, temperature 0; further votes are sampled."""
    max_votes: int = 5
    """The cap. More than `votes` are asked for only while they differ by more than `spread`."""
    spread: float = 2 / SCALE
    """Two points of the scale: below it, readings agree."""
    temperature: float = 0.6
    top_p: float = 0.95
    seed: int = 0
    process_weight: float = 0.3
    """How much of a right outcome a worthless process takes away."""
    process_floor: float = 1 / 3
    """A process below this supports nothing: its outcome counts only in proportion."""
    criterion_bar: float = 0.5
    """An essential criterion below it, or a pitfall above it, gates the outcome."""
    label_threshold: float = 0.8
    min_label_mass: float = 0.5
    low_agreement: float = 0.25
    """Below it the readings contradict each other, and there is no score."""
    noise_factor: float = 1.0
    """A group whose spread is below this many standard deviations of its votes gets equal rewards."""
    gate: bool = True
    """Off for controls only: they must reach the model."""
    repair: bool = True
    max_tokens: int = 2_048
    thinking: Thinking = Thinking.OFF
    """Labels and repairs are never thought about, whatever stands here."""
    thinking_tokens: int = 8_192
    """On top of `max_tokens`; a judge that is still thinking then is cut short, and unread."""
    max_question_chars: int = 16_384
    max_reference_chars: int = 16_384
    max_response_chars: int = 32_768
    max_answer_chars: int = 512
    """A final answer is short; what is longer goes to the label protocol by its end only."""

    def __post_init__(self) -> None:
        if not 1 <= self.votes <= self.max_votes <= 9:
            raise ValueError(f"1 <= votes <= max_votes <= 9 must hold, not {self.votes} and {self.max_votes}")
        for name in ("process_weight", "process_floor", "criterion_bar", "min_label_mass", "low_agreement"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must lie in [0, 1], not {getattr(self, name)}")
        if not 0.5 <= self.label_threshold <= 1.0:
            raise ValueError(f"label_threshold must lie between 0.5 and 1, not {self.label_threshold}")


@dataclass(frozen=True, slots=True)
class Ask:
    """One question to the model. `shown` are positions in the case's candidates, in the order shown."""

    shown: tuple[int, ...]
    messages: tuple[Message, ...]
    vote: int
    max_tokens: int
    temperature: float = 0.0
    seed: int = 0
    top_logprobs: int = 0
    schema: Mapping[str, Any] | None = None
    choices: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    """What the candidates are called in the prompt."""
    swapped: bool = False
    """Whether the two sides of a comparison stand the other way round."""
    chunk: int = 0


@dataclass(frozen=True, slots=True)
class Unread:
    """A reply or call that gives nothing. `said` is the judge's own text, where a repair can be tried on it;
    `label_mass` is what was too little, where that was measured.
    """

    reason: Reason
    detail: str
    said: str = ""
    label_mass: float | None = None


@dataclass(frozen=True, slots=True)
class Vote:
    """What one reply says of one candidate, in [0, 1]. `sharpness` is 1 where the digit's probabilities have one
    peak and 0 where they are spread widest; None where there are none.
    """

    outcome: float | None = None
    process: float | None = None
    criteria: tuple[CriterionScore, ...] = ()
    errors: tuple[ProcessError, ...] = ()
    first_wrong_step: int | None = None
    sharpness: float | None = None
    label_mass: float | None = None
    founded: float = 1.0
    """Share of the quotes that are in the response."""
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """One question and what came of it: a vote per candidate shown, or Unread."""

    ask: Ask
    result: Mapping[int, Vote] | Unread

    @property
    def votes(self) -> Mapping[int, Vote]:
        """The votes; none where it was unread."""
        return {} if isinstance(self.result, Unread) else self.result


class JudgeProtocol(Protocol):
    """What a protocol module offers."""

    @property
    def PROMPT_VERSION(self) -> str:  # noqa: N802 - a module's constant
        """Raised with every change of wording, schema or reading: part of every cache key."""

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802 - a module's constant
        """One line for people who choose a protocol."""

    @property
    def CANDIDATES(self) -> tuple[int, int]:  # noqa: N802 - a module's constant
        """The fewest and the most candidates that it judges."""

    def asks(self, case: Case, so_far: Sequence[Reading], policy: Policy) -> tuple[Ask, ...]:
        """What to ask next, given what was read; nothing when it is enough. Failed asks count as asked."""

    def read(self, case: Case, ask: Ask, reply: Reply, policy: Policy) -> Mapping[int, Vote] | Unread:
        """What one reply says."""

    def combine(self, case: Case, readings: Sequence[Reading], policy: Policy) -> Mapping[int, Sequence[Vote]]:
        """The votes of each candidate, on one scale, ready for the median. A candidate may be missing."""
