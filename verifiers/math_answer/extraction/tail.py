"""The answer of a response without box and marker: its last formula, table, lines or sentence.

Rule 1: a short response without sentences is the answer, whole.
Rule 2: else the last sentence that states something decides; only remarks, denials and decoration are passed over.
Rule 3: a last sentence that states several things is handed on whole; nothing is picked from it.
"""

import re
from typing import NamedTuple

from verifiers.math_answer.extraction.chain import run_result
from verifiers.math_answer.extraction.items import BULLET, MAX_ITEMS, closing_items, together
from verifiers.math_answer.extraction.markup import clean, says_something
from verifiers.math_answer.extraction.prose import is_bare, is_remark, own_part, sentences, supposes, without_aside
from verifiers.math_answer.extraction.sentence import stated_value

MAX_TAIL_CHARS = 6_000  # the end of a response that is read sentence by sentence
MAX_BARE_CHARS = 1_500  # a longer response is not an answer by itself
MAX_PASSED_OVER = 8  # remarks after the answer


class End(NamedTuple):
    """What the end of a response states."""

    answer: str
    how: str
    parts: tuple[str, ...] = ()


_DECORATION = re.compile(
    r"[\s\-*_=#~|.·•—–:`✓✔☑✅]*|```\w{0,12}|</?\w{1,12}>|Q\.?E\.?D\.?|[∎■□◻]"
    # A heading after which the response breaks off.
    r"|[#*\s]*(?i:step|question|problem|part|page|figure|case|example|equation|exercise)\s?\d{1,2}[\s*.:]*|\\(?:qed|hfill|blacksquare|square|Box)\b.*"
)
_DISPLAY_END = re.compile(r"\\\]|\$\$|\\end\{(?:align|equation|gather|displaymath|eqnarray|multline)\*?\}")
_ROWS_ENV = re.compile(
    r"\\(?:begin|end)\{(?:align|aligned|equation|gather|gathered|split|eqnarray|multline|displaymath)\*?\}(?:\[\w\])?"
)
_LABELLED = re.compile(r"([A-Za-z\u4e00-\u9fff][^\d:：=\\{}|<>$]{2,60})[:：]\s*([^:：]+)")
_FORMULA_IN_PROSE = re.compile(r"(?:[A-Za-z]{2,20} ){3}.*(?:\$|\\\()")
_ONE_WORD = re.compile(r"\(?(?:[A-H]|yes|no|true|false|是|否|对|错|odd|even)\)?", re.IGNORECASE)
_DIGITS = re.compile(r"\d")
_CELL_RULE = re.compile(r"[\s|:\-=+]*")


def read_end(text: str, question_text: str) -> End | None:
    """What the end of `text` states, None where it states nothing."""
    text = text[-MAX_TAIL_CHARS:]
    if (display := _last_display(text, question_text)) is not None:
        return display
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if not _DECORATION.fullmatch(line) or _is_row(line)]
    empty_table = False
    while lines and _CELL_RULE.fullmatch(lines[-1]):
        empty_table = empty_table or "--" in lines[-1]
        lines.pop()
    if not lines or (empty_table and _is_row(lines[-1])):  # a header without rows
        return None
    if _is_row(lines[-1]):
        return _table(lines, question_text)
    items = closing_items(lines)
    if len(items) > 1 and (listed := together(items)):
        return End(", ".join(listed), "lines", listed)
    if words := _several_words(lines):
        return End(", ".join(words), "lines", words)
    if (
        len(text) <= MAX_BARE_CHARS
        and len(lines) <= MAX_ITEMS
        and all(is_bare(line) and not _FORMULA_IN_PROSE.match(line) for line in lines)
    ):
        return _bare_lines(lines, question_text)
    return _walk_back(lines, question_text)


def _last_display(text: str, question_text: str) -> End | None:
    """The last display formula, where nothing with a number follows it."""
    if "$$" not in text and "\\]" not in text and "\\end{" not in text:
        return None
    closers = list(_DISPLAY_END.finditer(text))
    if not closers:
        return None
    last = closers[-1]
    after = text[last.end() :]
    if re.search(r"[\d$]|\\\(", after) or any(
        not is_remark(part) for part in sentences(after.strip(" .。\n")) if says_something(part)
    ):
        return None
    opening = {"\\]": "\\[", "$$": "$$"}.get(last[0], "\\begin{" + last[0][5:])
    begin = text.rfind(opening, 0, last.start())
    if begin < 0:
        return None
    body = text[begin + len(opening) : last.start()]
    if "&" in body or "\\\\" in body:
        if not _ROWS_ENV.search(body) and not opening.startswith("\\begin") and re.search(r"\\begin\{", body):
            return End(clean(body), "display")
        rows = [
            row
            for row in re.split(r"\\\\(?:\[\w{1,6}\])?", _ROWS_ENV.sub("", body).replace("&", ""))
            if says_something(row)
        ]
        if len(rows) > 1 and (listed := together(rows)):
            return End(", ".join(listed), "display", listed)
        body = rows[-1] if rows else ""
    answer = run_result(clean(body), question_text)
    return End(answer, "display") if says_something(answer) else None


def _is_row(line: str) -> bool:
    """A row of a Markdown table; |x| + |y| is none."""
    return (
        line.startswith("|")
        and line.endswith("|")
        and (line.startswith("| ") or line.endswith(" |") or ("--" in line and _CELL_RULE.fullmatch(line) is not None))
    )


def _table(lines: list[str], question_text: str) -> End | None:
    """The last cell of the last row, where the table has a filled row."""
    rows: list[str] = []
    for line in reversed(lines):
        if not _is_row(line) or _CELL_RULE.fullmatch(line):
            break
        rows.append(line)
    cells = [cell.strip() for cell in rows[0].strip().strip("|").split("|")] if rows else []
    filled = [cell for cell in cells if says_something(cell)]
    header_only = len(lines) == len(rows) and len(rows) > 1
    if not filled or header_only or not says_something(cells[-1]):
        return None
    return End(run_result(clean(filled[-1]), question_text), "table")


def _bare_lines(lines: list[str], question_text: str) -> End | None:
    if supposes(lines[-1]):
        return None
    if len(lines) == 1:
        return End(_bare_value(lines[0], question_text), "whole")
    if all(line.startswith("- ") for line in lines):  # a list, not negative numbers
        lines = [line[2:] for line in lines]
    listed = together([BULLET.sub("", line, count=1) for line in lines])
    if listed:
        return End(", ".join(listed), "lines", listed)
    return End(_bare_value(BULLET.sub("", lines[-1], count=1), question_text), "last_line")


def _several_words(lines: list[str]) -> tuple[str, ...]:
    """Several one-word answers without a sentence around them: "Yes. No.", "A" and "B" in two lines."""
    if len(lines) > MAX_ITEMS or sum(map(len, lines)) > 80 or any(map(_DIGITS.search, lines)):
        return ()
    words = [clean(sentence) for line in lines for sentence in sentences(line)]
    if len(words) < 2 or not all(_ONE_WORD.fullmatch(word) for word in words):
        return ()
    return tuple(words)


def _bare_value(line: str, question_text: str) -> str:
    text = without_aside(clean(line))
    if (":" in text or "：" in text) and (labelled := _LABELLED.fullmatch(text)) and says_something(labelled[2]):
        text = labelled[2]
    return clean(run_result(text, question_text))


def _walk_back(lines: list[str], question_text: str) -> End | None:
    """The value of the last statement, all of it where it states none."""
    found = _last_assertion(lines)
    if found is None:
        return None
    sentence, in_last_line = found
    return _statement(sentence, question_text, short=in_last_line) or End(clean(sentence), "last_line")


def last_statement(text: str) -> str | None:
    """The last sentence that asserts something."""
    lines = [line.strip() for line in text[-MAX_TAIL_CHARS:].split("\n")]
    found = _last_assertion([line for line in lines if not _DECORATION.fullmatch(line)])
    return found[0] if found else None


def _last_assertion(lines: list[str]) -> tuple[str, bool] | None:
    """The last statement and whether the last line holds it, past remarks, denials and short closing questions."""
    passed = 0
    for number, line in enumerate(reversed(lines)):
        for sentence in reversed(sentences(line)):
            if not says_something(sentence) or _DECORATION.fullmatch(sentence):
                continue
            asks = sentence.rstrip(" *_)").endswith(("?", "？"))
            if (asks and any(char.isdigit() for char in sentence)) or passed > MAX_PASSED_OVER:
                return None
            own = None if asks or is_remark(sentence) or _parenthetical(sentence) else own_part(sentence)
            if own is None:
                passed += 1
                continue
            return own, number == 0
    return None


def _parenthetical(sentence: str) -> bool:
    """A closing aside: "(Check: 3 + 5 = 8.)"."""
    text = sentence.strip()
    return (
        text[:1] in "(（["
        and text.rstrip(".。")[-1:] in ")）]"
        and re.search(r"[A-Za-z]{3}|[\u4e00-\u9fff]{2}", text) is not None
    )


def _statement(sentence: str, question_text: str, *, short: bool) -> End | None:
    bare = without_aside(BULLET.sub("", sentence, count=1))
    if is_bare(bare) and not _FORMULA_IN_PROSE.match(bare) and len(bare) <= 200:
        return End(_bare_value(bare, question_text), "whole" if short else "last_line")
    stated = stated_value(sentence, question_text)
    if stated.text is None or not says_something(stated.text):
        return None
    return End(clean(stated.text), stated.how)
