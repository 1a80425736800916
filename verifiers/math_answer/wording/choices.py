"""Multiple choice: the options that a question offers, the letter that an answer names, their comparison.

Rule 1: options are a run of letters from A, in order, at least two of them, each with its own text.
Rule 2: an answer names one letter or none; "A or B" names none.
Rule 3: letters differ only as letters of a question that offers options: without them `B` may be a variable.
"""

import re
from collections.abc import Callable

from verifiers.math_answer.context import Context

SameText = Callable[[str, str], bool | None]

MAX_OPTIONS = 10
"""A to J: no test offers more."""

MAX_OPTION_CHARS = 400
"""Longer "options" are paragraphs that happen to begin with a letter."""

MAX_STARTS = 4
"""Lists that may begin with an A, read from the question's end: there the options stand."""

MAX_LETTER_ANSWER_CHARS = 200
"""Longest answer searched for a letter with its option's text behind it."""

_MARKED = re.compile(
    r"(?:^|(?<=[\s;,.?!:：>}\\$*（。？；，、]))(?:\\(?:textbf|text|mathrm|mathbf)\s*\{\s*)?"
    r"\(?([A-J])\s*(\)|\.|:|：|、|．|）)\s*\}?(?:\\ |~|\\quad|\*\*)?",
    re.MULTILINE,
)
_WRAPPED = re.compile(r"\\(?:text|textbf|mathrm|mathbf|boxed|mbox|rm|bf)\b|[{}$*_\\]")
_LEAD = re.compile(
    r"(?:the )?(?:correct |right |best |final )?(?:answer|option|choice|选项|答案)(?: choice| option)?\s*"
    r"(?:is|:|：|为|是)?\s*(?:option|choice|选项|选)?\s*|选\s*",
    re.IGNORECASE,
)
_LETTER = re.compile(r"[(\[（]?\s*([A-J])\s*(?:[)\].:：、．）]+\s*(.*))?", re.DOTALL)
_LETTERS_ALONE = re.compile(r"[A-J]{2,10}")
_BEHIND = re.compile(r"[A-J]\s*[)\].:、．）]+(?:\s|[}*$]|\\ )*(.+)", re.DOTALL)


def options(question: str) -> tuple[tuple[str, str], ...]:
    """The (letter, text) pairs that a question offers, empty when it offers none.

    >>> options("Which gas? A) oxygen B) nitrogen C) helium")
    (('A', 'oxygen'), ('B', 'nitrogen'), ('C', 'helium'))
    """
    if "B" not in question or "A" not in question:
        return ()
    marks = list(_MARKED.finditer(question))
    starts = [place for place, mark in enumerate(marks) if mark[1] == "A"]
    for start in starts[: -MAX_STARTS - 1 : -1]:
        run = [marks[start]]
        for mark in marks[start + 1 :]:
            if mark[1] == chr(ord(run[-1][1]) + 1) and mark[2] == run[0][2] and len(run) < MAX_OPTIONS:
                run.append(mark)
        bracketed = run[0][2] in ")）"
        if len(run) >= (2 if bracketed else 3):
            return _texts(question, run)
    return ()


def _texts(question: str, run: list[re.Match[str]]) -> tuple[tuple[str, str], ...]:
    ends = [mark.start() for mark in run[1:]] + [len(question)]
    found = []
    for mark, end in zip(run, ends, strict=True):
        text = question[mark.end() : end].strip(" \n\t;,，；$")
        text = re.sub(r"(?:\\qquad|\\quad|\\\\|\\ |~)+$", "", text).strip()
        if not text or len(text) > MAX_OPTION_CHARS:
            return ()
        found.append((mark[1], text))
    return tuple(found)


def letter(answer: str) -> tuple[str, str] | None:
    """The one letter that an answer names, with the text behind it; None where it names none or several.

    >>> letter("(B)"), letter("option B"), letter("B) 12 cm"), letter("A or B")
    (('B', ''), ('B', ''), ('B', '12 cm'), None)
    """
    if len(answer) > MAX_LETTER_ANSWER_CHARS:
        return None
    plain = " ".join(_WRAPPED.sub(" ", answer).split()).strip(" .。")
    lead = _LEAD.match(plain)
    if lead:
        plain = plain[lead.end() :]
    bare = plain.strip("()[] ")
    if len(bare) == 1 and "a" <= bare <= "j":
        return bare.upper(), ""
    found = _LETTER.fullmatch(plain)
    if not found:
        return None
    behind = _BEHIND.search(answer) if found[2] else None
    text = behind[1].strip(" *$\n") if behind else ""
    if text.count("}") > text.count("{"):
        text = text.removesuffix("}")
    return None if _MARKED.search(text) else (found[1], text)


def same_choice(reference: str, response: str, ctx: Context, same_text: SameText) -> bool | None:
    """Compare two answers to a question with options; `same_text` compares two texts by every rule."""
    offered = ctx.hints.choices
    if not offered:
        return None
    if _LETTERS_ALONE.fullmatch(reference) and set(reference) <= {name for name, _ in offered}:
        return set(reference) == set(re.findall(r"[A-J]", response)) if _several(response, offered) else None
    wanted = _chosen(reference, offered, same_text)
    if wanted is None:
        return None
    given = _chosen(response, offered, same_text)
    if given is None:
        return False if _several(response, offered) else None
    return wanted == given


def _several(answer: str, offered: tuple[tuple[str, str], ...]) -> bool:
    """Whether the answer is a list of letters: "A and C", "A, B"."""
    letters = re.findall(r"[A-J]", answer)
    rest = re.sub(r"\b(?:and|or|both|either)\b|[A-J\s,()/&.;和或、]", "", answer)
    return len(set(letters)) > 1 and not rest and {name for name, _ in offered} >= set(letters)


def _chosen(answer: str, offered: tuple[tuple[str, str], ...], same_text: SameText) -> str | None:
    texts = dict(offered)
    named = letter(answer)
    if named and named[0] in texts:
        # "B) 12 cm" must not name one option and quote another.
        agrees = not named[1] or same_text(texts[named[0]], named[1])
        return named[0] if agrees else None
    fitting = [name for name, text in offered if same_text(text, answer)]
    return fitting[0] if len(fitting) == 1 else None
