"""`detectable_format:*` and `detectable_content:*`: bullets, highlights, sections, title, JSON, postscript."""

import re

from verifiers.instructions.check import Arguments
from verifiers.json_text import NotJsonError, read_json

CONSTRAINED_RESPONSES = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_BULLET = re.compile(r"[ \t]*(?:\*[^*\n]|-(?!-*[ \t]*$))")
_HIGHLIGHT = re.compile(r"\*[^\n*]*\*")
_DOUBLE_HIGHLIGHT = re.compile(r"\*\*[^\n*]*\*\*")
_TITLE = re.compile(r"<<[^\n<>]*[^\s<>][^\n<>]*>>")
_PLACEHOLDER = re.compile(r"\[[^\[\]\n]+\]")
_FENCE_OPEN = re.compile(r"```(?:json|Json|JSON)?")


def number_bullet_lists(text: str, given: Arguments) -> bool:
    """Exactly so many bullets, `* ` or `- `; a divider of dashes is none."""
    return sum(1 for line in text.split("\n") if _BULLET.match(line)) == int(given["num_bullets"])


def number_highlighted_sections(text: str, given: Arguments) -> bool:
    """At least so many passages between asterisks."""
    single = [part for part in _HIGHLIGHT.findall(text) if part.strip("*").strip()]
    double = [part for part in _DOUBLE_HIGHLIGHT.findall(text) if part[2:-2].strip()]
    return len(single) + len(double) >= int(given["num_highlights"])


def multiple_sections(text: str, given: Arguments) -> bool:
    """At least so many marks like "Section 1"."""
    mark = rf"\s?{re.escape(given['section_spliter'].strip())}\s?\d+\s?"
    return len(re.findall(mark, text)) >= int(given["num_sections"])


def json_format(text: str, given: Arguments) -> bool:
    """The whole response is one JSON value, in a code fence or bare."""
    del given
    bare = text.strip()
    if opening := _FENCE_OPEN.match(bare):
        bare = bare[opening.end() :].removesuffix("```")
    try:
        read_json(bare.strip())
    except NotJsonError:
        return False
    return True


def title(text: str, given: Arguments) -> bool:
    """A title in double angle brackets, with something in it."""
    del given
    return _TITLE.search(text) is not None


def constrained_response(text: str, given: Arguments) -> bool:
    """One of the three fixed answers, and no other of them."""
    del given
    return sum(option in text for option in CONSTRAINED_RESPONSES) == 1


def number_placeholders(text: str, given: Arguments) -> bool:
    """At least so many placeholders in square brackets."""
    return len(_PLACEHOLDER.findall(text)) >= int(given["num_placeholders"])


def postscript(text: str, given: Arguments) -> bool:
    """A postscript that begins with its mark and says something."""
    letters = re.findall(r"\w+", given["postscript_marker"].lower())
    plain = {"p.p.s": r"p\.\s?p\.\s?s\.?", "p.s": r"p\.\s?s\.?"}.get(".".join(letters))
    mark = plain or re.escape(given["postscript_marker"].strip().lower())
    return re.search(rf"(?:^|\s|\*){mark}[^\w\n]{{0,5}}\s{{0,5}}\w", text.lower(), re.MULTILINE) is not None
