"""What a reply is expected to decide."""

from dataclasses import dataclass
from enum import StrEnum


class ReplyKind(StrEnum):
    """CHOICE: which candidate, or "tie". PREFERENCE: which, and how clearly ("A>>B", "A>B", "A=B").
    SCORE: one number. SCORES: one number per name. LABEL: yes or no.
    """

    CHOICE = "choice"
    PREFERENCE = "preference"
    SCORE = "score"
    SCORES = "scores"
    LABEL = "label"


@dataclass(frozen=True, slots=True)
class Expected:
    """The kind of verdict, the candidates' names, and the scale.

    `exact` is for judges that were told to write the label and nothing else: the first line that begins with a
    label counts, whatever follows, and a label inside a sentence does not.
    """

    kind: ReplyKind
    names: tuple[str, ...] = ("A", "B")
    low: float = 0.0
    high: float = 10.0
    exact: bool = False


TIE = "tie"
