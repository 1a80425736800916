"""From all the model wrote to the program in it.

Rule 1: thinking is never searched; without a final part there is no program.
Rule 2: the last complete fenced block of the asked language that defines what is asked for; failing that, the last
        one of that language; failing that, the last one that names no language.
Rule 3: without any fence, the whole final part, where it is code and nothing else.
"""

import ast
import re
from dataclasses import dataclass
from typing import Final

from verifiers.code_run.engines import Language

MAX_RESPONSE_CHARS: Final = 1_000_000
MAX_PROGRAM_CHARS: Final = 100_000
"""Longer than any model's honest program; parsing costs memory by the multiple of it."""
_LABELS: Final = {
    Language.PYTHON: frozenset({"python", "python3", "py", "py3", "python2", "sage"}),
    Language.CPP: frozenset({"cpp", "c++", "cc", "cxx", "c", "cpp17", "c++17", "cpp20", "c++20"}),
    Language.JAVASCRIPT: frozenset({"javascript", "js", "node", "nodejs", "mjs"}),
}
_THINKING_ENDS: Final = re.compile(
    r"</\|?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|inner_monologue)\|?>"
    r"|<\|?end_of_thought\|?>|\[/THINK\]|◁/think▷|<\|channel\|>final<\|message\|>",
    re.IGNORECASE,
)
_THINKING_BEGINS: Final = re.compile(
    r"<\|?(?:think|thinking|thought|thoughts|reasoning|reflection|scratchpad|analysis|inner_monologue"
    r"|begin_of_thought)(?:\s[^<>]{0,80})?\|?>|\[THINK\]|◁think▷|<\|channel\|>analysis<\|message\|>",
    re.IGNORECASE,
)
_FENCE: Final = re.compile(r"^[ \t]{0,12}(`{3,}|~{3,})[ \t]*([^\n`]*)$", re.MULTILINE)
_CODE_NODES: Final = (
    ast.Import, ast.ImportFrom, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Assign, ast.AugAssign,
    ast.AnnAssign, ast.For, ast.While, ast.With, ast.If,
)  # fmt: skip
_CODE_MARKS: Final = {
    Language.CPP: re.compile(r"#include\s*[<\"]|\bint\s+main\s*\("),
    Language.JAVASCRIPT: re.compile(r"\b(?:const|let|var|function)\s+\w|console\.log\s*\(|require\s*\("),
}


@dataclass(frozen=True, slots=True)
class _Block:
    label: str
    text: str


def find(response: str, language: Language, entry_point: str | None = None) -> str | None:
    """The program, None where there is none.

    >>> find("<think>```python\\nprint(1)\\n```</think>So:\\n```python\\nprint(2)\\n```", Language.PYTHON)
    'print(2)'
    """
    if len(response) > MAX_RESPONSE_CHARS:
        return None
    final = final_part(response)
    if final is None:
        return None
    blocks, fenced = _blocks(final)
    chosen = _chosen(blocks, language, entry_point) if fenced else _bare(final, language)
    return chosen if chosen is not None and chosen.strip() and len(chosen) <= MAX_PROGRAM_CHARS else None


def final_part(response: str) -> str | None:
    """What stands outside of thinking blocks; None when that is nothing. A bare closer ends a block that began with
    the response; a block that never ends takes all the rest.

    >>> final_part("hm</think>a<think>b</think>c<think>d")
    'ac'
    """
    marks = sorted(
        [(mark.start(), mark.end(), True) for mark in _THINKING_BEGINS.finditer(response)]
        + [(mark.start(), mark.end(), False) for mark in _THINKING_ENDS.finditer(response)]
    )
    kept: list[str] = []
    outside, since = True, 0
    for start, end, begins in marks:
        if begins and outside:
            kept.append(response[since:start])
            outside = False
        elif not begins:
            if outside:
                kept.clear()
            outside, since = True, end
    if outside:
        kept.append(response[since:])
    text = "".join(kept)
    return text if text.strip() else None


def _blocks(text: str) -> tuple[list[_Block], bool]:
    """The complete fenced blocks in order, and whether there was any fence. A last block that is not closed counts
    only when it is alone: an answer that was cut off is mostly no program, but some models forget the last fence.
    """
    blocks: list[_Block] = []
    opened: re.Match[str] | None = None
    for fence in _FENCE.finditer(text):
        if opened is None:
            opened = fence
        elif fence[1][0] == opened[1][0] and len(fence[1]) >= len(opened[1]) and not fence[2].strip():
            blocks.append(_Block(_label(opened[2]), text[opened.end() + 1 : fence.start()].rstrip("\n")))
            opened = None
    if opened is not None and not blocks:
        return [_Block(_label(opened[2]), text[opened.end() + 1 :])], True
    return blocks, bool(blocks)


def _label(info: str) -> str:
    words = info.strip().strip("{}").lstrip(".").lower().split()
    return words[0].partition(",")[0] if words else ""


def _chosen(blocks: list[_Block], language: Language, entry_point: str | None) -> str | None:
    own = [block.text for block in blocks if block.label in _LABELS[language]]
    candidates = own or [block.text for block in blocks if not block.label]
    if entry_point and language is Language.PYTHON:
        wanted = entry_point.rpartition(".")[2]
        defining = [text for text in candidates if _defines(text, wanted)]
        candidates = defining or candidates
    return candidates[-1] if candidates else None


def _defines(text: str, name: str) -> bool:
    return (
        re.search(rf"^\s*(?:async\s+)?(?:def|class)\s+{re.escape(name)}\b|^{re.escape(name)}\s*=", text, re.MULTILINE)
        is not None
    )


def _bare(text: str, language: Language) -> str | None:
    """The whole text where it is a program."""
    if len(text) > MAX_PROGRAM_CHARS:
        return None
    if language is not Language.PYTHON:
        return text if _CODE_MARKS[language].search(text) else None
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    calls = any(isinstance(one, ast.Expr) and isinstance(one.value, ast.Call) for one in tree.body)
    return text if calls or any(isinstance(one, _CODE_NODES) for one in tree.body) else None
