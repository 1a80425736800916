"""True/false and yes/no questions: a true claim that states a value becomes the question for that value.

A false claim states no value that anybody could check against, and "97 is prime" has none to ask for: both are dropped,
since to answer them by yes or no pays half of all guesses.
"""

import re

from touchstone_trainer.curation.rewriting.drafts import Draft, Reason, Refusal
from touchstone_trainer.curation.rewriting.stems import shows_figure
from touchstone_trainer.curation.rewriting.values import is_value

TRUE_WORDS = frozenset({"true", "yes", "t", "y", "correct", "right", "对", "正确", "是", "√", "✓", "真", "是的"})
FALSE_WORDS = frozenset(
    {"false", "no", "f", "n", "incorrect", "wrong", "错", "错误", "否", "×", "✗", "假", "不是", "不正确", "不对"}
)
WORDS = ("true", "false", "yes", "no", "对", "错")
"""What a guesser would say."""

_LEAD = re.compile(
    r"(?is)^\s*(?:(?:\(|\[)?(?:true or false|true/false|t/f|yes or no)(?:\)|\])?\s*[?:.]?|"
    r"(?:determine|decide|state|judge|say) (?:whether|if) (?:the following |this )?(?:statement |claim |"
    r"it )?(?:is|holds)? ?(?:true|correct)?(?: or (?:false|not))?\s*[:.]|"
    r"(?:is (?:the following|this) (?:statement |claim )?(?:true|correct)(?: or false)?)\s*[?:]|"
    r"(?:判断(?:题|对错|正误|下列说法是否正确|以下说法是否正确)?|对还是错|是非题)\s*[:：]?)\s*"
)
_TAIL = re.compile(
    r"(?is)\s*(?:[(（]\s*[)）]|[(\[]?\s*(?:true or false|true/false|yes or no|t/f)\s*[)\]]?\s*\??|(?:is this|"
    r"is that) (?:true|correct|right)\s*\?|"
    r"(?:这|该)?(?:说法|句话|个说法)?(?:对吗|正确吗|是否正确|对不对|是真是假)|对吗)\s*[?？。.]?\s*$"
)
_STATEMENT = re.compile(
    r"(?is)^(?P<what>.+)\s(?:is equal to|equals|is|are|was)\s+(?:exactly )?(?P<value>[^.?]*?(?:\.\d[^.?]*)?)\s*\.?$"
)
_EQUATION = re.compile(r"(?s)^(?P<what>[^=]*[-+*/^×÷\\(!][^=]*)=\s*(?P<value>[^=<>]+?)\s*\.?$")
_QUESTION = re.compile(r"(?is)^(?:is|are|does|do)\s+(?P<what>.+?)\s+(?:equal to|equals?)\s+(?P<value>[^?]+?)\s*\?$")
_CHINESE = re.compile(r"(?s)^(?P<what>.*(?:的|[-+*/×÷]).*?)(?:等于|是|为|=)\s*(?P<value>[^，。,=]+?)\s*。?$")
_DEFINITE = re.compile(
    r"(?is)^(?:(?:if|when|for|in|given|let|suppose|since)\b.*?[,.]\s*)?the\b|^\W*(?:\$|\\|"
    r"[-(]?\d)[^A-Za-z]*$|^[^A-Za-z]*$"
)
_INDEFINITE = re.compile(
    r"(?i)\b(?:one of|some|could|can|may|might|at (?:least|most)|possible|example|not)\b|可能|之一|一个因数|"
    r"一个倍数|不|至少|至多"
)


def truth(reference: str) -> bool | None:
    """What a reference says of a claim; None where it says something else."""
    word = reference.strip().strip("$*.。()（） ").lower()
    word = re.sub(r"^\\(?:text|boxed|mathrm)\{(.*)\}$", r"\1", word)
    return True if word in TRUE_WORDS else False if word in FALSE_WORDS else None


def opened(question: str, holds: bool) -> Draft | Refusal:
    """The question for the value that a true claim states."""
    if shows_figure(question):
        return Refusal(Reason.NEEDS_FIGURE)
    claim = bare(question)
    found = stated(claim)
    if found is None:
        return Refusal(Reason.NO_VALUE)
    if not holds:
        return Refusal(Reason.FALSE_CLAIM)
    what, value, asked = found
    return Draft(what, asked, (value,), (), ("math", "stem"), "claim_to_value")


def bare(question: str) -> str:
    """The claim without "true or false"."""
    return _TAIL.sub("", _LEAD.sub("", question)).strip()


def stated(claim: str) -> tuple[str, str, str] | None:
    """What a claim is about, the value that it states, and the question for that value; None where it states none."""
    if found := _fits(_QUESTION, claim):
        return *found, f"What is {found[0]} equal to?"
    if re.search(r"[\u4e00-\u9fff]", claim):
        found = _fits(_CHINESE, claim, definite=False)
        return (*found, f"{_joined(found[0], claim)}____。请写出横线处的值。") if found else None
    if found := _fits(_EQUATION, claim, definite=False):
        return *found, f"Compute {found[0]}."
    if found := _fits(_STATEMENT, claim):
        return *found, f"{_joined(found[0], claim)} ____. What value belongs in the blank?"
    return None


def _fits(pattern: re.Pattern[str], claim: str, *, definite: bool = True) -> tuple[str, str] | None:
    found = pattern.match(claim)
    if found is None:
        return None
    what, value = found["what"].strip(), found["value"].strip(" \t\n,，")
    if not is_value(value) or _INDEFINITE.search(what) or (definite and not _DEFINITE.search(what)):
        return None
    return what, value


def _joined(what: str, claim: str) -> str:
    """The claim up to its value: with its own verb."""
    verb = re.match(r"\s*(?:is equal to|equals|is exactly|are exactly|is|are|was|等于|是|为|=)", claim[len(what) :])
    return what + (verb[0] if verb else "")
