"""Multiple choice, up to 26 options: letters or option texts, one or several, English and Chinese.

    references --letters_of--> wanted;  response --final_section, claimed--> named;  wanted == named

Rule 1: one letter is wanted unless the reference names several; then all of them are, in any order.
Rule 2: a response that claims two options, or an option under another one's letter, is incorrect, whichever is right.
Rule 3: without options, letters are compared as letters; a few words may be an option's text and are passed on.
        More words without a letter are no answer.
"""

import re
from collections.abc import Mapping

from verifiers.answer_text import Found, announced, searched
from verifiers.choice import offered as options_of
from verifiers.choice.claims import claimed
from verifiers.choice.offered import Offered
from verifiers.choice.reading import Named
from verifiers.math_answer.extraction.extract import extract
from verifiers.problem import Problem
from verifiers.verdict import Outcome, Verdict

__all__ = ["DESCRIPTION", "VERSION", "check_options", "readable", "verify"]

VERSION = "2"
DESCRIPTION = "Multiple choice: letters or option texts, one or several of up to 26."

MAX_REFERENCE_CHARS = 2_000
"""A letter or an option's text; longer ones are not options."""

MAX_OPTION_WORDS = 20
"""Of an answer that may be the text of an option nobody told us; more words are talk, and an answer was asked for."""

# "not B", "B|C": talk of letters. "A gas" and "vitamin C" may be an option's text.
_SPEAKS_OF_LETTERS = re.compile(
    r"(?:\A|[^\w\s]|\b(?:not|but|either|neither|n?or|if|else|is|maybe|option)\s)\s*\(?[B-HJ-Z](?![\w'’])"
)


def check_options(options: Mapping[str, object]) -> str | None:
    """`choices` only: a list of texts or an object from letters to texts."""
    unknown = sorted(set(options) - {"choices"})
    if unknown:
        return f"the choice task knows the option choices; remove {', '.join(unknown)}"
    return options_of.check_choices(options["choices"]) if "choices" in options else None


def readable(reference: str) -> bool:
    """Whether the reference can be a letter or an option's text."""
    return bool(reference.strip()) and len(reference) <= MAX_REFERENCE_CHARS


def verify(problem: Problem) -> Verdict:
    """Whether the response claims exactly the option, or options, of a reference."""
    wrong = check_options(problem.options)
    if wrong is not None:
        return Verdict(Outcome.UNDECIDABLE, "bad_options", wrong)
    offered = _offered(problem)
    wanted = [letters for letters in _wanted(problem.references, offered) if letters]
    found = searched(problem.response, problem.question)
    if not wanted:
        why = "the reference names no option; give its letter, or the options as choices"
        return Verdict(Outcome.UNDECIDABLE, "unread_reference", why)
    if found.refusal is not None:
        return Verdict(Outcome.UNREADABLE, found.how, found.refusal)
    named = claimed(found, problem.question, offered)
    return _unnamed(problem, offered, found) if named is None else _compared(named, wanted)


def _offered(problem: Problem) -> Offered:
    if "choices" in problem.options:
        return options_of.from_choices(problem.options["choices"])
    listed = options_of.from_question(problem.question) if problem.question else ()
    return listed or options_of.from_reference(problem.references[0])


def _wanted(references: tuple[str, ...], offered: Offered) -> list[frozenset[str] | None]:
    known = {letter for letter, _ in offered} if len(offered) > 1 else None
    found = [options_of.letters_of(text, offered) if readable(text) else None for text in references]
    return [letters if letters and (known is None or letters <= known) else None for letters in found]


def _compared(named: Named, wanted: list[frozenset[str]]) -> Verdict:
    answer = ", ".join(sorted(named.letters)) or None
    if named.fault in ("contradicting finals", "alternatives"):
        return Verdict(
            Outcome.INCORRECT,
            "contradiction",
            f"the response commits to no single option: {named.fault}",
            answer,
        )
    if named.fault is not None:
        return Verdict(Outcome.UNREADABLE, named.rule, named.fault, answer)
    if named.letters in wanted:
        return Verdict(Outcome.CORRECT, named.rule, "the response names the option of the reference", answer)
    return Verdict(Outcome.INCORRECT, named.rule, "the response names another option", answer)


def _unnamed(problem: Problem, offered: Offered, found: Found) -> Verdict:
    """A response that names no option: where the options are unknown, a few words may still be one's text."""
    answer = extract(problem.response, problem.question).answer
    if answer is None:
        return Verdict(Outcome.UNREADABLE, "no_option", "the response names no option")
    given = announced(problem.response, problem.question).text or found.final
    short = len(given.split()) <= MAX_OPTION_WORDS and "\n" not in given
    if len(offered) < 2 and short and not _SPEAKS_OF_LETTERS.search(given):
        why = "the options are unknown, so the answer's words cannot be matched; give choices"
        return Verdict(Outcome.UNDECIDABLE, "no_rule", why, answer, passed_on=True)
    return Verdict(Outcome.UNREADABLE, "no_option", "the response names no option", answer)
