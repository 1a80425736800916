"""Is what a judge quotes really in the response? Pure.

Rule 1: white space, width, case, invisible characters and the spaces of `prompt_text.defuse` do not count: the
        judge saw the defused text and copies it loosely.
Rule 2: an ellipsis joins pieces that must all be there, in order.
Rule 3: no quote is no evidence, but nothing invented either; only a quote that is not there costs.
"""

import re
import unicodedata

from grm.prompt_text import defuse

MIN_PIECE_CHARS = 3
"""Shorter pieces are in every text."""
_ELLIPSIS = re.compile(r"\.{3,}|…|\[\.\.\.\]")


class Quotable:
    """A text in which quotes are looked up; folded once."""

    def __init__(self, text: str) -> None:
        self._folded, self._places = _folded_with_places(text)

    def find(self, quote: str) -> int | None:
        """The quote's place in the text, or None where it is not there.

        >>> Quotable("So x = 1２.").find("x=12"), Quotable("So x = 12.").find("x = 13")
        (3, None)
        """
        pieces = [_folded(piece) for piece in _ELLIPSIS.split(quote)]
        pieces = [piece for piece in pieces if len(piece) >= MIN_PIECE_CHARS] or [_folded(quote)]
        start, first = 0, None
        for piece in pieces:
            at = self._folded.find(piece, start) if piece else -1
            if at < 0:
                return None
            first = at if first is None else first
            start = at + len(piece)
        return None if first is None else self._places[first]


def is_blank(quote: str) -> bool:
    """Whether nothing is quoted."""
    return not _folded(quote)


def _folded(text: str) -> str:
    return _folded_with_places(defuse(text))[0]


def _folded_with_places(text: str) -> tuple[str, list[int]]:
    folded: list[str] = []
    places: list[int] = []
    for place, char in enumerate(text):
        if unicodedata.category(char) in ("Cf", "Cc", "Cn", "Co", "Cs"):
            continue
        for plain in unicodedata.normalize("NFKC", char).casefold():
            if not plain.isspace() and plain not in "\"'“”‘’`*_":
                folded.append(plain)
                places.append(place)
    return "".join(folded), places
