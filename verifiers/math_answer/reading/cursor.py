"""A position in a token list: look, take, refuse. The three layers of the parser build on it."""

from verifiers.math_answer.reading.errors import Unparsable
from verifiers.math_answer.reading.lexer import Token
from verifiers.math_answer.reading.limits import MAX_DEPTH


class Cursor:
    """Reads `toks` from left to right. `depth` counts nested descents, `bars` the open absolute-value bars."""

    __slots__ = ("at", "bars", "braces", "depth", "text", "toks")

    def __init__(self, toks: list[Token], text: str) -> None:
        # A sentinel spares every look-ahead a bounds check; two of them allow looking one further.
        end = Token("eof", None, len(text), len(text))
        self.toks = [*toks, end, end]
        self.text = text
        self.at = 0
        self.depth = 0
        self.bars = 0
        self.braces = 0

    @property
    def kind(self) -> str:
        """The kind of the next token."""
        return self.toks[self.at].kind

    def take(self) -> Token:
        """The next token, consumed."""
        token = self.toks[self.at]
        self.at += 1
        return token

    def accept(self, kind: str) -> bool:
        """Consume the next token if it is of this kind."""
        if self.toks[self.at].kind == kind:
            self.at += 1
            return True
        return False

    def expect(self, kind: str) -> Token:
        """Consume a token of this kind or refuse."""
        if self.toks[self.at].kind != kind:
            raise self.error(f"expected {kind}, found {self.toks[self.at].kind}")
        return self.take()

    def error(self, message: str) -> Unparsable:
        """A refusal that points at the next token."""
        return Unparsable(message, text=self.text, at=self.toks[min(self.at, len(self.toks) - 1)].at)

    def descend(self) -> None:
        """Count one level down; refuse past the limit, so that no input exhausts the stack."""
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"nested deeper than {MAX_DEPTH} levels")

    def skip_stops(self) -> None:
        """Pass stray dots: `(-1/2, \\sqrt{2}.]`."""
        while self.toks[self.at].kind == "stop":
            self.at += 1
