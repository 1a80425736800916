"""Answers in words: what a whole answer of words stands for, and when two of them say the same.

Rule 1: equal after a safe normalisation is yes; two members of one closed class, or two different single
        words, are no; anything longer passes on.
Rule 2: states have one Text each ("no solution", "does not exist", "infinitely many", "impossible", "cannot
        be determined"); "all real numbers" is a NamedSet; a number in words is a Num, an ordinal with its
        noun a Quantity. The empty set stays SetOf(()) and equals "no solution" here.
Rule 3: nothing is looked for inside a sentence that negates or joins ("not", "or").
"""

import re
from collections.abc import Callable
from difflib import SequenceMatcher
from fractions import Fraction
from functools import lru_cache

from verifiers.math_answer.context import Context
from verifiers.math_answer.quantities import number_words, units
from verifiers.math_answer.tree import Const, Group, NamedSet, Node, Num, Quantity, SetOf, Text
from verifiers.math_answer.wording.word_table import (
    AMERICAN,
    EXCLUSIVE_STATES,
    HAN_NUMBER_SETS,
    IMPOSSIBLE,
    INFINITELY_MANY,
    MEMBERS,
    NO_SOLUTION,
    NOT_EXISTING,
    NUMBER_SETS,
    POSSIBLE,
    STATES,
    UNDETERMINED,
    YES_NO,
)

Same = Callable[[Node, Node], bool | None]

MAX_SPECIAL_CHARS = 120
"""Longest text that can be a fixed phrase: "there are no pairs of positive integers ..." runs to 80."""

MAX_COMPARED_CHARS = 2_000
"""Longest text normalised word by word; a longer one is compared as it stands."""

TYPO_LIKENESS = 0.75
"""Single words at least this alike may be one word misspelt ("Canbera"), so they are not told apart here."""

CACHE_SIZE = 2048

_COMMAND = re.compile(
    r"\\(?:text|textbf|textit|textrm|mathrm|mbox|operatorname|emph|boxed|quad|left|right)\b|\\[,;:! ]"
)
_MARKS = re.compile(r"[{}$*_`~\"“”\\]+")
_END = " .,;:!?。，；：！？、"
_PUNCTUATION = re.compile(r"[.,;:!?。，；：！？、\"'’“”()（）\[\]]+")
_DASHES = re.compile(r"[-‐‑–—_/]+")
_HAN = re.compile(r"[\u4e00-\u9fff]")
_LETTERS = re.compile(r"[^\W\d_]+")

_NONE = re.compile(
    r"(?:(?:the|this) (?:equation|system|inequality|problem)(?: of equations)? (?:has|have) |"
    r"(?:there|it) (?:is|are|exists?|has) |there (?:do|does) not exist |has |have )?"
    r"(?:no |any |not any )?(?:(?:such|real|possible|valid|other) )*(?:an? )?"
    r"(?:solution|root|value|function|number|integer|pair|triple|polynomial|sequence|prime|triangle|point|set)?"
    r"(?:s|(?<= )[a-z]|(?<=[a-z]))(?: of [a-z])?"
    r"(?: exists?| (?:do|does) not exist| is possible| are possible)?"
)
_NEGATION = re.compile(r"^no |\bno\b|not exist")
_INFINITE = re.compile(
    r"(?:there (?:are|is) |it has |has )?(?:an )?(?:infinite(?:ly)?(?: many)?|infinite number of)"
    r"(?: (?:such|real|integer|different|distinct|possible))?"
    r"(?: (?:solutions?|values?|pairs?|numbers?|integers?|triples?|ways?|points?|functions?|roots?|primes?))?"
    r"(?: exist)?"
)
_NUMBER_SET = re.compile(
    r"(?:[a-z] (?:is|can be|may be|in|∈|is in) )?(?:for )?"
    r"(?:all|any|every|each|the set of|set of|the) ?(?:all |the )?"
    r"(?:(positive|negative|non ?negative|non ?zero) )?"
    r"(real|rational|complex|natural|integer|prime)s?(?: (?:numbers?|values?|[a-z]))?(?: (?:of|for) [a-z])?"
)
_HAN_SET = re.compile(r"(?:全体|一切|任意|所有|任何)(?:的)?(.{2,3})")
_ORDINAL_NOUN = re.compile(r"(?:on )?(?:the )?([a-z0-9-]+(?:st|nd|rd|th)|first|second|third) ([a-z]+)")
_NUMBER_NOUN = re.compile(r"([a-z][a-z -]*) ([a-z]+)")
_NOUN_NUMBER = re.compile(r"(?:on )?(day|week|month|year|step|term|page|floor|round|number|no\.?) (\d{1,9})")
_PREDICATE = re.compile(
    r"(?:any|an?|all|every|only|on|in|it is|they are|it's|is)?(?: an?)? ?(.+?)"
    r"(?: (?:number|integer|function|value|natural number)s?)?(?: of [a-z]+)?"
)
_JOINED = frozenset({"not", "or", "nor", "neither", "never", "and", "but", "unless", "except", "if", "isnt", "no"})
_SUBJECTS = frozenset({"it", "they", "he", "she", "we", "you", "this", "that", "there", "never"})
_ARTICLES = frozenset({"a", "an", "the"})


def tidy(text: str) -> str:
    """Lower-case words without markup and end punctuation: what a Text node holds."""
    text = _MARKS.sub("", _COMMAND.sub(" ", text)) if "\\" in text or "$" in text else _MARKS.sub("", text)
    return " ".join(text.split()).strip(_END).lower()


@lru_cache(CACHE_SIZE)
def special(text: str) -> Node | None:
    """What a whole answer in words stands for; None where it is no fixed phrase, number or number set.

    >>> special("There are no solutions."), special("any real number"), special("twenty-one")
    (Text(words='no solution'), NamedSet(name='R'), Num(num=21, den=1, decimals=None))
    """
    if len(text) > MAX_SPECIAL_CHARS:
        return None
    words = tidy(text)
    if not words or not _LETTERS.search(words):
        return None
    state = STATES.get(words) or STATES.get(words.removeprefix("the "))
    if state:
        return Text(state)
    return _number_set(words) or _worded_state(words) or _worded_number(words)


def _worded_state(words: str) -> Text | None:
    if "infinite" in words and _INFINITE.fullmatch(words):
        return Text(INFINITELY_MANY)
    if " " in words and _NEGATION.search(words) and _NONE.fullmatch(words):
        return Text(NO_SOLUTION)
    if words.startswith(("the limit ", "limit ")) and words.endswith(("not exist", "undefined")):
        return Text(NOT_EXISTING)
    return None


def _number_set(words: str) -> NamedSet | None:
    if _HAN.match(words):
        worded = _HAN_SET.fullmatch(words)
        name = HAN_NUMBER_SETS.get(worded[1] if worded else words)
        return NamedSet(name) if name else None
    found = _NUMBER_SET.fullmatch(words.replace("non-", "non"))
    if not found:
        return None
    name = NUMBER_SETS[found[2]].get((found[1] or "").replace(" ", ""))
    return NamedSet(name) if name else None


def _worded_number(words: str) -> Node | None:
    value = number_words.exact(words)
    if value is not None:
        return Num(value.numerator, value.denominator)
    counted = _ORDINAL_NOUN.fullmatch(words) or _NUMBER_NOUN.fullmatch(words)
    numbered = None if counted else _NOUN_NUMBER.fullmatch(words)
    if counted:
        value, noun = number_words.exact(counted[1]), counted[2]
    elif numbered:
        value, noun = Fraction(int(numbered[2])), numbered[1].rstrip(".")
    else:
        return None
    if value is None:
        return None
    unit = units.canonical(noun) or (noun if units.counted_noun(noun) else None)
    return Quantity(Num(value.numerator, value.denominator), unit) if unit else None


def words(reference: Node, response: Node, ctx: Context, same: Same) -> bool | None:
    """Whether two answers, at least one of them in words, say the same. `same` is for the interface."""
    if not isinstance(reference, Text):
        return _word_and_value(response.words, reference) if isinstance(response, Text) else None
    if not isinstance(response, Text):
        verdict = _word_and_value(reference.words, response)
        named = verdict is None and isinstance(response, Num) and _is_name(reference.words)
        return False if named else verdict
    ctx.spend(1 + (len(reference.words) + len(response.words)) // 16)
    return _same_words(reference.words, response.words)


def _is_name(text: str) -> bool:
    return len(text) > 2 and text.isalpha() and text.isascii()


def _word_and_value(text: str, value: Node) -> bool | None:
    """A text against a node that is no text: only fixed phrases say something about values."""
    state = STATES.get(text)
    number = isinstance(value, Num)
    if state == NO_SOLUTION:
        if isinstance(value, SetOf):
            return not value.items
        if isinstance(value, Num):
            # "How many?" may be answered by "none".
            return None if value.num == 0 else False
        return False if isinstance(value, NamedSet | Group) else None
    if state == INFINITELY_MANY:
        if isinstance(value, Const) and value.name == "inf":
            return True
        return False if number else None
    if state in (NOT_EXISTING, IMPOSSIBLE, UNDETERMINED):
        return False if number or isinstance(value, NamedSet) else None
    return False if number and text in MEMBERS else None


def _same_words(reference: str, response: str) -> bool | None:
    if reference == response:
        return True
    if max(len(reference), len(response)) > MAX_COMPARED_CHARS:
        return None
    a, b = plain(reference), plain(response)
    if a == b and a:
        return True
    states = STATES.get(reference), STATES.get(response)
    if states[0] and states[1]:
        if states[0] == states[1]:
            return True
        return False if frozenset({states[0], states[1]}) in EXCLUSIVE_STATES else None
    verdict = _closed(a, b)
    if verdict is not None:
        return verdict
    if states[0] or states[1]:
        return None
    return _told_apart(a, b)


@lru_cache(CACHE_SIZE)
def plain(text: str) -> str:
    """Words without articles, punctuation, hyphens, plural endings and British spellings."""
    text = _PUNCTUATION.sub(" ", _DASHES.sub(" ", text.lower().replace("'s ", " ")))
    return " ".join(_stem(word) for word in text.split() if word not in _ARTICLES)


def _stem(word: str) -> str:
    if len(word) > 4 and word.endswith("ies"):
        word = word[:-3] + "y"
    elif len(word) > 3 and word[-1] == "s" and word[-2] not in "sui":
        word = word[:-1]
    return AMERICAN.get(word, word)


def _closed(a: str, b: str) -> bool | None:
    """Members of one closed class, alone or as the predicate of a plain sentence."""
    first, second = _member(a), _member(b)
    if not first or not second:
        return None
    if set(first) & set(second):
        return True
    classes = {number for number, _ in first} & {number for number, _ in second}
    if classes:
        return False
    answers_one_question = {number for number, _ in first + second} == {YES_NO, POSSIBLE}
    return False if a in MEMBERS and b in MEMBERS and not answers_one_question else None


@lru_cache(CACHE_SIZE)
def _member(text: str) -> tuple[tuple[int, int], ...]:
    """The closed class that a text names by one word: "odd", "any odd number", "it is odd", "yes it is"."""
    if text in MEMBERS:
        return MEMBERS[text]
    pieces = text.split()
    if not pieces:
        return ()
    if pieces[0] in ("yes", "no"):
        contradicted = any((YES_NO, place) in MEMBERS.get(w, ()) for w in pieces[1:] for place in (0, 1))
        # "no it is not" is a no; "no solution" and "no integer" are not.
        sentence = pieces[0] == "yes" or pieces[1] in _SUBJECTS
        return MEMBERS[pieces[0]] if sentence and not contradicted else ()
    inside = [word for word in pieces if word in MEMBERS]
    if len(inside) != 1 or any(word in _JOINED for word in pieces):
        return ()
    if MEMBERS[inside[0]][0][0] == YES_NO:
        return ()
    if pieces[-1] == inside[0] and len(pieces) > 1 and pieces[-2] in ("is", "are", "be", "remain", "stay"):
        return MEMBERS[inside[0]]
    predicate = _PREDICATE.fullmatch(text)
    return MEMBERS.get(predicate[1], ()) if predicate else ()


def _told_apart(a: str, b: str) -> bool | None:
    """False for two single words that cannot be one word misspelt or shortened."""
    if not (a.isalpha() and b.isalpha()) or min(len(a), len(b)) < 2 or a.isascii() != b.isascii():
        return None
    if _HAN.match(a):
        return None
    if a.startswith(b) or b.startswith(a):
        return None
    return None if SequenceMatcher(None, a, b, autojunk=False).ratio() >= TYPO_LIKENESS else False
