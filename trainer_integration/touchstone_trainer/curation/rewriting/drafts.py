"""What the steps of rewriting hand on: a question to check, or the reason why there is none."""

from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """Why a question is dropped. `MODEL_MAY` are those that a model may still turn into an open question."""

    NEEDS_FIGURE = "needs_figure"
    OPTIONS_MISSING = "options_missing"
    OPTIONS_UNCLEAR = "options_not_readable"
    GOLD_NOT_AN_OPTION = "gold_not_an_option"
    GOLD_AMBIGUOUS = "gold_is_text_or_index"
    OPTIONS_REFER = "options_refer_to_each_other"
    NO_STEM = "no_stem"
    NEEDS_OPTIONS = "needs_the_options"
    NOT_UNIQUE = "answer_not_unique"
    APPROXIMATE = "approximate_answer"
    IS_A_FORM = "answer_is_another_form"
    TEXT_OPTIONS = "options_are_texts"
    NO_QUESTION = "stem_asks_nothing"
    FALSE_CLAIM = "false_claim_has_no_value"
    NO_VALUE = "claim_has_no_value"
    LABEL_LEFT = "label_left"
    OPTIONS_MENTIONED = "options_mentioned"
    GOLD_LEAKED = "gold_leaked"
    NUMBER_LOST = "number_lost"
    BECAME_PROOF = "became_a_proof"
    GOLD_REFUSED = "gold_not_accepted"
    DISTRACTOR_ACCEPTED = "distractor_accepted"
    UNDECIDED = "verifier_undecided"
    MODEL_DECLINED = "model_declined"
    MODEL_REFUSED = "model_server_refused"
    UNSOLVED = "no_attempt_agreed"


MODEL_MAY = frozenset(
    {
        Reason.NEEDS_OPTIONS,
        Reason.NOT_UNIQUE,
        Reason.APPROXIMATE,
        Reason.TEXT_OPTIONS,
        Reason.NO_QUESTION,
        Reason.NO_VALUE,
    }
)


@dataclass(frozen=True)
class Draft:
    """An open question, not yet checked.

    `old` is the text it was made of, without options and without the value that a claim states. `tasks` are the
    verifiers that may compare its answer, tried in order; `wrong` answers must be refused by the one that is taken.
    """

    old: str
    question: str
    references: tuple[str, ...]
    wrong: tuple[str, ...]
    tasks: tuple[str, ...]
    how: str


@dataclass(frozen=True)
class Refusal:
    """No open question, and why."""

    reason: Reason
