"""What one piece of text names: a letter, several, or an option by its text.

Rule 1: a letter counts where it stands alone or is followed by a bracket, a full stop, a reason or its own option's
        text. "A dog" and "I think" name nothing.
Rule 2: a letter beside another option's text contradicts itself; "B or C" is a hedge. Both say so.
"""

import re
from typing import NamedTuple

from verifiers.choice.offered import Offered, quoted
from verifiers.normalisation import widths, worded

MAX_VALUE_CHARS = 600
"""Of an announced value that is read: a letter with the longest option text behind it."""


class Named(NamedTuple):
    """The letters that a text names; `fault` says why it may not be rewarded, `rule` how they were named."""

    letters: frozenset[str]
    rule: str = "letter"
    fault: str | None = None


_WRAP = re.compile(
    r"\\(?:text(?:bf|rm|it|sf)?|math(?:rm|bf|sf|it)|mbox|rm|bf|boxed|fbox)\b\s*|\\(?:quad|[ ,;:!])"
    r"|[{}$*`\"“”「」]|(?<!\w)_|_(?!\w)|(?<!\w)['‘](?=[A-Za-z]['’](?!\w))|(?<=['‘][A-Za-z])['’](?!\w)"
)
_LEAD = re.compile(
    r"\s*(?:(?:the|my|definitely|clearly|therefore|thus|simply|obviously|indeed|only|none other than)\s+)*"
    r"(?:(?P<both>both|either)\s+)?(?:(?:correct|right|best|final)\s+)?"
    r"(?:(?:options?|choices?|answers?|letters?)\b(?:\s+(?:choice|option|is|letter))?\s*[:：]?|选项|第|选)?\s*[:：]?\s*"
    r"(?:(?P<either>both|either)\s+)?",
    re.IGNORECASE,
)
_LETTER = re.compile(r"(?P<open>[(（\[【]\s*)?(?P<letter>[A-Za-z])(?![A-Za-z0-9'’^_])(?P<close>\s*[)）\]】])?")
_RUN = re.compile(r"[A-Z](?:[A-Z]{1,25}|(?: [A-Z]){1,25})(?![A-Za-z0-9'’])")
_BETWEEN = re.compile(r"\s*(?:[;；、\n]|,\s*(?:and\b)?|，|\band\b|[和与及])\s*")
_LETTERED = re.compile(r"[(（*]{0,3}([A-Z])[)）.:：、*]{1,3}\s*(.+)")
_JOIN = re.compile(
    r"\s*(?P<word>,\s*(?:and|or)\b|[,，、/&;+]|\b(?:and/or|and|or|as well as|along with|together with|plus)\b"
    r"|以及|[和或与及])\s*(?P<perhaps>(?:maybe|possibly|perhaps|also|even)\s+)?"
    r"(?:options?\s+|choices?\s+|选项)?(?P<open>[(（\[]\s*)?(?P<letter>[A-Z])(?![A-Za-z0-9'’^_])(?:\s*[)）\]])?",
)
_OR = re.compile(r"\bor\b|或|/", re.IGNORECASE)
_REASON = re.compile(
    r"[\s,;，；(（–—-]*(?:\b(?:because|since|as|due to|for|given|while|whereas|which|who|that is"
    r"|i\.e|so|not|rather than|instead of|unlike|and not"
    r"|but not|where|based on|in (?:this|the)|from the|by (?:the|elimination|process)|with"
    r"|after|the reason|being|per|here|here's"
    r"|(?:is|was) (?:clearly |indeed |therefore )?(?:the )?(?:only |most |single )?(?:correct|right"
    r"|best|answer|accurate|appropriate|true))\b"
    r"|因为|由于|而不是|不是|项|选项|，?理由|是正确|正确|吧|了)",
    re.IGNORECASE,
)
_MARK = re.compile(r"\s*[).:：．、,，;；。–—-]+\s*")
_END = re.compile(r"[\s.,;:!。，；：！)）\]]*\Z")
_PARENTHESIS_OR = re.compile(
    r"\b(?:or|possibly|maybe|perhaps)\b[^.]{0,20}?(?:option\s*)?\(?(?<![A-Za-z])([A-Z])(?![A-Za-z0-9'’])",
    re.IGNORECASE,
)
# Behind a letter: "B项", "B です", "B입니다"; "B ではない" denies it.
_EASTERN = re.compile(r"[\u4e00-\u9fff]|\s*(?!で(?:は|も)|じゃ|가 |이 )[\u3040-\u30ff\uac00-\ud7af]")
# "B... no, A": the letter is taken back.
TAKEN_BACK = re.compile(
    r"\b(?:[Nn]o|[Ww]ait|[Aa]ctually|[Ss]orry|[Oo]ops|[Hh]mm|[Cc]orrection|I mean|[Mm]ake that)"
    r"(?:[\s,.:–—-]+(?:no|wait|actually|it's|it is|the answer is))*[\s,.:–—-]+\(?([A-Z])(?=[\s.)!*]*(?:\Z|[.,;\n]))"
)
_LABEL = re.compile(r"(?<![A-Za-z0-9\\])\(?([A-Z])(?:\)|[.:：](?=\s))")
_STOP = re.compile(r"(?<=[^\d\s.][.!])\s+|(?<=[。；])|[;；]\s|\s[–—-]\s|\s\(|（|\n")
# "Not A but B" names B; "A and C are wrong" and "B 不正确" say something of letters and name none.
_NOT_BUT = re.compile(r"\s*(?:not|isn't|不是)\s+\(?[A-Z]\)?(?:\s+or\s+\(?[A-Z]\)?)*\s*,?\s*(?:but(?: rather)?|而是)\s+")
_SAID_OF_LETTERS = re.compile(
    r"\(?[A-Z]\)?(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*[和、]\s*)\(?[A-Z]\)?)*\s*"
    r"(?:(?:are|were|have|do|fail)\b(?! (?:both |all )?(?:correct|right))|(?:is|was|does"
    r"|has)\s*(?:not|n't|wrong|incorrect|false|never|neither)"
    r"|isn't|cannot|can't|(?:选项|项)?(?:都|是|也)?(?:不|错|并不|并非|有误))"
)
_DENIED_LETTER = re.compile(
    r"\s*(?:(?:definitely |clearly |certainly )?(?:not|neither|never|nor)\b|isn't|不是|并非|不选|不能)",
    re.IGNORECASE,
)


def read(text: str, offered: Offered) -> Named | None:
    """What a text names, None where it names nothing.

    >>> read("(B) because A is too small", ()), read("A dog", ())
    (Named(letters=frozenset({'B'}), rule='letter', fault=None), None)
    >>> read("B or C", ()).fault
    'alternatives'
    """
    text = text[:MAX_VALUE_CHARS]
    whole = quoted(text, offered) if len(worded(text)) > 1 or worded(text).isdigit() else None
    plain = " ".join(_WRAP.sub(" ", widths(text)).split())
    plain = _NOT_BUT.sub("", plain, count=1)
    label = _LABEL.match(plain)
    if whole is not None and (label is None or label[1] == whole):
        return Named(frozenset(whole), "option_text")
    if _DENIED_LETTER.match(plain):
        return None
    several = _several(text, offered)
    if several is not None:
        return several
    lead = _LEAD.match(plain)
    assert lead is not None  # it matches the empty string
    rest = plain[lead.end() :]
    if _SAID_OF_LETTERS.match(rest):
        return None
    named = _run(rest, offered) or _lettered(rest, offered, named_so=lead.end() > 0)
    if named is None:
        named = _by_text(text, offered)
    if named is not None and (lead["either"] or lead["both"]) and len(named.letters) > 1:
        return named._replace(fault="alternatives") if "either" in lead[0].lower() else named
    return named


def _known(letter: str, offered: Offered) -> bool:
    return not offered or len(offered) == 1 or any(letter == name for name, _ in offered)


def _run(rest: str, offered: Offered) -> Named | None:
    """Letters written together, "AC"."""
    run = _RUN.match(rest)
    letters = run[0].replace(" ", "") if run is not None else ""
    if run is None or len(set(letters)) < len(letters) or not _follows(rest[run.end() :]):
        return None
    # "BAD" and "A I" are words where nobody knows the options.
    if len(offered) < 2 and list(run[0]) != sorted(letters):
        return None
    return Named(frozenset(letters)) if all(_known(letter, offered) for letter in letters) else None


def _several(text: str, offered: Offered) -> Named | None:
    """Options by their texts, with or without letters, and nothing between them: "A) 2 and C) 7"."""
    pieces = [piece for piece in _BETWEEN.split(text) if piece] if len(offered) > 1 else []
    if not 1 < len(pieces) <= len(offered):
        return None
    named = [_own(piece, offered) for piece in pieces]
    letters = frozenset(letter for letter in named if letter is not None)
    return Named(letters, "option_text") if len(letters) == len(pieces) else None


def _own(piece: str, offered: Offered) -> str | None:
    """The option that a piece quotes; a letter before it must be its own."""
    lettered = _LETTERED.fullmatch(piece)
    letter = quoted(lettered[2], offered) if lettered else quoted(piece, offered)
    return letter if lettered is None or letter == lettered[1] else None


def _follows(rest: str) -> bool:
    return _END.match(rest) is not None or _REASON.match(rest) is not None or rest[:1] in ".。,，;"


def _lettered(rest: str, offered: Offered, *, named_so: bool) -> Named | None:
    found = _LETTER.match(rest)
    if found is None:
        return None
    letter, after = found["letter"].upper(), rest[found.end() :]
    if found["letter"].islower() and not (found["close"] or (_END.match(after) and (named_so or len(rest) <= 3))):
        return None
    if not _known(letter, offered):
        return None
    joined = _joined(letter, after, offered)
    if joined is not None:
        return joined
    fault = _beside(letter, after, offered)
    if fault is not None:
        return Named(frozenset(letter), fault=fault)
    bracketed = bool(found["close"])
    if _follows(after) or (bracketed and not after[:1].isalnum()) or (named_so and bracketed):
        return Named(frozenset(letter))
    if _MARK.match(after) or bracketed:
        return Named(frozenset(letter))
    own = dict(offered).get(letter)
    if own is not None and worded(after).startswith(worded(own)):
        return Named(frozenset(letter))
    return Named(frozenset(letter)) if _EASTERN.match(after) else None


def _joined(letter: str, after: str, offered: Offered) -> Named | None:
    """`B and C`, `A, B or D`: all the letters, with a fault where they are alternatives."""
    letters, fault = [letter], None
    while (more := _JOIN.match(after)) and _known(more["letter"], offered):
        following = after[more.end() :]
        # "B, A is too small": the second letter begins a clause of its own.
        if not more["open"] and re.match(r"\s+(?:is|was|would|has|does|cannot|can|fails|gives)\b", following):
            break
        # "B and A person": an article.
        if more["letter"] in "AI" and re.match(r"\s+[a-z]", following) and not _REASON.match(following):
            break
        letters.append(more["letter"])
        if _OR.search(more["word"]) or (more["perhaps"] or "").lower().startswith(("maybe", "possibly", "perhaps")):
            fault = "alternatives"
        after = following
    return Named(frozenset(letters), fault=fault) if len(letters) > 1 else None


def _beside(letter: str, after: str, offered: Offered) -> str | None:
    """What is wrong with the text beside a letter: it is another option's, or names further letters."""
    reason = _REASON.match(after)
    if (
        (other := _PARENTHESIS_OR.search(after[:80]))
        and other[1] != letter
        and other[1].isupper()
        and _known(other[1], offered)
    ):
        return "alternatives"
    if (other := TAKEN_BACK.search(after[:80])) and other[1] != letter and _known(other[1], offered):
        return "contradicting finals"
    if reason is not None:
        return None
    mark = _MARK.match(after)
    text = after[mark.end() :].strip() if mark else after.strip()
    if not text:
        return None
    reasoned = re.search(
        r"[\s,;(]\b(?:because|since|not|rather than|instead of|unlike|while|whereas|wrong)\b|因为|不是|错",
        text,
    )
    text = text[: reasoned.start()] if reasoned else text
    if any(more[1] != letter and _known(more[1], offered) for more in _LABEL.finditer(text)) and offered:
        return "alternatives"
    words = worded(text)
    own = worded(dict(offered).get(letter, ""))
    if own and (words == own or words.startswith(own + " ") or own.startswith(words + " ")):
        return None
    others = [name for name, option in offered if name != letter and _begins(words, worded(option))]
    if others:
        return "contradicting finals"
    meant = quoted(text, offered)
    return "contradicting finals" if meant is not None and meant != letter else None


def _begins(words: str, option: str) -> bool:
    return len(option) > 0 and (words == option or (len(option) > 3 and words.startswith(option + " ")))


def _by_text(text: str, offered: Offered) -> Named | None:
    """An option by its text at the start of a longer value: "oxygen, because it burns"."""
    if not offered:
        return None
    cuts = [
        found.start() for pattern in (_STOP, _REASON) for found in list(pattern.finditer(text))[:3] if found.start()
    ]
    for cut in sorted({*cuts, *(place for place, mark in enumerate(text[:200]) if mark in ",，")}, reverse=True):
        letter = quoted(text[:cut], offered) if worded(text[:cut]) else None
        if letter is not None:
            rest = f" {worded(text[cut:])} "
            others = [
                name for name, option in offered if name != letter and worded(option) and f" {worded(option)} " in rest
            ]
            denied = re.search(r"\b(?:not|rather than|instead of|unlike|because|since|as)\b|因为|不是", text[cut:])
            return Named(frozenset(letter), "option_text", None if denied or not others else "alternatives")
    return None
