"""One reference against one extracted answer: readings, then RULES, then words.

Rule 1: a text with two readings (`1,234`) is accepted under either and refused only under both.
Rule 2: words come last: they decide only where no tree does.
"""

import re
from dataclasses import dataclass

from verifiers.math_answer.context import Context, Hints
from verifiers.math_answer.extraction.claims import claims
from verifiers.math_answer.extraction.extract import Extraction, extract
from verifiers.math_answer.plain import bare, same_plain
from verifiers.math_answer.quantities.calendar_time import moment
from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.numbered import numbered
from verifiers.math_answer.reading.reader import readings
from verifiers.math_answer.reading.render import render
from verifiers.math_answer.rules import Comparison
from verifiers.math_answer.tree import Group, Logic, Node, Seq, SetOf, Text
from verifiers.math_answer.wording.choices import same_choice
from verifiers.math_answer.wording.integer_words import integer_statement
from verifiers.math_answer.wording.words import special

MAX_SHORT_WORDS = 3
MIN_ECHO_CHARS = 4
"""Shorter answers occur in questions by chance."""
_SPACES = re.compile(r"\s+|\\[,;:! ]")
_TO_WORK_ON = re.compile(
    r"\b(?:factor|factorise|factorize|expand|simplify|rationali[sz]e|evaluate|compute|calculate|convert|rewrite)\b|化简|因式分解|计算|求值",
    re.I,
)
_OPERATION = re.compile(r"[\w)}\]][+*^×÷·−-]|\\(?:times|cdot|div)|sqrt|√")
"""A fraction is none: it may be the value itself."""
_NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?")
_CHOICE = re.compile(r"\b(?:which|whether|or)\b|哪|还是|或")


@dataclass(frozen=True, slots=True)
class Judgement:
    """`same` is the answer, `rule` who gave it. `unreadable` says why the answer (not the reference) could not be
    read; `understood` holds both sides as they were read (answer, reference). `in_context`: the text around the answer
    was looked at, so that another response with the same answer may be judged otherwise.
    """

    same: bool | None
    rule: str
    understood: tuple[str, str] | None = None
    unreadable: str | None = None
    trace: tuple[str, ...] = ()
    in_context: bool = False


def judge(reference: str, extraction: Extraction, hints: Hints, question: str | None = None) -> Judgement:
    """Whether the extracted answer says what the reference says. Never raises."""
    judgement = _judged(reference, extraction, hints, question)
    if judgement.same or extraction.parts:
        return judgement
    described = _described(reference, extraction.answer or "", hints)
    if described is None or (described is False and judgement.same is False):
        return judgement
    return Judgement(described, "same_integers", judgement.understood, in_context=judgement.in_context)


def _described(reference: str, answer: str, hints: Hints) -> bool | None:
    """Sets of integers where words describe one side: "all positive integers except 2"."""
    wanted, given = integer_statement(reference), integer_statement(answer)
    if wanted is None and given is None:
        return None
    references = (wanted,) if wanted else _trees(reference)
    answers = (given,) if given else _trees(answer)
    if isinstance(references, Unparsable) or isinstance(answers, Unparsable):
        return None
    return Comparison(Context(hints)).decide(references[0], answers[0])[0]


def _by_parts(reference: str, extraction: Extraction, hints: Hints) -> bool | None:
    """Answers to a question in parts, part by part in their order."""
    answer = extraction.answer or ""
    wanted, given = numbered(reference), extraction.parts or numbered(answer)
    if wanted is None and (extraction.parts or given is None):
        return None
    references = _part_trees(wanted) if wanted else _items(reference)
    answers = _part_trees(given) if given else _items(answer)
    if references is None or answers is None or len(references) != len(answers):
        return None
    pairs = zip(references, answers, strict=True)
    verdicts = [Comparison(Context(hints)).decide(a, b)[0] for a, b in pairs]
    return False if False in verdicts else True if all(verdicts) else None


def _part_trees(parts: tuple[str, ...]) -> tuple[Node, ...] | None:
    found = [_trees(part) for part in parts]
    return None if any(isinstance(one, Unparsable) for one in found) else tuple(one[0] for one in found)  # type: ignore[index]


def _items(text: str) -> tuple[Node, ...] | None:
    trees = _trees(text)
    if isinstance(trees, Unparsable):
        return None
    node = trees[0]
    return node.items if isinstance(node, Seq) and node.joint != "or" else None


def _judged(reference: str, extraction: Extraction, hints: Hints, question: str | None) -> Judgement:
    answer = extraction.answer
    assert answer is not None
    if not extraction.parts:
        plain = same_plain(bare(reference), bare(answer))
        if plain is not None:
            return Judgement(plain, "same_text" if plain and bare(reference) == bare(answer) else "same_number")
        if question and _echoes(answer, reference, question):
            return Judgement(False, "echo")
        chosen = same_choice(reference, answer, Context(hints), lambda a, b: _same_text(a, b, hints))
        if chosen is not None:
            return Judgement(chosen, "same_choice")
    by_parts = _by_parts(reference, extraction, hints)
    if by_parts is not None:
        return Judgement(by_parts, "same_parts")
    references = _trees(reference, hints)
    if isinstance(references, Unparsable):
        claimed = claims(extraction, reference, question)
        return Judgement(claimed, "claims" if claimed is not None else "unread_reference", in_context=True)
    if extraction.parts and _arity(references[0]) == len(extraction.parts):
        answer = ", ".join(extraction.parts)
    answers = _trees(answer)
    if isinstance(answers, Unparsable):
        claimed = claims(extraction, reference, question)
        if claimed is not None:
            return Judgement(claimed, "claims", in_context=True)
        return Judgement(None, "unread_answer", unreadable=answers.message, in_context=True)
    return _compared(references, answers, extraction, reference, hints, question)


def _compared(
    references: tuple[Node, ...],
    answers: tuple[Node, ...],
    extraction: Extraction,
    reference: str,
    hints: Hints,
    question: str | None,
) -> Judgement:
    understood = (render(answers[0]), render(references[0]))
    trace: list[str] = []
    verdicts: list[tuple[bool | None, str]] = []
    for wanted in references:
        for given in answers:
            same, rule = Comparison(Context(hints), trace).decide(wanted, given)
            if same:
                return Judgement(True, rule, understood, trace=tuple(trace))
            verdicts.append((same, rule))
    in_words = any(isinstance(node, Text) for node in (*references, *answers))
    if in_words:
        if _states(reference, answers[0], question):
            return Judgement(True, "stated_by_reference", understood, trace=tuple(trace))
        claimed = claims(extraction, reference, question)
        if claimed is not None:
            return Judgement(claimed, "claims", understood, trace=tuple(trace), in_context=True)
    if all(same is False for same, _ in verdicts):
        return Judgement(False, verdicts[0][1], understood, trace=tuple(trace), in_context=in_words)
    return Judgement(None, "no_rule", understood, trace=tuple(trace), in_context=in_words)


def _states(reference: str, answer: Node, question: str | None) -> bool:
    """Whether a reference in a sentence ("Petya will receive the last token.") states the short word answered."""
    if not isinstance(answer, Text) or answer.words.count(" ") >= MAX_SHORT_WORDS or " " not in reference.strip():
        return False
    return claims(extract(reference, question), answer.words, question) is True


def _echoes(answer: str, reference: str, question: str) -> bool:
    """Whether the answer is the expression that the question asked to work on, handed back unchanged: `2 + 3` for the
    sum of 2 and 3. Of options to choose from ("which is larger, 2^3 or 3^2?") it would be an answer.
    """
    given, wanted, asked = (_SPACES.sub("", text) for text in (bare(answer), bare(reference), question))
    if given not in asked or wanted in asked:
        return False
    if _TO_WORK_ON.search(question) is not None:
        return len(given) >= MIN_ECHO_CHARS or _OPERATION.search(given) is not None
    if not (_OPERATION.search(given) and _NUMBER.fullmatch(wanted)) or _CHOICE.search(question):
        return False
    spaced = r"\s*".join(map(re.escape, given))
    return re.search(rf"(?<![\w.]){spaced}(?![\w.])", _SPACES.sub(" ", question)) is not None


def _same_text(reference: str, answer: str, hints: Hints) -> bool | None:
    """Two texts by every rule, for the options of a multiple choice."""
    plain = same_plain(bare(reference), bare(answer))
    if plain is not None:
        return plain
    references, answers = _trees(reference), _trees(answer)
    if isinstance(references, Unparsable) or isinstance(answers, Unparsable):
        return None
    return Comparison(Context(hints)).decide(references[0], answers[0])[0]


def _trees(text: str, expected: Hints | None = None) -> tuple[Node, ...] | Unparsable:
    """The readings of an answer; of a reference where `expected` is given: asked for all values, `2,3` is no 2.3."""
    fixed = special(text) or moment(text)
    if fixed is not None:
        return (fixed,)
    try:
        found = readings(text)
        return found[:1] if expected and expected.find_all and isinstance(found[0], Seq) else found
    except Unparsable as refused:
        return refused


def _arity(node: Node) -> int:
    if isinstance(node, Seq | SetOf | Group):
        return len(node.items)
    return len(node.args) if isinstance(node, Logic) else 1
