"""The options of a multiple-choice question, from its columns or out of its text, and which of them are right."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LETTERS = "ABCDEFGHIJ"
MIN_OPTIONS = 2
MIN_CERTAIN = 3
"""So many capital letters in a row are options, whatever the reference looks like; two may be parts of a question."""

_STYLED = re.compile(r"\\(?:textbf|text|mathrm|mathbf|textrm|bf|rm)\s*\{\s*\(?\s*([A-J])\s*[).]?\s*\}\s*(?:\)|[.:])?")
_SPACER = re.compile(r"\\q?quad\b|\\hspace\*?\{[^}]*\}|\\ |(?<!\\)~")
_LABEL = re.compile(
    r"(?:^|(?<=[\s?？:：。.;；,，)）$]))"
    r"(?:[(（\[]\s*(?P<round>[A-Ja-j1-9])\s*[)）\]][.:：]?|\*{0,2}(?P<plain>[A-Ja-j])\s*[.)．、:：)]\*{0,2}"
    r"|(?P<digit>(?m:^\s*)[1-9])[.)．、])\s*"
)
_TRAILER = re.compile(
    r"^\s*(?:(?:final )?answer\s*[:：]?|答案\s*[:：]?|(?:please )?(?:choose|select|pick|answer)\b[^\n]*|"
    r"请[^\n]*)\s*$",
    re.I,
)


@dataclass(frozen=True)
class Offered:
    """The stem, the options by label, and the labels that are right, in order."""

    stem: str
    options: Mapping[str, str]
    gold: tuple[str, ...]

    @property
    def right(self) -> tuple[str, ...]:
        """The texts of the right options."""
        return tuple(self.options[label] for label in self.gold)

    @property
    def wrong(self) -> tuple[str, ...]:
        """The texts of the others."""
        return tuple(text for label, text in self.options.items() if label not in self.gold)


@dataclass(frozen=True)
class Listed:
    """What a text lists. `certain`: these are options, whatever the reference looks like. Without `options` the text
    goes on behind them, or one is empty: where they end cannot be told.
    """

    stem: str
    options: Mapping[str, str]
    certain: bool


def in_columns(row: Mapping[str, Any]) -> dict[str, str] | None:
    """Options from `choices` or `options.choices`: a list of texts, label to text, or {"text": [], "label": []}."""
    given = row.get("choices") or (row.get("options") or {}).get("choices")
    match given:
        case {"text": [*texts], "label": [*labels]} if len(texts) == len(labels):
            return {str(label).strip().upper(): str(text).strip() for label, text in zip(labels, texts, strict=True)}
        case [*texts] if len(texts) <= len(LETTERS):
            return {letter: _unlabelled(str(text), letter) for letter, text in zip(LETTERS, texts, strict=False)}
        case dict():
            return {str(label).strip().upper(): str(text).strip() for label, text in given.items()}
        case _:
            return None


def in_text(question: str) -> Listed | None:
    """Stem and options of a question that lists them; None where it lists none."""
    text = _SPACER.sub(" ", _STYLED.sub(r" (\1) ", question))
    marks = [(match, _label(match)) for match in _LABEL.finditer(text)]
    for first in reversed([at for at, (_, label) in enumerate(marks) if label.upper() in ("A", "1")]):
        run = [marks[first]]
        for match, label in marks[first + 1 :]:
            if label == chr(ord(run[-1][1]) + 1):
                run.append((match, label))
        if len(run) >= MIN_OPTIONS:
            return _cut(text, run)
    return None


def gold_labels(reference: str, options: Mapping[str, str]) -> tuple[str, ...]:
    """The labels that a reference names: by letter, letters, letter and text, or the text alone. () for none."""
    said = _bare(reference)
    letters = re.fullmatch(r"[(（\[]?([A-J1-9])[)）\].:：]?", said.upper())
    if letters and letters[1] in options:
        return (letters[1],)
    several = re.fullmatch(r"[A-J](?:[\s,，、;&]*(?:and|和)?[\s,，、;&]*[A-J])+", said)
    if several and set(found := re.findall("[A-J]", said.replace("and", ""))) <= set(options):
        return tuple(dict.fromkeys(found))
    named = re.match(r"[(（\[]?([A-J])[)）\].:：、]\s*(\S.*)", said, re.S)
    if named and named[1] in options:
        return (named[1],) if _bare(named[2]) == _bare(options[named[1]]) else ()
    same = [label for label, text in options.items() if _bare(text) == said]
    return (same[0],) if len(same) == 1 else ()


def _cut(text: str, run: list[tuple[re.Match[str], str]]) -> Listed:
    starts, labels = [match.start() for match, _ in run], [label for _, label in run]
    last, _, behind = text[run[-1][0].end() :].partition("\n")
    bodies = [text[match.end() : end] for (match, _), end in zip(run, starts[1:], strict=False)] + [last]
    options = {label.upper(): _tidy(body) for label, body in zip(labels, bodies, strict=True)}
    goes_on = any(line.strip() and not _TRAILER.match(line) for line in behind.split("\n"))
    certain = labels[0] == "A" and len(labels) >= MIN_CERTAIN
    return Listed(_stem(text[: starts[0]]), {} if goes_on or not all(options.values()) else options, certain)


def _stem(text: str) -> str:
    text = re.sub(r"(?im)^\s*(?:answer choices|options|choices|选项)\s*[:：]?\s*$", "", text.strip())
    return _balanced(re.sub(r"(?i)\s*(?:answer choices|options|选项)\s*[:：]?\s*$", "", text).strip())


def _tidy(text: str) -> str:
    return _balanced(text.strip().strip("*").strip(" \t\n;；,，").strip())


def _balanced(text: str) -> str:
    # One formula around all the options leaves half a pair of dollars at either end.
    if text.count("$") % 2 == 0:
        return text
    if text.endswith("$"):
        return text[:-1].rstrip()
    return text[1:].lstrip() if text.startswith("$") and not re.fullmatch(r"\$\s?[\d.,]+", text) else text


def _label(match: re.Match[str]) -> str:
    return (match["round"] or match["plain"] or match["digit"]).strip()


def _bare(text: str) -> str:
    return re.sub(r"\s+", " ", text.strip().strip("$*").strip().removesuffix(".").removesuffix("。"))


def _unlabelled(text: str, letter: str) -> str:
    return re.sub(rf"^\s*[(（\[]?{letter}[)）\].．、:：]\s*", "", text).strip()
