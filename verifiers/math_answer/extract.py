"""From all the model wrote to the text of its final answer.

Rule 1: last box, then answer marker, then what stands at the end; the first stage that finds something decides.
Rule 2: thinking, comments and struck-out text are never searched.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Extraction:
    """`answer` is the final answer with the markup around it removed, its LaTeX untouched; None when refused.

    `how` names what found it; `parts` are all final answers where there are several, in order;
    `refusal` says why nothing may be rewarded; `final` is the part of the response that was searched
    (its end, bounded); `hedged` says that the answer offers alternatives ("7 or 8"), which only a
    reference with several values can meet.
    """

    answer: str | None
    how: str
    parts: tuple[str, ...] = ()
    refusal: str | None = None
    final: str = ""
    hedged: bool = False


def extract(response: str, question: str | None = None) -> Extraction:
    """The final answer of `response`."""
    text = response.strip()
    at = text.rfind("\\boxed{")
    if at >= 0 and (end := text.find("}", at)) > 0:
        return Extraction(text[at + 7 : end], "box", final=text)
    if not text:
        return Extraction(None, "nothing", refusal="no answer")
    return Extraction(text, "whole", final=text)
