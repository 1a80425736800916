"""Dates and clock times."""

import pytest

from verifiers.math_answer.context import Context, Hints
from verifiers.math_answer.quantities.calendar_time import moment, moments
from verifiers.math_answer.tree import Node, Num, Ratio, Text


def never_asked(reference: Node, response: Node) -> bool | None:
    raise AssertionError((reference, response))


def agree(reference: Node, response: Node, *, clock: bool = False) -> bool | None:
    return moments(reference, response, Context(Hints(clock=clock)), never_asked)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("March 5, 2021", "date 2021-03-05"),
        ("March 5th", "date ????-03-05"),
        ("5 March 2021", "date 2021-03-05"),
        ("Friday, the 5th of March, 2021", "date 2021-03-05"),
        (r"\text{July 4, 1776}", "date 1776-07-04"),
        ("2021-03-05", "date 2021-03-05"),
        ("2021年3月5日", "date 2021-03-05"),
        ("3月5日", "date ????-03-05"),
        ("3:30 pm", "time 15:30"),
        ("3:30 P.M.", "time 15:30"),
        ("3.30 p.m.", "time 15:30"),
        (r"10:30 \text{ AM}", "time 10:30"),
        ("12:15 am", "time 00:15"),
        ("12 pm", "time 12:00"),
        ("noon", "time 12:00"),
        ("3 o'clock", "time 03:00?"),
        ("three o'clock in the afternoon", "time 15:00"),
        ("half past three", "time 03:30?"),
        ("quarter to 4 pm", "time 15:45"),
        ("下午3点30分", "time 15:30"),
        ("下午3点半", "time 15:30"),
        ("8点钟", "time 08:00?"),
    ],
)
def test_moments_have_one_spelling(text: str, words: str) -> None:
    """Every usual way to write a date or a time is read to one spelling."""
    assert moment(text) == Text(words)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5:8",
        "3:30",
        "3/5/2021",
        "3 to 5",
        "10-5-2",
        "may",
        "February 30",
        "25:00 pm",
        "3:75 pm",
        "3时",
        "x" * 200,
    ],
)
def test_what_can_be_something_else_is_no_moment(text: str) -> None:
    """Ratios, quotients, ranges, durations and impossible days are left alone."""
    assert moment(text) is None


T1530, T0330, UNKNOWN = Text("time 15:30"), Text("time 03:30"), Text("time 03:30?")
R330, R1530 = Ratio((Num(3), Num(30))), Ratio((Num(15), Num(30)))


@pytest.mark.parametrize(
    ("reference", "response", "clock", "verdict"),
    [
        (T1530, T1530, False, True),
        (T1530, T0330, False, False),
        (T1530, R1530, False, True),
        (T1530, R330, False, None),
        (T1530, R330, True, True),
        (R330, T1530, True, True),
        (R330, R330, True, True),
        (R330, Ratio((Num(1), Num(10))), True, False),
        (R330, Ratio((Num(1), Num(10))), False, None),
        (UNKNOWN, R330, False, True),
        (UNKNOWN, Text("time 04:30"), True, False),
        (T1530, Num(5), False, None),
        (T1530, Text("date 2021-03-05"), False, None),
        (Text("time flies"), R330, False, None),
        (Text("date 2021-03-05"), Text("date 2021-03-06"), False, False),
        (Text("date 2021-03-05"), Text("date ????-03-05"), False, None),
        (Text("date 2021-03-05"), Text("date 2022-03-05"), False, False),
    ],
)
def test_moments_compare(reference: Node, response: Node, clock: bool, verdict: bool | None) -> None:
    """Times differ by half a day or a minute; a missing half is supplied only where times are asked for."""
    assert agree(reference, response, clock=clock) is verdict
