"""What the reader says when it cannot read."""


class Unparsable(Exception):
    """The text is not an answer this reader knows. `str()` draws a caret under the place.

    >>> print(Unparsable("unbalanced brace", text="x^{2", at=2))
    unbalanced brace
      x^{2
        ^
    """

    WINDOW_CHARS = 60

    def __init__(self, message: str, *, text: str, at: int) -> None:
        super().__init__(message)
        self.message = message
        self.text = text
        self.at = at

    def __str__(self) -> str:
        if not self.text:
            return self.message
        start = max(0, self.at - self.WINDOW_CHARS // 2)
        shown = self.text[start : start + self.WINDOW_CHARS].replace("\n", " ")
        return f"{self.message}\n  {shown}\n  {' ' * (self.at - start)}^"
