"""`length_constraints:*`: words, sentences, paragraphs."""

import re

from verifiers.instructions.check import Arguments, holds
from verifiers.instructions.words import count_sentences, first_word, words


def number_words(text: str, given: Arguments) -> bool:
    """So many words."""
    return holds(len(words(text)), given["relation"], given["num_words"])


def number_sentences(text: str, given: Arguments) -> bool:
    """So many sentences."""
    return holds(count_sentences(text), given["relation"], given["num_sentences"])


def number_paragraphs(text: str, given: Arguments) -> bool:
    """So many paragraphs between `***` dividers; an empty one between two dividers breaks the rule."""
    paragraphs = re.split(r"\s?\*\*\*\s?", text)
    inner = [index for index, part in enumerate(paragraphs) if not part.strip()]
    if any(0 < index < len(paragraphs) - 1 for index in inner):
        return False
    return len(paragraphs) - len(inner) == int(given["num_paragraphs"])


def nth_paragraph_first_word(text: str, given: Arguments) -> bool:
    """So many paragraphs between empty lines, and the nth begins with a word."""
    paragraphs = [part for part in text.split("\n\n") if part.strip()]
    nth = int(given["nth_paragraph"])
    if len(paragraphs) != int(given["num_paragraphs"]) or not 1 <= nth <= len(paragraphs):
        return False
    wanted: str = given["first_word"].strip().lower()
    return first_word(paragraphs[nth - 1]) == wanted
