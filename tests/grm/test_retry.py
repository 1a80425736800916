"""When a busy server is asked again. No clock, no server."""

import pytest

from grm.retry import RetryPolicy, next_wait_s, retry_after_s

POLICY = RetryPolicy(first_s=1.0, longest_s=4.0, attempts=6)


@pytest.mark.parametrize(("failed", "longest"), [(1, 1.0), (2, 2.0), (3, 4.0), (4, 4.0), (5, 4.0)])
def test_the_wait_is_drawn_from_a_doubling_range(failed: int, longest: float) -> None:
    """Full jitter: anywhere between nothing and a ceiling that doubles up to the longest."""
    for draw in (0.0, 0.25, 0.99):
        wait = next_wait_s(POLICY, failed=failed, left_s=60.0, retry_after_s=None, draw=draw)
        assert wait == pytest.approx(draw * longest)


def test_attempts_end() -> None:
    """After the last attempt nothing is waited for."""
    assert next_wait_s(POLICY, failed=6, left_s=60.0, retry_after_s=None, draw=0.0) is None


def test_a_wait_that_uses_up_the_deadline_is_not_begun() -> None:
    """The caller learns at once that the server is busy, instead of a time-out later."""
    assert next_wait_s(POLICY, failed=3, left_s=2.0, retry_after_s=None, draw=0.5) is None
    assert next_wait_s(POLICY, failed=1, left_s=2.0, retry_after_s=30.0, draw=0.0) is None


def test_the_server_is_believed_and_its_callers_are_spread() -> None:
    """Retry-After is a lower bound, with up to half a second on top."""
    assert next_wait_s(POLICY, failed=1, left_s=60.0, retry_after_s=5.0, draw=0.0) == 5.0
    assert next_wait_s(POLICY, failed=1, left_s=60.0, retry_after_s=5.0, draw=0.5) == 5.25


@pytest.mark.parametrize(
    "header", [None, "", "-1", "nan", "inf", "1e9", "soon", "1.2.3", "²", "Wed, 21 Oct 2026 07:28:00 GMT"]
)
def test_an_unusable_retry_after_is_no_statement(header: str | None) -> None:
    """Anything but plain seconds falls back to our own waits."""
    assert retry_after_s(header) is None


@pytest.mark.parametrize(("header", "seconds"), [("0", 0.0), (" 7 ", 7.0), ("1.5", 1.5)])
def test_seconds_are_read(header: str, seconds: float) -> None:
    """Whole or broken seconds, with spaces around."""
    assert retry_after_s(header) == seconds
