"""The part of a response in which a final answer may stand.

Rule 1: what the model wrote to itself (thinking blocks), hid (comments, invisible characters) or took back
        (struck-out text) is not part of it.
Rule 2: what is addressed to a grader (closers of the grader's prompt, chat turns, scores) ends it or is dropped.
Rule 3: every step is one linear pass behind a test for a literal, so that plain text pays nothing.
"""

import re
from dataclasses import dataclass

# Marks that show nothing or only steer the direction of the text: zero-width, bidi controls, soft hyphen, BOM.
_INVISIBLE = (
    "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\u2062\u2063\u2064"
    "\u2066\u2067\u2068\u2069\ufeff\u00ad\u061c\u180e"
)
_DROP_INVISIBLE = dict.fromkeys(map(ord, _INVISIBLE))
_STRUCK_OVERLAYS = "\u0335\u0336\u0337"

MAX_TAGS = 2_000  # "less than" signs; each is tried as a tag by several patterns

# Longer runs of white space would be walked again and again by patterns that allow some.
_SPACE_RUN = re.compile(r"\s{12,}+")

_THINKING = re.compile(
    r"<(/?)\|?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|inner_monologue"
    r"|begin_of_thought|end_of_thought)(?:\s[^<>]{0,80})?\|?>",
    re.IGNORECASE,
)
_BRACKET_THINKING = re.compile(r"\[(/?)THINK\]|◁(/?)think▷")
_CHANNEL_FINAL = "<|channel|>final<|message|>"
_CHANNEL_OTHER = "<|channel|>analysis<|message|>"

_TAG_COMMENT = re.compile(r"<!--(?:[^-]|-(?!->))*+(?:-->)?")
_STRUCK_MARKDOWN = re.compile(r"(?<![^\s(\[*_|:：。，>])~~(?=[^\s~])([^~\n]{1,400})(?<![\s,])~~")
_STRUCK_TAG = re.compile(r"<(del|s|strike)>[^<>]{0,2000}</\1>", re.IGNORECASE)
_STRUCK_LATEX = re.compile(r"\\(?:sout|st|cancel|bcancel|xcancel)\s*\{(?:[^{}]|\{[^{}]{0,200}\}){0,400}\}")
# Shown to nobody: comments, phantoms, white on white, hidden elements.
_HIDDEN = re.compile(
    r"\\iffalse\b(?:(?!\\fi\b).){0,4000}(?:\\fi\b|\Z)"
    r"|\\begin\{comment\}(?:(?!\\end\{comment\}).){0,4000}(?:\\end\{comment\}|\Z)"
    r"|\\[vh]?phantom\s*\{(?:[^{}]|\{[^{}]{0,200}\}){0,400}\}"
    r"|\{\s*\\color\{white\}(?:[^{}]|\{[^{}]{0,200}\}){0,400}\}"
    r"|\\(?:textcolor|color)\{white\}\s*\{(?:[^{}]|\{[^{}]{0,200}\}){0,400}\}"
    r"|^\[//\]: # [^\n]*"
    r"|<(\w{1,12})\b[^<>]{0,80}(?:display\s*:\s*none|visibility\s*:\s*hidden|\shidden\b)[^<>]{0,80}>[^<>]{0,2000}</\1>",
    re.IGNORECASE | re.DOTALL | re.MULTILINE,
)
# Elements of a grader's prompt with their content; they may stand before the response's own text.
_PLANTED = re.compile(
    r"<(reference|reference_answer|ground_truth|gold|gold_answer|verdict|score|grade|rubric"
    r"|expected)>[^<>]{0,2000}</\1>",
    re.IGNORECASE,
)
_TAG = re.compile(
    r"</?(p|div|span|br|hr|b|i|u|em|strong|h[1-6]|ul|ol|li|table|tbody|thead|tr|td|th|center|font|section|article"
    r"|main"
    r"|body|html|math|output|final|solution|result|value)(?:\s+[\w-]{1,30}\s*=\s*(?:\"[^\"<>]{0,200}\""
    r"|'[^'<>]{0,200}')){0,8}\s*/?>",
    re.IGNORECASE,
)
_LINE_TAGS = frozenset(
    "p div br hr h1 h2 h3 h4 h5 h6 li tr ul ol table section article main body html"
    " output final solution result value".split()
)

# A LaTeX comment: an unescaped % after a space or at the start of a line. "50 %" at the end of a phrase, and
# "50 % of", are percentages.
_LATEX_COMMENT = re.compile(
    r"(?<![^\s])%(?![ \t]*(?:[.,;:!?)\]}$，。；）]|$|(?:of|or|and|chance|probability|increase|decrease|more"
    r"|less|的)\b|的))"
    r"[^\n]*",
    re.MULTILINE,
)

_LEADING_CHAT = re.compile(
    r"\s*(?:<\|im_start\|>\s*assistant|<\|assistant\|>|<｜Assistant｜>|<start_of_turn>model"
    r"|<\|start_header_id\|>\s*assistant\s*<\|end_header_id\|>|<response>|Assistant\s*[:：](?=.))\s*",
    re.IGNORECASE,
)
_CLOSER = re.compile(
    r"</?(?:response|reference|reference_answer|ground_truth|gold|verdict|score|grade|grading|evaluation|judgement"
    r"|judgment|candidate|submission|student_answer|model_answer|system|user|assistant|instructions?)\b[^<>]{0,80}>"
    r"|<[^<>\n]{0,40}\b(?:End|Begin|Start)>"
    r"|<\|[\w▁]{1,30}\|>|<｜[^<>｜]{1,40}｜>|<(?:end|start)_of_turn>|</?s>|<eos>|\[/?INST\]|<</?SYS>>"
    r"|\]\]>(?=\s*<)|\]\]>\s*$|<!\[CDATA\[",
    re.IGNORECASE,
)
_LINE_START = r"\n[ \t#*>\-]{0,12}"
_TURN = re.compile(
    _LINE_START + r"(?:(?:Human|User|System|Judge|Grader|Evaluator|用户|系统|评分员|评委|裁判|阅卷人)[ \t*]{0,4}[:：]"
    r"|(?:Final )?(?:Verdict|Judge?ment|Grading|Evaluation)[ \t*:：]{0,6}\n?[ \t*]{0,4}"
    r"(?:correct|incorrect|right|wrong|pass|accept|true|yes|full|[AB]\b|\d+/)"
    r"|Judging the correctness|评分结果|判定结果)",
    re.IGNORECASE,
)
_SCORE_LINE = re.compile(
    _LINE_START + r"((?:(?:final|overall|total|process|outcome)[ _])?(?:scores?|ratings?|grades?|marks?|verdict"
    r"|reward)"
    r"|得分|评分|分数)[ \t*]{0,4}[:：=][^\n]*",
    re.IGNORECASE,
)
# How every match of the line patterns here begins: most texts hold no such line.
_GRADER_LINE = re.compile(
    _LINE_START + r"(?:(?:final|overall|total|process|outcome)[ _])?(?:human|user|system|judg|grad|evaluat|verdict"
    r"|scores?|rating|mark|reward|reference|expected|ground|gold|official|target|label"
    r"|用户|系统|评分|评委|裁判|阅卷人|判定|得分|分数|参考答案|标准答案)",
    re.IGNORECASE,
)
_REFERENCE_LINE = re.compile(
    _LINE_START + r"(?:(?:reference|expected|gold|official|target)(?: (?:answer|output|solution|label))?"
    r"|ground[- ]truth|target|gold|reference|label"
    r"|参考答案|标准答案)[ \t*]{0,4}[:：=][^\n]*",
    re.IGNORECASE,
)
_SCORE_OBJECT = re.compile(
    r"\{[^{}\n]{0,200}\"[^\"\n]{0,40}(?:score|verdict|correct|grade|overall|reward|judg"
    r"|rating)[^\"\n]{0,40}\"\s*:[^{}]{0,400}\}",
    re.IGNORECASE,
)
_SCORE_WORDS = ("score", "verdict", "grade", "reward", "judg", "rating")
_VERDICT_TOKEN = re.compile(
    r"\[\[(?:[A-E](?:[<>=]{1,3}[A-E])?|rating: ?\d+|\d{1,2}|correct|incorrect|yes|no|tie)\]\]"
    r"|\[(?:correct|incorrect|right|wrong|verified|passed|accepted|true|判对|正确)\]",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Section:
    """The text to search, or why there is none."""

    text: str
    refusal: str | None = None


def final_section(response: str, question: str | None) -> Section:
    """The response without what may not be searched.

    >>> final_section("<think>x is 12</think>x = 13", None).text.strip()
    'x = 13'
    """
    text = response
    if not text.isascii():
        text = _visible(text)
    if text.count("<") > MAX_TAGS:
        return Section("", "more markup than text")
    if "<" in text or "THINK]" in text or "◁" in text:
        shown = outside_thinking(text)
        if not shown.strip() and text.strip():
            return Section("", "no final part after the thinking")
        text = shown
    if "<" in text:
        text = _PLANTED.sub(" ", _TAG_COMMENT.sub("", text))
    if _may_hide(text):
        text = _HIDDEN.sub(" ", text)
    if "~~" in text or "<" in text or "\\" in text:
        text = _without_struck(text)
    if "%" in text:
        text = _LATEX_COMMENT.sub("", text).replace("}% \\boxed", "}\n% ")
    text = _without_grader_talk(text, question)
    if "<" in text:
        text = _TAG.sub(_plain_tag, text)
    return Section(_SPACE_RUN.sub(_short_space, text) if _may_have_space_run(text) else text)


def _may_hide(text: str) -> bool:
    if "\\" in text and ("phantom" in text or "\\iffalse" in text or "{comment}" in text or "{white}" in text):
        return True
    return "[//]:" in text or ("<" in text and ("none" in text or "hidden" in text))


def _may_have_space_run(text: str) -> bool:
    """Twelve spaces and newlines hold one of the three; other white space is rare."""
    if "  " in text or "\n\n\n\n" in text or "\n \n" in text or not text.isascii():
        return True
    return any(space in text for space in "\t\r\f\v\x1c\x1d\x1e\x1f")


def _visible(text: str) -> str:
    if any(mark in text for mark in _INVISIBLE):
        text = text.translate(_DROP_INVISIBLE)
    if any(mark in text for mark in _STRUCK_OVERLAYS):
        text = re.sub(f"[^\\s][{_STRUCK_OVERLAYS}]", "", text)
    return text


def outside_thinking(text: str) -> str:
    """What stands outside of thinking blocks. A bare closer ends a block that began with the response."""
    if _CHANNEL_OTHER in text or _CHANNEL_FINAL in text:
        return text.rpartition(_CHANNEL_FINAL)[2] if _CHANNEL_FINAL in text else ""
    if "THINK]" in text or "◁" in text:
        text = _outside_blocks(text, _BRACKET_THINKING)
    return _outside_blocks(text, _THINKING)


def _outside_blocks(text: str, pattern: re.Pattern[str]) -> str:
    kept: list[str] = []
    at, inside = 0, False
    for tag in pattern.finditer(text):
        closes = any(tag.groups()) or "end_of" in tag[0]
        if closes:
            if not inside:
                kept.clear()
            inside = False
        elif not inside:
            kept.append(text[at : tag.start()])
            inside = True
        at = tag.end()
    if at == 0:
        return text
    if not inside:
        kept.append(text[at:])
    return "\n".join(kept)


def _without_struck(text: str) -> str:
    if "~~" in text:
        text = _STRUCK_MARKDOWN.sub(" ", text).replace("~~", "  ")  # what is left are LaTeX spaces
    if "</" in text:
        text = _STRUCK_TAG.sub(" ", text)
    if "cancel{" in text or "\\sout" in text or "\\st{" in text:
        text = _STRUCK_LATEX.sub(" ", text)
    return text


def _short_space(run: re.Match[str]) -> str:
    return "\n\n" if "\n" in run[0] else "  "


def _plain_tag(tag: re.Match[str]) -> str:
    return "\n" if tag[1].lower() in _LINE_TAGS else " " if tag[1].lower() in ("td", "th") else ""


def _without_grader_talk(text: str, question: str | None) -> str:
    """The text up to the first sign that the model went on as someone else, without scores it gave itself."""
    if "<" in text or "[" in text or "]]>" in text:
        if opening := _LEADING_CHAT.match(text):
            text = text[opening.end() :]
        text = _cut_at(_CLOSER, text)
        if "[" in text and (rest := _VERDICT_TOKEN.sub(" ", text)).strip():
            text = rest
    if ('":' in text or '" :' in text) and any(word in text.lower() for word in _SCORE_WORDS):
        text = _SCORE_OBJECT.sub(" ", text)
    started = "\n" + text
    if _GRADER_LINE.search(started) is None:
        return text
    text = _cut_at(_TURN, started)
    if (own := _REFERENCE_LINE.sub("", text)).strip():
        text = own
    if scored := _SCORE_LINE.search(text):
        word = scored[1].split()[-1].lower().rstrip("s")
        if question is None or word not in question.lower():
            text = _SCORE_LINE.sub("", text)
    return text


def _cut_at(pattern: re.Pattern[str], text: str) -> str:
    """Everything before the first match that has something before it; matches at the very start are dropped."""
    start = 0
    for match in pattern.finditer(text):
        if (before := text[start : match.start()]).strip():
            return before
        start = match.end()
    return text[start:]
