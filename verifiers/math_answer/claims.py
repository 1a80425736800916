"""Whether the final statement of a response names a word reference ("Canberra", "odd", "No solution")."""

from verifiers.math_answer.extract import Extraction


def claims(extraction: Extraction, reference: str, question: str | None) -> bool | None:
    """True or False where the final statement settles it, None where words alone cannot tell."""
    if extraction.answer is None:
        return False
    return True if extraction.answer.casefold().strip(" .") == reference.casefold().strip(" .") else None
