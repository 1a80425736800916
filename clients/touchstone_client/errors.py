"""What can go wrong in a call, and whose move is next.

TouchstoneError
  Unreachable        nothing usable answered, after the retries: check the address, or call again later
  Overloaded         the service sheds load (429 or 503): wait `retry_after_s`, then call again
  RequestRejected    the service says that the call is wrong (4xx): fix it; `problem` names the field
  ServerFault        the service broke (5xx) or its answer cannot be read: report it
  DeadlineExceeded   the caller's deadline came first: give it longer or send less

The client itself retries `Unreachable` and `Overloaded` while the deadline allows; the others never.
Every one can be pickled, so a worker process may raise it into its parent.
"""

from touchstone_client.contract import Problem


class TouchstoneError(Exception):
    """A call gave no usable answer. `str()` says what happened and what to do about it."""


class Unreachable(TouchstoneError):
    """Nothing usable answered. The network's or the operator's move."""


class Overloaded(TouchstoneError):
    """The service sheds load. The caller's move: wait `retry_after_s` seconds (None: no time was named)."""

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RequestRejected(TouchstoneError):
    """The call is wrong. The caller's move: fix what `problem` names (None: no problem+json came)."""

    def __init__(self, message: str, *, problem: Problem | None = None) -> None:
        super().__init__(message)
        self.problem = problem


class ServerFault(TouchstoneError):
    """The service broke, or its answer cannot be read. The service's move."""


class DeadlineExceeded(TouchstoneError):
    """The deadline came first. The caller's move: a longer one, or fewer items."""
