"""`keywords:*`: words and letters that must or must not appear. Keywords are plain text, never patterns."""

import re

from verifiers.instructions.check import Arguments, holds


def existence(text: str, given: Arguments) -> bool:
    """Every keyword appears, also inside a longer word, in any case."""
    lowered = text.lower()
    return all(keyword.strip().lower() in lowered for keyword in given["keywords"])


def frequency(text: str, given: Arguments) -> bool:
    """A keyword appears so often, also inside a longer word, in any case."""
    return holds(text.lower().count(given["keyword"].strip().lower()), given["relation"], given["frequency"])


def forbidden_words(text: str, given: Arguments) -> bool:
    """None of the words appears as a word of its own."""
    return not any(
        re.search(rf"(?<!\w){re.escape(word.strip())}(?!\w)", text, re.IGNORECASE) for word in given["forbidden_words"]
    )


def letter_frequency(text: str, given: Arguments) -> bool:
    """A letter appears so often, in any case."""
    return holds(text.lower().count(given["letter"].strip().lower()), given["let_relation"], given["let_frequency"])
