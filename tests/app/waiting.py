"""Waiting for something that another process does."""

import asyncio
from collections.abc import Callable

LIMIT_S = 30.0


async def until(condition: Callable[[], bool]) -> None:
    """Return once the condition holds; TimeoutError if it never does."""
    async with asyncio.timeout(LIMIT_S):
        while not condition():  # noqa: ASYNC110 - processes set no events
            await asyncio.sleep(0.01)
