"""Lists at the end of a response: several lines that are one answer together."""

import re

from verifiers.math_answer.extraction.chain import is_name, split_equalities
from verifiers.math_answer.extraction.markup import clean
from verifiers.math_answer.extraction.number import plain_value
from verifiers.math_answer.extraction.prose import is_bare

MAX_ITEMS = 16  # longer lists are steps, not answers

BULLET = re.compile(r"\A\s*(?:[-*•·+]\s+(?!\d*\s*[-+*/=])|(?:\d{1,2}[.)]|\(\d{1,2}\)|\(?[a-h]\))\s+|>\s*)")


def closing_items(lines: list[str]) -> list[str]:
    """The list items that end the response."""
    items: list[str] = []
    for line in reversed(lines[-MAX_ITEMS:]):
        bullet = BULLET.match(line)
        if bullet is None or not is_bare(line[bullet.end() :]):
            break
        items.append(line[bullet.end() :])
    return items[::-1]


def leading_items(lines: list[str]) -> list[str]:
    """The list items that begin these lines."""
    items: list[str] = []
    for line in lines[:MAX_ITEMS]:
        bullet = BULLET.match(line)
        if bullet is None or not is_bare(line[bullet.end() :]):
            break
        items.append(line[bullet.end() :])
    return items


def together(items: list[str]) -> tuple[str, ...]:
    """Lines that are one answer together: plain values, or values for different names. Empty where they are steps."""
    values = [clean(item) for item in items]
    if any(len(value) > 80 or not any(char.isdigit() for char in value) for value in values):
        return ()
    claims = [split_equalities(value) for value in values]
    if all(len(claim) == 1 and ":" not in claim[0] and not re.search(r"[A-Za-z]{4,}", claim[0]) for claim in claims):
        return tuple(values)
    if not all(len(claim) == 2 and is_name(claim[0]) for claim in claims):
        return ()
    names = [claim[0] for claim in claims]
    results = [plain_value(claim[1]) for claim in claims]
    if len(set(names)) < len(names) and (None in results or len(set(results)) < len(results)):
        return ()  # x = 24/2 and then x = 12: a derivation
    return tuple(values)
