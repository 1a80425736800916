"""What can go wrong while sampling from a model server, and whose move is next.

GenerationError
  Unreached    no answer began, after the retries: is the server running there?
  Busy         it sheds load (429 or 503), after the retries: lower the concurrency or allow more time
  Refused      it rejects the request (4xx): fix what it names
  Broken       it answered, but the sample did not reach its end: the server died, failed or sent what cannot be read
  NoLogprobs   it sends no log-probabilities: nothing can be counted; ask another server or pass `rule=None`
  TooSlow      the deadline came first: allow more time or fewer tokens

Only `Unreached` and `Busy` are tried again by the client. `Broken` is the caller's to repeat: drawing again whatever
breaks would favour short samples, since long ones break more often.
"""


class GenerationError(Exception):
    """A sample could not be had. `str()` says what happened and what to do about it."""


class Unreached(GenerationError):
    """No answer began. The operator's move."""


class Busy(GenerationError):
    """The server sheds load. The caller's move: ask for less at a time. `retry_after_s` is the server's wish."""

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Refused(GenerationError):
    """The request is wrong. The caller's move: fix it."""


class Broken(GenerationError):
    """The answer began and did not reach its end. `tokens` had been received."""

    def __init__(self, message: str, *, tokens: int = 0) -> None:
        super().__init__(message)
        self.tokens = tokens


class NoLogprobs(GenerationError):
    """The server sends no log-probabilities. The caller's move: another server, or no rule."""


class TooSlow(GenerationError):
    """The deadline came first. The caller's move."""
