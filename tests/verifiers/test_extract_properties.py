"""What holds for every response, and that no response is expensive."""

import re
import string
import sys
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.math_answer.extraction.box import MAX_BOXES
from verifiers.math_answer.extraction.claims import claims
from verifiers.math_answer.extraction.extract import extract

FRAGMENTS = [
    r"\boxed{", "}", "{", r"\boxed{7}", "$", "$$", r"\[", r"\]", "<think>", "</think>", "<answer>", "</answer>",
    "<!--", "-->", "~~", "%", "\n", "\n\n", "| a | b |\n", "|---|---|\n", "```", "**", "The answer is ", "Answer: ",
    "答案是", "。", "so ", "x = 12", "12", "13", " or ", " not ", "Wait, ", "I hope it helps.", "#### ", "Human: ",
    "Score: ", "[[A]]", r"\frac{1}{2}", r"\text{cm}", "\u200b", "\u202e", "Canberra", "is ", "?", ". ",
    r"\begin{align}", r"\end{align}", "\\\\", "&", "=", "≈", ",", "(a) ",
]  # fmt: skip
responses = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=8), max_size=30).map("".join)
values = st.from_regex(r"-?[1-9][0-9]{0,5}(\.[0-9]{1,3}|/[1-9][0-9]{0,3})?", fullmatch=True)


@given(responses, st.none() | responses)
def test_extraction_never_raises(response: str, question: str | None) -> None:
    """Every text gives an answer or a refusal, never both, never neither."""
    found = extract(response, question)
    assert (found.answer is None) != (found.refusal is None)
    assert found.answer is None or found.answer.strip()


@given(responses, responses, st.none() | responses)
def test_claims_never_raise(response: str, reference: str, question: str | None) -> None:
    """Every statement and reference give one of three words."""
    assert claims(extract(response, question), reference, question) in (True, False, None)


@given(st.sampled_from(["", "x = ", "f(x) = "]), values)
def test_a_bare_answer_is_kept(name: str, value: str) -> None:
    """A bare answer comes out as it went in, and again when it is extracted once more."""
    once = extract(name + value).answer
    assert once == name + value
    assert extract(once).answer == once


@given(responses)
def test_an_extracted_bare_answer_is_stable(response: str) -> None:
    """Extraction from a short extracted formula changes nothing more."""
    answer = extract(response).answer
    if answer is not None and re.fullmatch(r"[\d.+*/()-]{1,20}", answer) and re.search(r"\d\Z", answer):
        assert extract(answer).answer == answer


@given(st.text(string.ascii_letters + " .,\n", max_size=300), values)
def test_the_box_wins(prose: str, value: str) -> None:
    """A box at the end is the answer, whatever prose stands before it."""
    assert extract(f"{prose}\nSo the answer is $\\boxed{{{value}}}$.").answer == value


@given(st.text(max_size=100).filter(lambda text: "<" not in text and ">" not in text), values)
def test_thinking_is_never_searched(thought: str, value: str) -> None:
    """An answer that stands only in the thinking block is not found."""
    found = extract(f"<think>{thought} \\boxed{{{value}}}</think>")
    assert found.answer is None
    assert extract(f"<think>{thought} \\boxed{{{value}}}</think>x = 0").answer == "x = 0"


@given(values, st.sampled_from(["\u200b", "\ufeff", "\u202e", "\u2060"]), st.integers(0, 10))
def test_invisible_characters_change_nothing(value: str, mark: str, at: int) -> None:
    """An answer with invisible characters in it is the answer without them."""
    assert extract(value[:at] + mark + value[at:]).answer == value


UNITS = [
    "{", "}", "{}", r"\boxed{", r"\boxed{1} ", "answer is ", "The answer is 5. ", "<", "<think>",
    "<!--", "~~", "~~a~~ ", "%", "[[A]]", "\n", " ", "|", "| a ", "$", "$$", r"\[", r"\(", "(", "=", "1,", "x=1,",
    "- 1\n", "*", "**a", "`", "#", "a. ", "not ", "or ", "答案是", "。", "1? ", "\u200b", r"\text{",
    r"\cancel{", "Human:\n", "\nScore: 1", '{"score":', "wait ", "(a) ",
    r"x\boxed{1}^{", "A) ", "\x00",
]  # fmt: skip


def executed_lines(response: str) -> int:
    """How many lines of this package run for a response: its work outside of regular expressions, without a clock."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> object:
        nonlocal count
        if "math_answer" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)  # type: ignore[arg-type]  # the return type of a trace function is recursive
    try:
        extract(response, "What is x?")
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("unit", UNITS, ids=repr)
def test_work_is_bounded(unit: str) -> None:
    """A hundred kilobytes of one fragment take a bounded number of steps beyond the scans of the text."""
    padded = unit * (100_000 // len(unit))
    for response in (padded, f"\\boxed{{5}} {padded} end 5.", f"The answer is {padded} 5."):
        assert executed_lines(response) < 300_000


def test_deep_nesting_is_answered() -> None:
    """Twenty thousand nested boxes are read or refused, not recursed into."""
    found = extract(r"\boxed{" * 20_000 + "5" + "}" * 20_000)
    assert found.answer in ("5", None)
    assert len(found.parts) <= MAX_BOXES


@given(st.binary(max_size=2_000))
def test_garbage_is_answered(noise: bytes) -> None:
    """Decoded noise, repeated to a hundred kilobytes, gives an answer or a refusal."""
    text = noise.decode("utf-8", "surrogateescape")
    found = extract(text * (100_000 // max(len(text), 1)) if len(text) > 500 else text)
    assert (found.answer is None) != (found.refusal is None)
