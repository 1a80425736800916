r"""Final answers in boxes: \boxed{}, \fbox{}, \boxed 5.

Rule 1: the last box wins, except one that is said to be wrong ("not \boxed{12}").
Rule 2: boxes joined by commas, "and" or "or" are one answer; boxes of labelled parts are several.
Rule 3: two boxes that each claim to be the answer and differ, without a word of correction, contradict.
"""

import re
from dataclasses import dataclass

from verifiers.math_answer.extraction.markup import clean, closing_brace, says_something, squeeze
from verifiers.math_answer.extraction.number import differ
from verifiers.math_answer.extraction.prose import MAX_LEAD_CHARS, disowned

MAX_BOXES = 16  # parts of a question; older boxes are intermediate results
NEAR_CHARS = 400  # two finals further apart than this are a revision, not a contradiction

MAX_BOX_CHARS = 8_000  # times MAX_BOXES braces are matched at most

_COMMANDS = ("\\boxed", "\\fbox", "\\framebox")
_OPENING = re.compile(r"\s{0,8}(?:\[[^\]\n]{0,20}\]){0,2}\s{0,8}\{")  # \framebox[2cm]{...} too
_FORMULA_END = re.compile(r"\$|\\\]|\\\)|\n")
_OR = re.compile(r"\bor\b|或")
_UNBRACED = re.compile(r"\s*(-?\d[\d.,]*(?<![.,])|\\?[A-Za-z]+|[^\s$\\{}]+)")
# What follows the box and belongs to its value: a sign of percent or degree, a subscript, a unit in text.
_ATTACHED = re.compile(
    r"(?:\\[,;:! ]|[~ \n]){0,6}(?:\$ ?(?=\\?%|°))?((?:\^\s*\{?\s*\\(?:circ|degree)\s*\}?|°|\\?%|\\degree"
    r"|\^\{?\\prime\}?"
    r"|[_^]\s*(?:\{[^{}]{1,40}\}|\w)|!(?=\s*[$\\.]|\s*\Z)|\\pi\b|\\times\s*10\s*\^\s*(?:\{[^{}]{1,12}\}|\d)"
    r"|\\(?:text|mathrm|textrm|mbox|rm)\s*\{\s*[A-Za-zµμΩ°/·. ]{1,16}(?:\^?\{?-?\d\}?)?\s*\}(?:\s*\^\s*\{?-?\d\}?)?))"
)
_UNIT_PROSE = re.compile(
    r"\{\s*(?:is|are|and|or|so|as|if|for|where|which|because|since|when|with|by|the|in|to|hence|thus|then|but)\b",
    re.IGNORECASE,
)
_DENIED_BEFORE = re.compile(
    r"(?:\b(?:not|isn't|never|hardly|(?:any|every)thing (?:but|besides|other than|except)|instead of"
    r"|rather than|unlike|(?:wrong|incorrect|mistaken|erroneous|tempting|naive)"
    r" (?:answer|result|value)s?(?: (?:is|of|would be|might be|could be|as))?)|不是|而不是|并非"
    r"|错误答案(?:是|为)?|误(?:得|写|算)为?)"
    r"[\s$*:：(\\\[]{0,8}\Z",
    re.IGNORECASE,
)
_DENIED_AFTER = re.compile(
    r"[\s$.\\)\]*]{0,6}(?:[?？]|,? (?:which )?(?:is|was|would be) (?:wrong|incorrect|not|a (?:common )?mistake"
    r"|false)|是错"
    r"|不对|不正确)",
    re.IGNORECASE,
)
_JOINER = re.compile(
    r"[\s$\\,;，、；]*(?:\\?(?:quad|qquad|text\s*\{\s*(?:and|or)\s*\}))?[\s$\\,;，、；]*(?:(?:and|or|&|和|或|与|及))?"
    r"[\s$\\,;，、；]*(?:[A-Za-z](?:_\{?\w{1,3}\}?)?\s*=\s*)?"
)
CORRECTION = re.compile(
    r"\b(?:wait|actually|sorry|oops|no[,:]|correction|mistake|error|however|recheck|re-?check|re-?examine"
    r"|recalculat\w*|redo|re-?do"
    r"|reconsider|double[- ]check|hmm|instead|let me|let's (?:check|verify)|but|scratch that|on second thou?ght"
    r"|i mean|rather)\b"
    r"|更正|不对|错了|错误|重新|修正|等等|等一下|应该是|应为|但是|然而|不过|检查",
    re.IGNORECASE,
)
PART_LABEL = re.compile(
    r"(?:\((?:[a-h]|[ivx]{1,4}|\d{1,2})\)|（\d{1,2}）|[①-⑳]|\b(?:part|question|problem|case|task|q)\s?(?:\d|[a-h]\b"
    r"|i{1,3}\b)|\b(?:first|second|third) (?:part|question|answer|blank|one|value)\b|(?:^|\n)[ \t#*]*"
    r"(?:\d{1,2}[.)、]|[a-h][.)])|第[一二三四五六七八九十\d]+(?:问|小题|空|部分|题))",
    re.IGNORECASE,
)
# Another answer is offered: "otherwise", "Option 2:".
_ALTERNATIVE = re.compile(
    r"\b(?:otherwise|alternatively|or else|or if|if not|if\b[^.\n]{1,60}?,? else)\b|否则"
    r"|\b(?:option|candidate|possibility|choice|attempt|guess|try|alternative) ?#?(?:\d|[A-Z]\b)?[ *]{0,4}[:：]"
    r"|\A[\s.,;$)]*[A-H] ?[:：][\s$(\\]*\Z",
    re.IGNORECASE,
)
ALTERNATIVE_CHARS = 100  # between two boxes of which one is the alternative to the other
ANSWER_CLAIM = re.compile(r"\b(?:answer|result)\b[^.\n]{0,40}\Z|答案[^。\n]{0,20}\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Box:
    """One box: where it starts, where it ends, what is in it (with an attached unit)."""

    start: int
    end: int
    content: str


@dataclass(frozen=True, slots=True)
class Boxed:
    """What the boxes of a response say."""

    answer: str | None
    how: str = "box"
    parts: tuple[str, ...] = ()
    refusal: str | None = None
    end: int = 0


def lone_box(text: str) -> str | None:
    """The content of the only box of a plain text that ends with it, None when a closer look is needed.

    This is the common case, and takes a few microseconds.
    """
    at = text.rfind("\\boxed{")
    if at < 0 or len(text) - at > 400 or not text.isascii() or "<" in text or "~" in text or text.find("\\boxed") != at:
        return None
    end = text.find("}", at)
    if end < 0:
        return None
    inner = text[at + 7 : end]
    if "{" in inner:
        end = closing_brace(text, at + 6)
        if end < 0:
            return None
        inner = text[at + 7 : end]
    inner = inner.strip(" \n")
    if text[end + 1 :].strip(" .$\n*)]\\") or not inner or inner[0] in "$=:*\"'`" or inner[-1] in ".,;:!?":
        return None
    if inner[0] == "\\" and not _PLAIN_COMMAND.match(inner):
        return None
    line = text[text.rfind("\n", 0, at) + 1 : at]
    # A percent sign is a comment, a minus belongs to the box.
    if len(line) > 400 or "%" in line or line.endswith("-") or not _SAID.search(inner):
        return None
    if _LEAD_TO_READ.search(line.lower()):
        return None
    return None if "uman:" in text or "User:" in text or "cancel{" in text or "THINK]" in text else inner


_PLAIN_COMMAND = re.compile(r"\\(?:[dt]?frac|sqrt|pi|text\b|left|math(?:rm|bf))")
_SAID = re.compile(r"[A-Za-z0-9]")
# A word that may deny the box, or a score. In lower case: ignoring case costs ten times as much.
_LEAD_TO_READ = re.compile(
    r"not|n't|thing|hardly|said|says|think|thought|tempt|would|wrong|incorrect|instead|rather|score|rating|grade|mark"
    r"|verdict|reward"
)


def last_box(text: str, question: str | None = None) -> Boxed | None:
    """The final answer by boxes, None when there is no box with content."""
    if "box" not in text and "\x08oxed" not in text:
        return None
    if "\x08oxed" in text:
        text = text.replace("\x08oxed", "\\boxed")
    starts = _last_starts(text)
    if not starts:
        return None
    read = [_read_box(text, start, after) for start, after in starts]
    boxes = _innermost([box for box in read if box is not None])
    if read[-1] is None:
        return _cut_off(text, starts[-1][1], boxes)
    boxes = [
        box for box in boxes if says_something(box.content) and not box.content.endswith("?") and not _denied(text, box)
    ]
    if not boxes and any(box is not None and box.content.endswith("?") for box in read):
        return Boxed(None, refusal="no answer", end=len(text))
    return _settle(text, boxes, question) if boxes else None


def _last_starts(text: str) -> list[tuple[int, int]]:
    """(start, end of the command) of the last boxes, found from the end."""
    starts: list[tuple[int, int]] = []
    for command in _COMMANDS:
        before = len(text)
        for _ in range(MAX_BOXES):
            before = text.rfind(command, 0, before)
            if before < 0:
                break
            after = before + len(command)
            if not text[after : after + 1].isalpha():
                starts.append((before, after))
    return sorted(starts)[-MAX_BOXES:]


def _read_box(text: str, start: int, after: int) -> Box | None:
    """The box at `start`; None when its brace is never closed."""
    opening = _OPENING.match(text, after)
    if opening is None:
        bare = _UNBRACED.match(text, after)
        return _with_neighbours(text, start, bare.end(), bare[1]) if bare else Box(start, after, "")
    end = closing_brace(text, opening.end() - 1, MAX_BOX_CHARS)
    return _with_neighbours(text, start, end + 1, text[opening.end() : end]) if end >= 0 else None


def _with_neighbours(text: str, start: int, end: int, inner: str) -> Box:
    """The box with a sign before it and a unit or percent sign after it."""
    content = clean(inner)
    if content and (attached := _ATTACHED.match(text, end)) and not _UNIT_PROSE.search(attached[1]):
        glue = " " if attached[1].startswith(("\\t", "\\m", "\\r")) and "10" not in attached[1] else ""
        content, end = f"{content}{glue}{attached[1]}", attached.end()
    if text[max(start - 1, 0) : start] in ("-", "−") and (start < 2 or text[start - 2] in "$=( \n[{,"):
        content = f"-({content})" if re.search(r"[-+ ]", content.strip("-")) else f"-{content}"
    return Box(start, end, content)


def _innermost(boxes: list[Box]) -> list[Box]:
    """Without boxes around a box: the inner one is the answer."""
    kept: list[Box] = []
    for box in boxes:
        if kept and box.start < kept[-1].end:
            kept.pop()
        kept.append(box)
    return kept


def _cut_off(text: str, after: int, earlier: list[Box]) -> Boxed | None:
    """A box whose brace is missing: read to the end of the formula, if something follows that shows it was whole."""
    tail = text[after : after + MAX_BOX_CHARS].lstrip().removeprefix("{")
    stop = _FORMULA_END.search(tail)
    if stop is not None:
        content = clean(tail[: stop.start()])
        if says_something(content):
            return Boxed(content, "box_unclosed", end=len(text))
    began = squeeze(tail)
    if earlier and began and squeeze(earlier[-1].content).startswith(began):
        return Boxed(earlier[-1].content, "box", end=len(text))
    return Boxed(None, "box", refusal="cut off", end=len(text))


def _denied(text: str, box: Box) -> bool:
    before = text[max(box.start - 60, 0) : box.start]
    if _DENIED_BEFORE.search(before) or _DENIED_AFTER.match(text, box.end):
        return True
    return disowned(text[max(box.start - MAX_LEAD_CHARS, 0) : box.start])


def _settle(text: str, boxes: list[Box], question: str | None) -> Boxed:
    """One answer from the boxes, the last first: what it is joined with, what stands beside it as another part."""
    many_parts = question is not None and len(PART_LABEL.findall(question)) > 1
    last = boxes[-1]
    joined, parts, joiners = [last.content], [last.content], []
    joining = True
    for earlier, later in zip(boxes[-2::-1], boxes[:0:-1], strict=True):
        gap = text[earlier.end : later.start]
        link = _link(text, earlier, later, gap)
        if link == "contradicting":
            return Boxed(None, "box", refusal="contradicting finals", end=last.end)
        if link == "same":
            continue
        if link == "joined" and joining:
            joined.append(earlier.content)
            joiners.append(gap)
        elif not (link in ("part", "joined") or (many_parts and link == "apart")):
            break
        joining = joining and link == "joined"
        parts.append(earlier.content)
    if len(joined) > 1:
        glue = " or " if any(_OR.search(gap) for gap in joiners) else ", "
        return Boxed(glue.join(joined[::-1]), "boxes", tuple(parts[::-1]), end=last.end)
    return Boxed(last.content, "box", tuple(parts[::-1]) if len(parts) > 1 else (), end=last.end)


def _link(text: str, earlier: Box, later: Box, gap: str) -> str:
    """How two neighbouring boxes stand to each other."""
    if squeeze(earlier.content) == squeeze(later.content):
        return "same"
    if len(gap) > NEAR_CHARS:
        return "apart"
    if len(gap) <= 60 and _JOINER.fullmatch(gap):
        return "joined"
    if len(gap) <= ALTERNATIVE_CHARS and _ALTERNATIVE.search(gap) and differ(earlier.content, later.content):
        return "contradicting"
    if CORRECTION.search(gap):
        return "corrected"
    if PART_LABEL.search(gap):
        return "part"
    claimed = ANSWER_CLAIM.search(text[max(earlier.start - 80, 0) : earlier.start]) and ANSWER_CLAIM.search(gap)
    return "contradicting" if claimed and differ(earlier.content, later.content) else "apart"
