"""`language:*`: which language a text is written in, by py3langid (97 languages, its model inside of the package).

Rule 1: a text without letters is in no language.
Rule 2: the whole text is in the language that it is most likely in; a quotation in another one does not change it.
"""

import os
from functools import lru_cache

from verifiers.instructions.check import Arguments, UnavailableError

MAX_CHARS = 20_000
"""Of a text looked at: ten pages are enough to name a language."""


def response_language(text: str, given: Arguments) -> bool:
    """The response is in a language, given as its ISO 639-1 code."""
    return is_in(text, given["language"])


def is_in(text: str, language: str) -> bool:
    """Whether a text is in a language."""
    code = language.strip().lower().replace("_", "-").partition("-")[0]
    sample = text[:MAX_CHARS]
    # The model has learned from running text, in which capitals are rare.
    return any(char.isalpha() for char in sample) and detect(sample.lower()) == code


@lru_cache(maxsize=64)
def detect(text: str) -> str:
    """The code of the language that a text is most likely in."""
    # Each thread of numpy's linear algebra takes 32 MB of address space, a worker's whole budget on a large machine;
    # the model multiplies one small matrix and needs none.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from py3langid.langid import classify  # noqa: PLC0415 - numpy and 30 MB of model, for this check only
    except ImportError:
        raise UnavailableError("telling languages apart needs py3langid: pip install py3langid") from None
    return str(classify(text)[0])
