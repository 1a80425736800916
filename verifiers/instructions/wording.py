"""`change_case:*`, `punctuation:*`, `startend:*`, `combination:*`: case, commas, endings, two answers."""

from verifiers.instructions.check import Arguments, holds
from verifiers.instructions.language import is_in
from verifiers.instructions.words import tokens

DIVIDER = "******"


def capital_word_frequency(text: str, given: Arguments) -> bool:
    """So many words in capital letters; "I" and "A" are such words."""
    count = sum(token.isupper() for token in tokens(text))
    return holds(count, given["capital_relation"], given["capital_frequency"])


def english_capital(text: str, given: Arguments) -> bool:
    """English in capital letters only."""
    del given
    return text.isupper() and is_in(text, "en")


def english_lowercase(text: str, given: Arguments) -> bool:
    """English in small letters only."""
    del given
    return text.islower() and is_in(text, "en")


def no_comma(text: str, given: Arguments) -> bool:
    """Not one comma, the full-width one included."""
    del given
    return "," not in text and "，" not in text


def end_checker(text: str, given: Arguments) -> bool:
    """The last words are the phrase; closing quotes do not count."""
    return text.strip().strip('"').lower().endswith(given["end_phrase"].strip().lower())


def quotation(text: str, given: Arguments) -> bool:
    """The whole response stands in double quotes."""
    del given
    bare = text.strip()
    return len(bare) > 2 and bare[0] == '"' and bare[-1] == '"'


def two_responses(text: str, given: Arguments) -> bool:
    """Two different answers with six asterisks between them."""
    del given
    parts = [part.strip() for part in text.split(DIVIDER)]
    if not all(parts[1:-1]):
        return False
    said = [part for part in parts if part]
    return len(said) == 2 and said[0] != said[1]


def repeat_prompt(text: str, given: Arguments) -> bool:
    """The request is repeated word for word, and then an answer follows."""
    asked = given["prompt_to_repeat"].strip().lower()
    said = text.strip().lower()
    return said.startswith(asked) and bool(said[len(asked) :].strip())
