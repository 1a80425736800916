"""What processes have used, as the kernel tells it; nothing where there is no /proc."""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Usage:
    """CPU seconds since they started; memory with what they share counted in each."""

    cpu_s: float = 0.0
    resident_bytes: int = 0


def usage(pids: Iterable[int]) -> Usage:
    """Of all of them together, with the children that they have waited for."""
    cpu_s, resident = 0.0, 0
    for pid in pids:
        try:
            # The name, in parentheses, may hold spaces.
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        except OSError:
            continue  # gone meanwhile
        cpu_s += sum(map(int, fields[11:15])) / TICKS_PER_S
        resident += int(fields[21]) * PAGE_BYTES
    return Usage(cpu_s, resident)
