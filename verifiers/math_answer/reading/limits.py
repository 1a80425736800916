"""Sizes past which the reader refuses. All are counts, so that a verdict never depends on the machine's load."""

MAX_ANSWER_CHARS = 20_000
"""Longer than any sensible final answer; 2,000 numbers in a list are about 12,000 characters."""
MAX_TOKENS = 10_000
MAX_DEPTH = 64
"""Nested brackets, fractions and powers. Six Python frames a level stay far below the recursion limit."""
MAX_LITERAL_DIGITS = 100_000
MAX_TEXT_WORDS = 400
"""A sentence longer than this is kept as it is and never compared word by word."""
