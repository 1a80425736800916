"""Runs a command so that nothing of it outlives the process that asked for it: `leash.py GRACE_S COMMAND...`.

It stands between us and a server that starts processes of its own. It leads a session, hence a process
group, of its own, holds the reading end of a pipe from its parent, and ends the whole group when the command
exits, when the pipe closes, or when its parent is gone (however that came about: SIGKILL included). Run by
path with the standard library alone, so that it starts in milliseconds and imports nothing that could fail.
GRACE_S are the seconds from the polite signal to the last one.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

LOOK_EVERY_S = 0.25
_PR_SET_PDEATHSIG = 1


def _die_with_leash() -> None:
    """In the command, before it starts: be killed should this process be killed."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def _let_go(parent: int) -> bool:
    """Whether the parent closed the pipe or is gone. Waits for up to LOOK_EVERY_S."""
    readable, _, _ = select.select([0], [], [], LOOK_EVERY_S)
    # Anything sent is ignored; nothing to read on a readable pipe means that it is closed.
    return (bool(readable) and not os.read(0, 4096)) or os.getppid() != parent


def main(grace_s: float, command: list[str]) -> None:
    """Run the command to its end, then end its group, which includes this process."""
    parent = os.getppid()
    os.setsid()
    child = subprocess.Popen(  # noqa: S603 - the caller's command is the point
        command,
        stdin=subprocess.DEVNULL,
        preexec_fn=_die_with_leash,  # noqa: PLW1509 - this process has one thread
    )
    # The group's signals are for the others.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while child.poll() is None and not _let_go(parent):
        pass
    if child.returncode is None:
        os.killpg(0, signal.SIGTERM)
        ends_at = time.monotonic() + grace_s
        while child.poll() is None and time.monotonic() < ends_at:
            time.sleep(LOOK_EVERY_S / 5)
    try:
        sys.stderr.write(f"leash: the command ended with status {child.returncode}\n")
        sys.stderr.flush()
    finally:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main(float(sys.argv[1]), sys.argv[2:])
