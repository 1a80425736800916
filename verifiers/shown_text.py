"""What a response shows to its reader: the text that counts where the whole of it is the answer.

Rule 1: thinking, comments and invisible characters are not shown; what follows the end of the model's turn is not
        its own.
Rule 2: everything else stays as it was written: lengths are counted in it and JSON is read from it.
"""

import re
from typing import NamedTuple

from verifiers.math_answer.extraction.section import outside_thinking

MAX_RESPONSE_CHARS = 1_000_000
"""Longer responses are refused: far above any context window's answer."""
MAX_TAGS = 20_000
"""Less-than signs past which a text is markup: each is tried as a tag."""

_COMMENT = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->|\Z)")
_END_OF_TURN = re.compile(
    r"<\|(?:im_end|im_start|eot_id|endoftext|end_of_text|end)\|>|<end_of_turn>|<｜end▁of▁sentence｜>"
)
# Zero-width marks and direction controls. Joiners stay: Persian, Hindi and emoji are written with them.
_INVISIBLE = dict.fromkeys(
    map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff\u00ad")
)


class Shown(NamedTuple):
    """The text, or why there is none."""

    text: str
    refusal: str | None = None


def shown(response: str) -> Shown:
    """The response without what its reader does not see.

    >>> shown("<think>maybe {}</think>\\nIt is <!-- not --> blue.").text
    'It is  blue.'
    >>> shown("<think>for ever").refusal
    'no final part after the thinking'
    """
    if len(response) > MAX_RESPONSE_CHARS:
        return Shown("", "response too long")
    if response.count("<") > MAX_TAGS:
        return Shown("", "more markup than text")
    text = outside_thinking(response)
    if not text.strip():
        return Shown("", "no final part after the thinking" if response.strip() else "the response is empty")
    text = _COMMENT.sub("", text) if "<!--" in text else text
    text = text if text.isascii() else text.translate(_INVISIBLE)
    end = _END_OF_TURN.search(text.strip()) if "<" in text else None
    text = text.strip()[: end.start()].strip() if end else text.strip()
    return Shown(text) if text else Shown("", "nothing but hidden text")
