"""What stops a command, and what its exit status means: the same as for `touchstone` itself.

CurationError
  BadInput     the call or its input is wrong: fix what the message names
    Refused    the model server does not take what one row makes of a request, too long, say: that row is unusable
  NoService    the service or the model server cannot be reached, or does not answer: call again, the work goes on
"""

DONE = 0
UNUSABLE_ROWS = 1
USAGE = 2
NO_SERVICE = 3

EXIT_CODES = (
    "Exit status: 0 all done; 1 some rows were unusable; 2 the call or its input is wrong; "
    "3 the service or the model server cannot be reached or does not answer."
)


class CurationError(Exception):
    """The command cannot go on. `str()` says what to do about it."""


class BadInput(CurationError):
    """The call or its input is wrong. The caller's move."""


class Refused(BadInput):
    """The model server refuses one request."""


class NoService(CurationError):
    """No usable answer came over HTTP. Nothing is lost: the same call goes on where this one ended."""
