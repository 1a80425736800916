"""Whether and how long to wait before asking a busy server again. Pure: no clock, no sleep, no server.

Only what the server surely did not work on is asked again: 429, 503, and connections that were never made.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Full jitter: the n-th wait is drawn between 0 and min(longest_s, first_s * 2**n)."""

    first_s: float = 0.25
    longest_s: float = 8.0
    attempts: int = 8


def next_wait_s(
    policy: RetryPolicy, *, failed: int, left_s: float, retry_after_s: float | None, draw: float
) -> float | None:
    """Seconds to wait after `failed` failed attempts, or None to give up.

    `left_s` is what is left of the caller's deadline: a wait that would use it up is not begun. A server that
    says how long to wait is believed, and half a second of jitter keeps its callers from returning together.
    `draw` is a random number in [0, 1).

    >>> next_wait_s(RetryPolicy(), failed=1, left_s=10.0, retry_after_s=None, draw=0.5)
    0.125
    >>> next_wait_s(RetryPolicy(), failed=1, left_s=10.0, retry_after_s=2.0, draw=0.5)
    2.25
    >>> next_wait_s(RetryPolicy(), failed=1, left_s=1.0, retry_after_s=2.0, draw=0.5) is None
    True
    """
    if failed >= policy.attempts:
        return None
    if retry_after_s is not None:
        wait_s = retry_after_s + 0.5 * draw
    else:
        wait_s = draw * min(policy.longest_s, policy.first_s * 2.0 ** (failed - 1))
    return wait_s if wait_s < left_s else None


def retry_after_s(header: str | None) -> float | None:
    """A Retry-After header in seconds; None for the date form, which needs a clock that both sides share.

    >>> retry_after_s("3"), retry_after_s("-1"), retry_after_s("Wed, 21 Oct 2026 07:28:00 GMT")
    (3.0, None, None)
    """
    # Digits only: float() would also read "nan", "inf" and "1e9".
    text = (header or "").strip()
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else None
