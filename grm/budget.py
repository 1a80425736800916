"""Tokens per minute of one model: a bucket that fills at a steady rate. One event loop only.

Rule 1: what a call may use at most is taken before it is sent; what it did not use comes back when it ends.
Rule 2: waiters are served in the order in which they came; one whose deadline cannot be kept is turned away at once.
"""

import asyncio

from grm.backend import Completion

CHARS_PER_TOKEN = 3
"""English prose has four, mathematics and Chinese fewer; the reply's own count settles it."""
BURST_S = 10.0
"""So many seconds of the rate may be used at once: a group is judged together."""


class TokenBudget:
    """`per_minute` tokens in the long run."""

    def __init__(self, per_minute: int) -> None:
        if per_minute < 1:
            raise ValueError(f"a budget must be at least 1 token per minute, not {per_minute}")
        self._per_s = per_minute / 60
        self._most = self._per_s * BURST_S
        self._left = self._most
        self._filled_at: float | None = None

    def estimate(self, completion: Completion) -> int:
        """What the call may use at most, more or less."""
        chars = sum(len(message.content) for message in completion.messages)
        return chars // CHARS_PER_TOKEN + completion.max_tokens

    async def take(self, tokens: int, deadline_s: float) -> bool:
        """Wait until so many tokens are there and take them; False, at once, where that passes the deadline.

        A call larger than the whole bucket is let through when the bucket is full, and paid off afterwards.
        """
        self._fill()
        wanted = min(tokens, self._most)
        wait_s = max(0.0, (wanted - self._left) / self._per_s)
        if wait_s >= deadline_s:
            return False
        # Taken now, below zero if need be: whoever comes next waits behind us.
        self._left -= tokens
        if wait_s:
            try:
                await asyncio.sleep(wait_s)
            except asyncio.CancelledError:
                self._left += tokens
                raise
        return True

    def settle(self, taken: int, used: int) -> None:
        """Give back what a call did not use, or charge what it used beyond."""
        self._left = min(self._most, self._left + taken - used)

    def _fill(self) -> None:
        now = asyncio.get_running_loop().time()
        if self._filled_at is not None:
            self._left = min(self._most, self._left + (now - self._filled_at) * self._per_s)
        self._filled_at = now
