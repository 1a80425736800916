"""What strange text looks like in numbers: loops, garbage, scripts mixed out of nowhere.

Rule 1: numbers first, judgement after: `text_features` measures, `flags` compares with limits.
Rule 2: flags are evidence for `anomaly.mask_anomalies`, never a reward and never a verdict alone: tables, code and
        long copies look like loops.
Rule 3: text and numbers only; no tensors here.
"""

import enum
import math
import re
import unicodedata
import zlib
from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from touchstone_trainer.streak import DEFAULT_LENGTH

WORD_NGRAM = 4
TAIL_CHARS = 10_000
"""A loop sits at the end; zlib looks back 32 KB, so a whole long text would dilute it (slime's `has_repetition`)."""

SCRIPTS = {
    script: re.compile(f"[{ranges}]")
    for script, ranges in {
        "latin": "A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\uff21-\uff3a\uff41-\uff5a",
        "han": "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff",
        "kana": "\u3041-\u3096\u30a1-\u30fa\u31f0-\u31ff\uff66-\uff9d",
        "hangul": "\u1100-\u11ff\u3131-\u318e\uac00-\ud7a3",
        "cyrillic": "\u0400-\u052f",
        "arabic": "\u0620-\u064a\u066e-\u06d3\u06fa-\u06fc\u0750-\u077f",
    }.items()
}

RUNS = re.compile(r"(.)\1+", re.DOTALL)


class TextFlag(enum.StrEnum):
    """A way in which a response looks strange."""

    REPETITION = "repetition"
    COMPRESSIBLE = "compressible"
    GARBLED = "garbled"
    SCRIPTS = "scripts"
    STREAK = "streak"


@dataclass(frozen=True, slots=True)
class TextLimits:
    """Where a feature becomes a flag; each needs enough text to mean anything."""

    word_repetition: float = 0.5
    """Share of word 4-grams that occurred before, from min_words words on."""
    min_words: int = 50
    compression: float = 10.0
    """Bytes over zlib bytes of the tail (slime), beyond min_chars characters."""
    min_chars: int = 2_000
    garbled: float = 0.01
    """Share of characters that nobody writes."""
    script_jump: float = 1.1
    """Nats of script entropy above the prompt's, from min_letters letters on: just over ln 3, so that Japanese with
    Latin formulas (three scripts) under an English prompt passes."""
    min_letters: int = 30
    streak_tokens: int = DEFAULT_LENGTH


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """Measures of one text."""

    chars: int
    words: int
    compression_ratio: float | None
    """UTF-8 bytes over zlib (level 9) bytes of the last 10,000 characters; None for an empty text."""
    garbled_fraction: float
    """Share of characters that are U+FFFD, private-use, unassigned, surrogates, or control other than \\n \\r \\t."""
    script_counts: Mapping[str, int]
    script_entropy: float
    """Entropy in nats of the letters over scripts."""
    longest_char_run: int
    word_repetition: float
    duplicate_line_fraction: float

    @property
    def letters(self) -> int:
        """Letters of any script counted."""
        return sum(self.script_counts.values())

    @property
    def dominant_script_fraction(self) -> float | None:
        """Share of the most frequent script; None without letters."""
        return max(self.script_counts.values()) / self.letters if self.script_counts else None


def text_features(text: str) -> TextFeatures:
    """Measure a text.

    >>> text_features("so it is 4. " * 60).word_repetition > 0.9
    True
    """
    words = text.split()
    chars = Counter(text)
    counts = {script: n for script, letters in SCRIPTS.items() if (n := _count(chars, letters.match))}
    lines = [line for line in text.splitlines() if line.strip()]
    return TextFeatures(
        chars=len(text),
        words=len(words),
        compression_ratio=compression_ratio(text),
        garbled_fraction=_count(chars, _is_garbled) / max(len(text), 1),
        script_counts=counts,
        script_entropy=_entropy(counts),
        longest_char_run=max((len(run.group()) for run in RUNS.finditer(text)), default=min(len(text), 1)),
        word_repetition=ngram_repetition(words, WORD_NGRAM),
        duplicate_line_fraction=ngram_repetition(lines, 1),
    )


def flags(
    response: TextFeatures, prompt: TextFeatures, longest_streak: int = 0, limits: TextLimits = TextLimits()
) -> frozenset[TextFlag]:
    """The limits that a response breaks. `longest_streak` is `StreakCounter.longest`."""
    ratio = response.compression_ratio
    found = {
        TextFlag.REPETITION: response.words >= limits.min_words and response.word_repetition > limits.word_repetition,
        TextFlag.COMPRESSIBLE: response.chars > limits.min_chars and ratio is not None and ratio > limits.compression,
        TextFlag.GARBLED: response.garbled_fraction > limits.garbled,
        TextFlag.SCRIPTS: response.letters >= limits.min_letters
        and response.script_entropy - prompt.script_entropy > limits.script_jump,
        TextFlag.STREAK: longest_streak >= limits.streak_tokens,
    }
    return frozenset(flag for flag, raised in found.items() if raised)


def ngram_repetition(items: Sequence[Hashable], size: int) -> float:
    """Share of n-grams that occurred before, 1 - unique/total; 0 where there is no n-gram. Source: TRL's reward.

    >>> ngram_repetition([5, 5, 5, 5, 5], 2)
    0.75
    """
    if size < 1:
        raise ValueError(f"n-grams have at least one item, not {size}")
    total = len(items) - size + 1
    if total < 1:
        return 0.0
    return 1 - len(set(zip(*(items[start:] for start in range(size)), strict=False))) / total


def tail_repeats(items: Sequence[Hashable], pattern_sizes: range, count: int) -> bool:
    """Whether the end is one pattern, of a length in `pattern_sizes`, at least `count` times in a row.

    The rule by which vLLM's `repetition_detection` stops, for rollouts of engines without it.

    >>> tail_repeats([9, 1, 2, 1, 2, 1, 2], range(1, 5), 3)
    True
    """
    if count < 2 or pattern_sizes.start < 1:
        raise ValueError(f"a pattern has at least one item and repeats at least twice: {pattern_sizes}, {count}")
    return any(
        len(items) >= size * count and all(items[-i] == items[-i - size] for i in range(1, size * (count - 1) + 1))
        for size in pattern_sizes
    )


def compression_ratio(text: str) -> float | None:
    """UTF-8 bytes over zlib (level 9) bytes of the last 10,000 characters; None for an empty text."""
    data = text[-TAIL_CHARS:].encode("utf-8", "surrogatepass")
    return len(data) / len(zlib.compress(data, 9)) if data else None


def _count(chars: Mapping[str, int], belongs: Callable[[str], object]) -> int:
    """Characters that belong: each distinct one is asked once, since texts have few."""
    return sum(n for char, n in chars.items() if belongs(char))


def _is_garbled(char: str) -> bool:
    return char == "\ufffd" or (char not in "\n\r\t" and unicodedata.category(char) in {"Cc", "Cn", "Co", "Cs"})


def _entropy(counts: Mapping[str, int]) -> float:
    total = sum(counts.values())
    return -math.fsum(n / total * math.log(n / total) for n in counts.values()) + 0.0
