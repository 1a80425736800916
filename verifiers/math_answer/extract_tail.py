"""The answer of a response without box and marker: its last formula, table, lines or sentence.

Rule 1: a short response without sentences is the answer, whole.
Rule 2: else the last sentence that states something decides; only remarks, denials and decoration are passed over.
Rule 3: a last sentence that states several things is handed on whole; nothing is picked from it.
"""

import re
from typing import NamedTuple

from verifiers.math_answer.extract_chain import is_name, run_result, split_equalities
from verifiers.math_answer.extract_markup import clean, says_something
from verifiers.math_answer.extract_number import plain_value
from verifiers.math_answer.extract_sentence import asserts, is_bare, is_remark, sentences, stated_value

MAX_TAIL_CHARS = 6_000  # the end of a response that is read sentence by sentence
MAX_BARE_CHARS = 1_500  # a longer response is not an answer by itself
MAX_BARE_LINES = 16
MAX_PASSED_OVER = 8  # remarks after the answer


class End(NamedTuple):
    """What the end of a response states."""

    answer: str
    how: str
    parts: tuple[str, ...] = ()


_DECORATION = re.compile(r"[\s\-*_=#~|.·•—–:`]*|```\w{0,12}|</?\w{1,12}>|Q\.?E\.?D\.?|[∎■□◻]|\\(?:qed|hfill|blacksquare|square|Box)\b.*")
_DISPLAY_END = re.compile(r"\\\]|\$\$|\\end\{(?:align|equation|gather|displaymath|eqnarray|multline)\*?\}")
_ROWS_ENV = re.compile(r"\\(?:begin|end)\{(?:align|aligned|equation|gather|gathered|split|eqnarray|multline|displaymath)\*?\}(?:\[\w\])?")
_BULLET = re.compile(r"\s*(?:[-*•·+]\s+(?!\d*\s*[-+*/=])|(?:\d{1,2}[.)]|\(\d{1,2}\)|\(?[a-h]\))\s+|>\s*)")
_LABELLED = re.compile(r"([A-Za-z\u4e00-\u9fff][^\d:：=\\{}|<>$]{2,60})[:：]\s*([^:：]+)")
_CELL_RULE = re.compile(r"[\s|:\-=+]*")


def read_end(text: str, question_text: str) -> End | None:
    """What the end of `text` states, None where it states nothing."""
    text = text[-MAX_TAIL_CHARS:]
    if (display := _last_display(text, question_text)) is not None:
        return display
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if not _DECORATION.fullmatch(line) or _is_row(line)]
    while lines and _CELL_RULE.fullmatch(lines[-1]):
        lines.pop()
    if not lines:
        return None
    if _is_row(lines[-1]):
        return _table(lines, question_text)
    if len(text) <= MAX_BARE_CHARS and len(lines) <= MAX_BARE_LINES and all(is_bare(line) for line in lines):
        return _bare_lines(lines, question_text)
    items = _closing_items(lines)
    if len(items) > 1 and (listed := _list(items)) is not None:
        return listed
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
    if re.search(r"[\d$]|\\\(", after) or any(not is_remark(part) for part in sentences(after.strip(" .。\n")) if says_something(part)):
        return None
    opening = {"\\]": "\\[", "$$": "$$"}.get(last[0], "\\begin{" + last[0][5:])
    begin = text.rfind(opening, 0, last.start())
    if begin < 0:
        return None
    body = text[begin + len(opening) : last.start()]
    if "&" in body or "\\\\" in body:
        if not _ROWS_ENV.search(body) and not opening.startswith("\\begin") and re.search(r"\\begin\{", body):
            return End(clean(body), "display")
        rows = [row for row in re.split(r"\\\\(?:\[\w{1,6}\])?", _ROWS_ENV.sub("", body).replace("&", "")) if says_something(row)]
        body = rows[-1] if rows else ""
    answer = run_result(clean(body), question_text)
    return End(answer, "display") if says_something(answer) else None


def _is_row(line: str) -> bool:
    return line.startswith("|") and line.count("|") >= 2 and not line.rstrip().endswith("||")


def _table(lines: list[str], question_text: str) -> End | None:
    """The last cell of the last row, where the table has a filled row."""
    rows: list[str] = []
    for line in reversed(lines):
        if not _is_row(line) or _CELL_RULE.fullmatch(line):
            break
        rows.append(line)
    if re.fullmatch(r"\|[^|]{1,80}\|", lines[-1].strip()):  # |x - 3|
        return End(clean(lines[-1]), "last_line")
    cells = [cell.strip() for cell in rows[0].strip().strip("|").split("|")] if rows else []
    filled = [cell for cell in cells if says_something(cell)]
    header_only = len(lines) == len(rows) and len(rows) > 1
    if not filled or header_only or not says_something(cells[-1]):
        return None
    return End(run_result(clean(filled[-1]), question_text), "table")


def _bare_lines(lines: list[str], question_text: str) -> End | None:
    if len(lines) == 1:
        return End(_bare_value(lines[0], question_text), "whole")
    listed = _list([_BULLET.sub("", line, count=1) for line in lines])
    if listed is not None:
        return listed
    return End(_bare_value(_BULLET.sub("", lines[-1], count=1), question_text), "last_line")


def _bare_value(line: str, question_text: str) -> str:
    text = clean(line)
    if (":" in text or "：" in text) and (labelled := _LABELLED.fullmatch(text)) and says_something(labelled[2]):
        text = labelled[2]
    return clean(run_result(text, question_text))


def _closing_items(lines: list[str]) -> list[str]:
    """The list items that end the response."""
    items: list[str] = []
    for line in reversed(lines[-MAX_BARE_LINES:]):
        bullet = _BULLET.match(line)
        if bullet is None or not is_bare(line[bullet.end() :]):
            break
        items.append(line[bullet.end() :])
    return items[::-1]


def _list(items: list[str]) -> End | None:
    """Lines that are one answer together: plain values, or values for different names."""
    values = [clean(item) for item in items]
    if any(len(value) > 80 or not any(char.isdigit() for char in value) for value in values):
        return None
    claims = [split_equalities(value) for value in values]
    if all(len(claim) == 1 and ":" not in claim[0] and not re.search(r"[A-Za-z]{4,}", claim[0]) for claim in claims):
        return End(", ".join(values), "lines", tuple(values))
    if not all(len(claim) == 2 and is_name(claim[0]) for claim in claims):
        return None
    names = [claim[0] for claim in claims]
    if len(set(names)) < len(names) and any(plain_value(claim[1]) is None for claim in claims):
        return None  # x = 24/2 and then x = 12: a derivation
    return End(", ".join(values), "lines", tuple(values))


def _walk_back(lines: list[str], question_text: str) -> End | None:
    """The last statement, passing over remarks, denials and short closing questions."""
    first_real: str | None = None
    passed = 0
    for number, line in enumerate(reversed(lines)):
        for sentence in reversed(sentences(line)):
            if not says_something(sentence) or _DECORATION.fullmatch(sentence):
                continue
            question = sentence.rstrip(" *_)").endswith(("?", "？"))
            if question and any(char.isdigit() for char in sentence):
                return None
            if passed < MAX_PASSED_OVER and (question or not asserts(sentence) or is_remark(sentence) or _parenthetical(sentence)):
                passed += 1
                continue
            return _statement(sentence, question_text, short=number == 0) or (
                End(clean(sentence), "last_line") if asserts(sentence) else None
            )
    return None if first_real is None else End(first_real, "whole")


def _parenthetical(sentence: str) -> bool:
    """A closing aside: "(Check: 3 + 5 = 8.)"."""
    text = sentence.strip()
    return text[:1] in "(（[" and text.rstrip(".。")[-1:] in ")）]" and re.search(r"[A-Za-z]{3}|[\u4e00-\u9fff]{2}", text) is not None


def _statement(sentence: str, question_text: str, *, short: bool) -> End | None:
    bare = _BULLET.sub("", sentence, count=1)
    if is_bare(bare) and len(bare) <= 200:
        return End(_bare_value(bare, question_text), "whole" if short else "last_line")
    stated = stated_value(sentence, question_text)
    if stated.text is None or not says_something(stated.text):
        return None
    return End(clean(stated.text), stated.how)
