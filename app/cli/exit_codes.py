"""What the command's exit status means, and how a command ends with a message instead of a traceback."""

from typing import NoReturn

import typer
from rich.console import Console

from touchstone_client import RequestRejected, TouchstoneError

UNUSABLE_ROWS = 1
USAGE = 2
NO_SERVICE = 3

EXIT_CODES = (
    "Exit status: 0 all done; 1 some rows were unusable; 2 the call is wrong; "
    "3 the service cannot be reached or does not answer."
)

errors = Console(stderr=True, highlight=False, soft_wrap=True)


def fail(message: str, code: int) -> NoReturn:
    """Say what to fix and end."""
    errors.print(f"touchstone: {message}", style="red", markup=False)
    raise typer.Exit(code)


def fail_for(error: TouchstoneError) -> NoReturn:
    """End as the client's error tree asks: a wrong call is the caller's to fix, all else the service's."""
    fail(str(error), USAGE if isinstance(error, RequestRejected) else NO_SERVICE)
