"""`task: auto`: which task an item is, by the shape of its reference, its options and its question.

Rule 1: the first row of ROWS whose shape fits every reference, and whose task takes the item's options, decides. The
        order runs from shapes that only one task has to plain text, so an ambiguous item goes to math, then exact text.
Rule 2: the same item goes to the same task every time, and the verdict says which and why.
Rule 3: the response never has a say: a model cannot choose its own examiner.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from verifiers import hooks
from verifiers.choice.offered import from_question
from verifiers.explanation import Explanation
from verifiers.hooks import WorkLimits
from verifiers.json_text import NotJsonError, read_json
from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.reader import readings
from verifiers.math_answer.tree import Text
from verifiers.math_answer.values.walk import preorder
from verifiers.math_answer.wording.words import special
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

if TYPE_CHECKING:
    from verifiers.registry import Verifier

__all__ = ["ROWS", "Router", "over", "reads_as_math"]

NAME = "auto"
MAX_JSON_CHARS = 100_000
MAX_MATH_CHARS = 2_000
"""A longer reference is no formula that anybody would write into a data set."""

_PLAIN_NUMBER = re.compile(r"\s*-?\d{1,15}(?:\.\d{1,15})?\s*")
_LETTERS = re.compile(r"\(?[A-Z]\)?[.)]?(?:\s*[,;]?\s*\(?[A-Z]\)?[.)]?){0,9}")
_ARROW = re.compile(r"->|→|⇌|=>|\\(?:long)?rightarrow(?![a-z])|\\to(?![a-z])")
_CHEMICAL_MARKUP = re.compile(r"\\(?:ce|mathrm|text|mathbf)\b|[{}_$\s]")
_SPECIES = re.compile(
    r"\d{0,3}(?:\((?:[A-Z][a-z]?\d{0,3}){1,20}\)\d{0,3}|[A-Z][a-z]?\d{0,3}){1,20}+(?:\^?\d?[+-])?(?:\((?:s|l|g|aq)\))?"
)
MAX_EQUATION_CHARS = 500
_ASSERTS = re.compile(r"^\s*(?:assert\s|def check\()", re.MULTILINE)
_TEST_KEYS = (
    frozenset(("stdin", "stdout")),
    frozenset(("input", "output")),
    frozenset(("inputs", "outputs")),
    frozenset(("args", "expected")),
)
_CODE_OPTIONS = frozenset(("tests", "checker", "entry_point", "fn_name", "language"))
PROSE_WORDS = 4
PROSE_HAN = 12
"""Words of three letters, or Chinese characters, past which an answer is a sentence."""

_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORD = re.compile(r"[^\W\d_]{3,}")
_ONLY_WORDS = re.compile(r"[^\W\d_][\s'’.,-]*(?:[^\W\d_]+[\s'’.,-]*)*")
_HAN = re.compile(r"[\u3400-\u9fff]")
_FUNCTIONS = frozenset(
    "sin cos tan cot sec csc sinh cosh tanh arcsin arccos arctan log exp sqrt lim max min gcd lcm mod det deg and for "
    "all where with".split()
)


class Item(NamedTuple):
    """One reference as a row sees it: its text, its value where it is JSON, and the question."""

    text: str
    value: Any
    is_json: bool
    question: str | None
    options: Mapping[str, Any]


class Row(NamedTuple):
    """One line of the table: items of which shape go to which task."""

    task: str
    shape: str
    fits: Callable[[Item], bool]


def _instructions(item: Item) -> bool:
    return isinstance(item.value, dict) and "instruction_id_list" in item.value


def _code(item: Item) -> bool:
    if not _CODE_OPTIONS.isdisjoint(item.options):
        return True
    if isinstance(item.value, dict):
        return _is_test(item.value) or "tests" in item.value
    if isinstance(item.value, list):
        return bool(item.value) and all(map(_is_test, item.value))
    return not item.is_json and _ASSERTS.search(item.text) is not None


def _is_test(value: Any) -> bool:
    """One test: a pair of texts, of lists, a call with its value, or an assertion."""
    if isinstance(value, str):
        return _ASSERTS.match(value) is not None
    return isinstance(value, dict) and any(keys <= value.keys() for keys in _TEST_KEYS)


def _tools(item: Item) -> bool:
    calls = item.value if isinstance(item.value, list) else [item.value]
    return bool(calls) and all(isinstance(call, dict) and _is_call(call) for call in calls)


def _is_call(call: Mapping[str, Any]) -> bool:
    if "function" in call or "tool_calls" in call or {"name", "arguments"} <= call.keys():
        return True
    inner = next(iter(call.values())) if len(call) == 1 else None
    return isinstance(inner, dict) and bool(inner) and all(isinstance(values, list) for values in inner.values())


def _grid(item: Item) -> bool:
    value = item.value
    if isinstance(value, dict) and isinstance(value.get("solution"), dict):
        value = value["solution"]
    if not isinstance(value, dict):
        return False
    if {"header", "rows"} <= value.keys():
        return True
    houses = list(value.values())
    same = all(isinstance(house, dict) and house and house.keys() == houses[0].keys() for house in houses)
    return len(houses) > 1 and same and all(isinstance(cell, str | int) for house in houses for cell in house.values())


def _json(item: Item) -> bool:
    if isinstance(item.value, list):
        return any(isinstance(part, dict | list) for part in item.value) and not _numbers(item.value)
    return isinstance(item.value, dict) or "schema" in item.options or "fields" in item.options


def _numbers(value: Any) -> bool:
    """A list of numbers, or of such lists: a point, an interval or a matrix in mathematics."""
    if isinstance(value, list):
        return bool(value) and all(_numbers(part) for part in value)
    return isinstance(value, int | float) and not isinstance(value, bool)


def _list(item: Item) -> bool:
    return isinstance(item.value, list) and bool(item.value) and all(isinstance(part, str) for part in item.value)


def _choice(item: Item) -> bool:
    if "choices" in item.options:
        return True
    return bool(_LETTERS.fullmatch(item.text.strip()) and item.question and len(from_question(item.question)) > 1)


def _stem(item: Item) -> bool:
    if len(item.text) > MAX_EQUATION_CHARS or not _ARROW.search(item.text):
        return False
    sides = _ARROW.split(_CHEMICAL_MARKUP.sub("", item.text))
    species = [part for side in sides for part in re.split(r"\+(?=[\dA-Z(])", side)]
    # "A -> B" is a map or an implication: some species must have two atoms.
    compounds = [part for part in species if len(re.findall(r"[A-Z]|(?<=[A-Za-z])\d", part)) > 1]
    return len(sides) == 2 and bool(compounds) and all(_SPECIES.fullmatch(part) for part in species)


def _math(item: Item) -> bool:
    return reads_as_math(item.text)


def _any_text(item: Item) -> bool:
    return bool(item.text.strip())


ROWS: tuple[Row, ...] = (
    Row("instructions", "an object with instruction_id_list", _instructions),
    Row("code", "tests for a program", _code),
    Row("tools", "a list of calls", _tools),
    Row("grid", "houses with the same attributes", _grid),
    Row("json", "a JSON object, or a schema in the options", _json),
    Row("list", "a JSON list of texts", _list),
    Row("choice", "letters of options that the question lists", _choice),
    Row("stem", "a chemical equation", _stem),
    Row("math", "a number, formula or fixed phrase", _math),
    Row("exact_text", "a text", _any_text),
    Row("span", "a text, with options that only spans have", _any_text),
    Row("stem", "a text, with options that only quantities have", _any_text),
    Row("list", "a text, with options that only lists have", _any_text),
)


def reads_as_math(reference: str) -> bool:
    """Whether a reference is a number, a formula or a fixed phrase, and not just words.

    >>> reads_as_math("\\\\frac{1}{2}"), reads_as_math("no solution"), reads_as_math("the mitochondria of a cell")
    (True, True, False)
    """
    if not reference.strip() or len(reference) > MAX_MATH_CHARS:
        return False
    if special(reference) is not None:
        return True
    # The reader takes "gas" for a product of three letters: in a formula it may be, alone it is a word.
    if is_prose(reference) or (_ONLY_WORDS.fullmatch(reference) and _words(reference)):
        return False
    try:
        return not any(isinstance(node, Text) for node in preorder(readings(reference)[0]))
    except Unparsable:
        return False


def is_prose(reference: str) -> bool:
    """Whether a reference is a sentence: the rules of mathematics will compare it with nothing but itself.

    >>> is_prose("It increases because heat flows in"), is_prose("x = 3 apples and 4 oranges")
    (True, False)
    """
    shown = reference[:MAX_MATH_CHARS]
    return len(_words(shown)) >= PROSE_WORDS or len(_HAN.findall(shown)) >= PROSE_HAN


def _words(text: str) -> list[str]:
    """Words of three letters that are no function's name and no LaTeX command."""
    return [word for word in _WORD.findall(_COMMAND.sub(" ", text)) if word.lower() not in _FUNCTIONS]


@dataclass(frozen=True, slots=True)
class Router:
    """A verifier that hands each item to the verifier of its task."""

    verifiers: Mapping[str, "Verifier"]

    @property
    def VERSION(self) -> str:  # noqa: N802 - stands where a module's constant stands
        """Changes whenever a verdict of any task can change."""
        return "1." + ".".join(f"{name}{verifier.VERSION}" for name, verifier in sorted(self.verifiers.items()))

    @property
    def DESCRIPTION(self) -> str:  # noqa: N802 - stands where a module's constant stands
        """One line for `GET /v1/tasks`."""
        return "Chooses the task by the shape of the reference and the options, and says what it chose."

    def check_options(self, options: Mapping[str, object], /) -> str | None:
        """Options are usable when any task takes them; which task it is only the reference tells."""
        complaints = {name: verifier.check_options(options) for name, verifier in self.verifiers.items()}
        if None in complaints.values():
            return None
        return "no task takes these options; name the task to see what to fix"

    def readable(self, reference: str, /) -> bool:
        """Whether any task can read the reference."""
        chosen = self.choose(Problem("", (reference,)))
        return chosen is not None and self.verifiers[chosen.task].readable(reference)

    def quick(self, problem: Problem, /) -> Verdict | None:
        """Plain numbers only: anything else takes longer to look at than the event loop has."""
        if problem.options or "math" not in self.verifiers:
            return None
        if not all(_PLAIN_NUMBER.fullmatch(reference) for reference in problem.references):
            return None
        verdict = hooks.quick(self.verifiers["math"], problem)
        return verdict and _said(verdict, next(row for row in ROWS if row.task == "math"))

    def verify(self, problem: Problem, /) -> Verdict:
        """The verdict of the task chosen."""
        chosen = self.choose(problem)
        if chosen is None:
            why = "no task fits the reference and the options; name the task"
            return Verdict(Outcome.UNDECIDABLE, "no_task", why, details={"task": None})
        return _said(self.verifiers[chosen.task].verify(problem), chosen)

    def explain(self, problem: Problem, /) -> Explanation | None:
        """As the task chosen tells it."""
        chosen = self.choose(problem)
        return None if chosen is None else hooks.explain(self.verifiers[chosen.task], problem)

    def work_limits(self, problem: Problem, /) -> WorkLimits | None:
        """What the task chosen asks for."""
        chosen = self.choose(problem)
        return None if chosen is None else hooks.work_limits(self.verifiers[chosen.task], problem)

    def last_resort(self, problem: Problem, verdict: Verdict, /) -> Verdict:
        """The last resort of the task chosen."""
        chosen = self.choose(problem)
        if chosen is None:
            return verdict
        settled = hooks.last_resort(self.verifiers[chosen.task], problem, verdict)
        return verdict if settled is verdict else _said(settled, chosen)

    def choose(self, problem: Problem) -> Row | None:
        """The row that decides an item's task."""
        items = [_item(reference, problem) for reference in problem.references]
        for row in ROWS:
            verifier = self.verifiers.get(row.task)
            if verifier is not None and verifier.check_options(problem.options) is None and all(map(row.fits, items)):
                return row
        return None


def over(verifiers: Mapping[str, "Verifier"]) -> Router:
    """The verifier behind `auto`, over the tasks that it chooses from."""
    return Router(verifiers)


def _item(reference: str, problem: Problem) -> Item:
    text = reference.strip()
    value: Any = None
    is_json = False
    if text[:1] in ("{", "[") and len(text) <= MAX_JSON_CHARS:
        try:
            value, is_json = read_json(text), True
        except NotJsonError:
            value, is_json = None, False
    return Item(reference, value, is_json, problem.question, problem.options)


def _said(verdict: Verdict, row: Row) -> Verdict:
    details = {**(verdict.details or {}), "task": row.task}
    return msgspec.structs.replace(verdict, reason=f"as {row.task} ({row.shape}): {verdict.reason}", details=details)
