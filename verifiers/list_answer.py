"""Lists and sets of texts or values, with partial credit where the item asks for it.

    reward    credit for m matched of r wanted and p given
    pass      1 when everything matches, else 0      (the default)
    f1        2m / (p + r)
    jaccard   m / (p + r - m)
    fraction  m / max(p, r)

Rule 1: every credit falls with each item that is not wanted: listing everything does not pay.
Rule 2: items agree by their words, or by what they mean in mathematics; each item is matched once.
Rule 3: an ordered list matches along its longest common subsequence; duplicates fold only in sets.
Rule 4: the reference is a JSON array, or lines, or items between commas or semicolons. So is the answer.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence

from verifiers.answer_text import Found, announced, hedges
from verifiers.math_answer.context import Hints
from verifiers.math_answer.extraction.extract import Extraction
from verifiers.math_answer.extraction.markup import clean
from verifiers.math_answer.extraction.prose import is_bare, is_hedged
from verifiers.math_answer.judge import judge
from verifiers.normalisation import worded
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

VERSION = "2"
DESCRIPTION = "Lists and sets of texts or values, ordered or not, with partial credit."

MAX_ITEMS = 500
"""Items of one list: the pairing is quadratic."""

MAX_MATHS_PAIRS = 200
"""Pairs compared by their mathematical meaning in one verdict, 20 ms each at worst and 0.1 ms as a rule."""

MAX_LIST_CHARS = 50_000
"""Longest text cut into items: MAX_ITEMS of a hundred characters."""

MAX_MATHS_CHARS = 200
"""Longest item that is looked at as mathematics."""

MAX_REFERENCE_CHARS = 100_000
"""As long as the service takes references."""

CREDITS: Mapping[str, Callable[[int, int, int], float]] = {
    "pass": lambda m, r, p: float(m == r == p),
    "f1": lambda m, r, p: 2 * m / (p + r),
    "jaccard": lambda m, r, p: m / (p + r - m),
    "fraction": lambda m, r, p: m / max(p, r),
}
_DUPLICATES = ("fold", "count")
_FENCE = re.compile(r"```\w{0,10}\s*\n(.*?)```", re.DOTALL)
_BULLET = re.compile(r"\s*(?:[-*•·+]\s+|(?:\d{1,3}|[a-z])[.)、]\s+|\(\d{1,3}\)\s*|[①-⑳]\s*)")
_TEXT_COMMAND = re.compile(r"\\(?:text(?:bf|it|rm)?|mathrm|mbox)\s*\{([^{}]*)\}")
_ASSIGNED = re.compile(r"\A\s*(?:[\w\s]{1,40}[:：=]\s*)(?=[\[{(])")
_AND = re.compile(r"\s*(?:,\s*)?\b(?:and|&)\s+|\s*(?:以及|和|与|及)\s*")
_SEPARATORS = (re.compile(r"[;；]"), re.compile(r"(?<!\d),|,(?!\d{3}(?!\d))|[，、]"))
_MATHS = re.compile(r"[\d\\]")
_OPENING = {"[": "]", "{": "}", "(": ")"}
_NO_HINTS = Hints()


def check_options(options: Mapping[str, object]) -> str | None:
    """`ordered` (default false), `reward` (default pass) and `duplicates` (default fold, count in ordered lists)."""
    unknown = sorted(set(options) - {"ordered", "reward", "duplicates"})
    if unknown:
        return f"the list task knows the options ordered, reward and duplicates; remove {', '.join(unknown)}"
    if not isinstance(options.get("ordered", False), bool):
        return "ordered must be true or false"
    if options.get("reward", "pass") not in CREDITS:
        return f"reward must be one of {', '.join(CREDITS)}"
    if options.get("duplicates", "fold") not in _DUPLICATES:
        return "duplicates must be fold or count"
    if options.get("ordered") and options.get("duplicates") == "fold":
        return "an ordered list counts its duplicates: leave duplicates out, or set it to count"
    return None


def readable(reference: str) -> bool:
    """Whether the reference is a list of a sane length."""
    return len(reference) <= MAX_REFERENCE_CHARS and 0 < len(_items(reference)) <= MAX_ITEMS


def verify(problem: Problem) -> Verdict:
    """Whether the response lists what a reference lists, and how much of it."""
    wrong = check_options(problem.options)
    if wrong is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", wrong)
    wanted = [_items(reference) for reference in problem.references if readable(reference)]
    if not wanted:
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", "the reference is no list of 1 to 500 items")
    found = announced(problem.response, problem.question)
    if found.refusal is not None:
        outcome = Outcome.INCORRECT if found.contradicting else Outcome.UNREADABLE
        return Verdict(outcome, found.how, found.refusal)
    if len(found.final if found.text is None else found.text) > MAX_LIST_CHARS:
        return Verdict(Outcome.INCORRECT, "too_many", "the answer is too long for a list")
    given = given_items(found)
    if not given:
        return Verdict(Outcome.UNREADABLE, found.how, "the response gives no list")
    answer = json.dumps(given, ensure_ascii=False)
    if len(given) > MAX_ITEMS:
        return Verdict(Outcome.INCORRECT, "too_many", f"more than {MAX_ITEMS} items", answer[:MAX_MATHS_CHARS])
    if hedges(" ".join(given), " ".join(item for items in wanted for item in items)):
        return Verdict(Outcome.INCORRECT, "alternatives", "the answer offers alternatives", answer)
    return max((_compared(items, given, answer, problem.options) for items in wanted), key=_rank)


def _rank(verdict: Verdict) -> tuple[bool, float]:
    return verdict.outcome is Outcome.CORRECT, verdict.credit or 0.0


def _compared(wanted: list[str], given: list[str], answer: str, options: Mapping[str, object]) -> Verdict:
    ordered, reward = bool(options.get("ordered", False)), str(options.get("reward", "pass"))
    same = _Sameness(MAX_MATHS_PAIRS)
    if not ordered and options.get("duplicates", "fold") == "fold":
        wanted, given = same.folded(wanted), same.folded(given)
    pairs = same.in_order(wanted, given) if ordered else same.paired(wanted, given)
    matched, right = len(pairs), len(pairs) == len(wanted) == len(given)
    missing = [item for place, item in enumerate(wanted) if place not in {first for first, _ in pairs}]
    extra = [item for place, item in enumerate(given) if place not in {second for _, second in pairs}]
    why = f"{matched} of {len(wanted)} items matched" + (f", {len(extra)} not wanted" if extra else "")
    credit = None if reward == "pass" else CREDITS[reward](matched, len(wanted), len(given))
    details = {"matched": matched, "missing": missing, "extra": extra}
    outcome = Outcome.CORRECT if right else Outcome.INCORRECT
    return Verdict(outcome, "ordered_list" if ordered else "set", why, answer, credit=credit, details=details)


class _Sameness:
    """Comparison of items: by words, and for so many pairs by mathematics."""

    def __init__(self, maths_pairs: int) -> None:
        self._left = maths_pairs

    def __call__(self, wanted: str, given: str) -> bool:
        first, second = worded(wanted), worded(given)
        if (first and first == second) or wanted == given:
            return True
        if max(len(wanted), len(given)) > MAX_MATHS_CHARS or not (_MATHS.search(wanted) or _MATHS.search(given)):
            return False
        self._left -= 1
        if self._left < 0:
            return False
        return judge(wanted, Extraction(given, "item", hedged=is_hedged(given)), _NO_HINTS).same is True

    def folded(self, items: list[str]) -> list[str]:
        """The items without those written before."""
        return list({worded(item) or item: item for item in reversed(items)}.values())[::-1]

    def paired(self, wanted: Sequence[str], given: Sequence[str]) -> list[tuple[int, int]]:
        """A matching in any order: equal words first, so that mathematics sees only what is left."""
        places: dict[str, list[int]] = {}
        for place, item in enumerate(given):
            places.setdefault(worded(item) or item, []).append(place)
        pairs, rest = [], []
        for place, item in enumerate(wanted):
            fitting = places.get(worded(item) or item)
            if fitting:
                pairs.append((place, fitting.pop(0)))
            else:
                rest.append(place)
        free = [place for left in places.values() for place in left]
        for place in rest:
            partner = next((other for other in free if self(wanted[place], given[other])), None)
            if partner is not None:
                free.remove(partner)
                pairs.append((place, partner))
        return pairs

    def in_order(self, wanted: Sequence[str], given: Sequence[str]) -> list[tuple[int, int]]:
        """The longest common subsequence."""
        equal = [[self(first, second) for second in given] for first in wanted]
        best = [[0] * (len(given) + 1) for _ in range(len(wanted) + 1)]
        for i in range(len(wanted) - 1, -1, -1):
            for j in range(len(given) - 1, -1, -1):
                skipped = max(best[i + 1][j], best[i][j + 1])
                best[i][j] = max(skipped, 1 + best[i + 1][j + 1]) if equal[i][j] else skipped
        pairs, i, j = [], 0, 0
        while i < len(wanted) and j < len(given):
            if equal[i][j] and best[i][j] == 1 + best[i + 1][j + 1]:
                pairs.append((i, j))
                i, j = i + 1, j + 1
            elif best[i + 1][j] >= best[i][j + 1]:
                i += 1
            else:
                j += 1
        return pairs


def given_items(found: Found) -> list[str]:
    """The items that a response lists: in its box or behind its announcement, in a fence, or as all of its text."""
    if len(found.parts) > 1:
        return [clean(part) for part in found.parts]
    if found.text is not None:
        # "The answer is:" and then bullets: the announcement saw only the first line of them.
        behind = found.final.rpartition(found.text)[2] if found.how == "marker" else ""
        block = _bullets(f"- {_BULLET.sub('', found.text)}\n{behind.strip(chr(10))}") if behind.startswith("\n") else []
        return block if len(block) > 1 else _items(found.text)
    fences = _FENCE.findall(found.final)
    if fences:
        return _items(fences[-1])
    lines = [line for line in found.final.split("\n") if line.strip()]
    if len(lines) == 1:
        stated = re.split(r"\b(?:are|is|include)\b:?|[:：]|是", lines[0])[-1] if not is_bare(lines[0]) else lines[0]
        return _items(stated)
    if all(_BULLET.match(line) for line in lines[-2:]):
        return _bullets(found.final)
    return _items(found.final) if all(is_bare(line) for line in lines) else _items(lines[-1])


def _bullets(text: str) -> list[str]:
    """The run of list items that ends a text."""
    items: list[str] = []
    for line in reversed([line for line in text.split("\n") if line.strip()]):
        mark = _BULLET.match(line)
        if mark is None:
            break
        items.append(clean(line[mark.end() :]))
    return items[::-1]


def _items(text: str) -> list[str]:
    """The items of a text: a JSON array, lines, or pieces between commas.

    >>> _items('["a", 2]'), _items("{1, (2, 3), 4}"), _items("red, green and blue")
    (['a', '2'], ['1', '(2, 3)', '4'], ['red', 'green', 'blue'])
    """
    text = _ASSIGNED.sub("", clean(_TEXT_COMMAND.sub(r"\1", text)))
    try:
        value = json.loads(text) if text[:1] == "[" else None
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list):
        return [item if isinstance(item, str) else json.dumps(item, ensure_ascii=False) for item in value]
    text = _unwrapped(text.replace("\\{", "{").replace("\\}", "}").replace("\\left", "").replace("\\right", ""))
    lines = [line for line in text.split("\n") if line.strip()]
    if len(lines) > 1:
        return [item for line in lines if (item := _item(_BULLET.sub("", line, count=1)))]
    for separator in _SEPARATORS:
        pieces = _split(text, separator)
        if len(pieces) > 1:
            last = _AND.split(pieces[-1].strip())
            return [item for piece in (*pieces[:-1], *last) if (item := _item(piece))]
    return [item for piece in _AND.split(text) if (item := _item(piece))]


def _item(text: str) -> str:
    return clean(text).strip("'\"")


def _unwrapped(text: str) -> str:
    """Without one pair of brackets around everything."""
    closing = _OPENING.get(text[:1])
    if closing is None or not text.endswith(closing):
        return text
    depth = 0
    for place, mark in enumerate(text):
        depth += (mark == text[0]) - (mark == closing)
        if depth == 0:
            return text[1:-1] if place == len(text) - 1 else text
    return text


def _split(text: str, separator: re.Pattern[str]) -> list[str]:
    """Pieces between separators that stand outside of all brackets."""
    cuts = {mark.start() for mark in separator.finditer(text)}
    pieces, depth, start = [], 0, 0
    for place, mark in enumerate(text):
        depth += (mark in "([{") - (mark in ")]}")
        if depth == 0 and place in cuts:
            pieces.append(text[start:place])
            start = place + 1
    return [*pieces, text[start:]]
