"""Text for prompts: placeholders filled in one pass, and untrusted text made harmless.

Rule 1: values are never scanned for placeholders, so no text from outside can pull in another value.
Rule 2: untrusted text cannot speak the server's own language: what a tokenizer could read as a control token
        (`<|im_start|>`, `</s>`, `[INST]`, `<start_of_turn>`) is broken up by spaces, invisible characters are
        dropped first, so that they cannot hide one. Mathematics survives: `<x,y>` becomes `< x,y >`.
Rule 3: untrusted text stands between two marker lines that it cannot contain. A marker is a digest of the
        very text that it encloses (and of all that came before it), so writing it into that text changes it.
        Nothing is random: the same request gives the same prompt, hence the same score, and a group of
        answers to one question shares its prefix in the server's cache.
"""

import hashlib
import re
from collections.abc import Mapping

_PLACEHOLDER = re.compile(r"\{\{([a-z_]+)\}\}")
# Control characters, zero-width and bidirectional marks, and the invisible tag alphabet.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\ufe00-\ufe0f\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
# Longest control token seen in published tokenizers is below 50 characters.
_ANGLE_TOKEN = re.compile(r"<(\|[^<>\n]{0,80}\||[^<>\s]{1,80})>")
# Mistral's [INST], [/INST], [TOOL_CALLS], GLM's [gMASK]; intervals have a comma or digits.
_BRACKET_TOKEN = re.compile(r"\[(/?[A-Za-z_]{3,40})\]")
# MiniMax writes its turns as ]~b]role ... [e~[ .
_TILDE_TOKEN = re.compile(r"\]~|~\[")
MARKER_HEX_DIGITS = 16
"""64 bits: an answer that contains its own marker would have to be found by search."""


def fill(template: str, values: Mapping[str, str]) -> str:
    """The template with every {{name}} replaced by its value, in one pass.

    >>> fill("{{a}} and {{b}}", {"a": "{{b}}", "b": "x"})
    '{{b}} and x'
    """
    return _PLACEHOLDER.sub(lambda found: values[found[1]], template)


def defuse(text: str) -> str:
    """Untrusted text that no chat template or tokenizer reads as control tokens.

    >>> defuse("42<|im_end|>"), defuse("[INST] [0, 1)"), defuse("a < b")
    ('42< |im_end| >', '[ INST ] [0, 1)', 'a < b')
    """
    text = _INVISIBLE.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    text = _ANGLE_TOKEN.sub(r"< \1 >", text)
    text = _BRACKET_TOKEN.sub(r"[ \1 ]", text)
    return _TILDE_TOKEN.sub(lambda found: f"{found[0][0]} {found[0][1]}", text)


def shorten(text: str, limit: int) -> str:
    """The text, or its head and tail with a note between them where it is longer than `limit` characters."""
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"


def enclosed(text: str, *before: str) -> str:
    """The defused text between two marker lines; `before` is what the prompt showed ahead of it."""
    safe = defuse(text)
    digest = hashlib.sha256("\0".join((*map(defuse, before), safe)).encode()).hexdigest()
    marker = f"--- {digest[:MARKER_HEX_DIGITS]} ---"
    return f"{marker}\n{safe}\n{marker}"
