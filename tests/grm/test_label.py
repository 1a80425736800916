"""The label read from one token's candidates, with probabilities worked by hand."""

import math

import pytest

from grm.label import Label, read_label

INF = math.inf


@pytest.mark.parametrize("spelling", ["Yes", "yes", "YES", " Yes", "▁Yes", "Ġyes", "\nYes"])
def test_every_spelling_of_yes_counts(spelling: str) -> None:
    """A leading space in any tokenizer's notation, and any case, are the same word."""
    assert read_label({spelling: math.log(0.5)}) == Label(yes=1.0, mass=0.5)


@pytest.mark.parametrize("other", ["Yesterday", "Y", "Not", "None", "N", "yes.", "ja", ""])
def test_other_words_do_not_count(other: str) -> None:
    """Only the whole word is a label."""
    assert read_label({other: math.log(0.5)}) == Label(yes=0.0, mass=0.0)


def test_spellings_add_up() -> None:
    """1/2 + 1/8 yes against 1/8 no: mass 3/4, yes 5/6."""
    label = read_label({"Yes": math.log(1 / 2), " yes": math.log(1 / 8), "No": math.log(1 / 8), "?": math.log(1 / 4)})
    assert label is not None
    assert label.mass == pytest.approx(3 / 4)
    assert label.yes == pytest.approx(5 / 6)


@pytest.mark.parametrize("impossible", [-INF, -9999.0])
def test_a_token_that_cannot_come_has_no_mass(impossible: float) -> None:
    """Servers write "never" as minus infinity or as a large negative number."""
    assert read_label({"Yes": math.log(0.5), "No": impossible}) == Label(yes=1.0, mass=0.5)


@pytest.mark.parametrize("broken", [math.nan, INF, 0.5, 3.0])
def test_what_is_no_log_probability_cannot_be_read(broken: float) -> None:
    """Not-a-number, infinity or anything above 0 is no label, even beside a good one."""
    assert read_label({"Yes": math.log(0.5), "x": broken}) is None


def test_more_than_all_the_probability_cannot_be_read() -> None:
    """Raw scores or a server that reports 0.0 for everything are not probabilities."""
    assert read_label({"Yes": 0.0, "No": 0.0}) is None


def test_no_candidates_cannot_be_read() -> None:
    """An empty table is no reading."""
    assert read_label({}) is None
