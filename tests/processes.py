"""Looking at processes from outside, through /proc."""

import asyncio
import contextlib
import os
from collections.abc import Callable
from pathlib import Path


def command_line(pid: int) -> list[str]:
    """The command line of a process; empty when it is gone or a zombie."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text().split("\0")[:-1]
    except OSError:
        return []


def naming(word: str) -> dict[int, list[str]]:
    """Living processes with this word as an argument, and their command lines."""
    lines = {int(entry.name): command_line(int(entry.name)) for entry in Path("/proc").glob("[0-9]*")}
    return {pid: line for pid, line in lines.items() if word in line}


def group(leader: int) -> set[int]:
    """The living processes of a group, under whatever name they run."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(int(entry.name)) == leader and command_line(int(entry.name)):
                found.add(int(entry.name))
    return found


def leash_of(word: str) -> int:
    """The leash that holds the command with this argument; its id is also its group's."""
    return next(pid for pid, line in naming(word).items() if any(part.endswith("/leash.py") for part in line))


async def until(condition: Callable[[], object], limit_s: float = 30.0) -> None:
    """Returns once the condition holds; fails after the limit."""
    async with asyncio.timeout(limit_s):
        while not condition():  # noqa: ASYNC110 - processes set no events
            await asyncio.sleep(0.05)
