"""What a question says about its answer."""

import json
from pathlib import Path

import pytest

from verifiers.math_answer.context import Context, Hints
from verifiers.math_answer.wording import choices
from verifiers.math_answer.wording.question import hints

DEVELOPMENT = Path(__file__).parents[3] / "shared" / "data" / "hardverify_math_dev.jsonl"
FLAGS = (
    *("exact", "approximate", "degrees", "radians", "percent", "ordered", "sorted", "find_all", "interval", "equation"),
    *("expression", "probability", "ratio", "clock"),
)


def flags(question: str) -> set[str]:
    found = hints(question)
    return {name for name in FLAGS if getattr(found, name)}


@pytest.mark.parametrize("question", [None, "", "  ", "Compute 7 - 19.", "What is the capital of Australia?"])
def test_a_question_that_says_nothing_sets_no_hint(question: str | None) -> None:
    """Silence is no instruction."""
    assert hints(question) == Hints()


@pytest.mark.parametrize(
    ("question", "places", "significant"),
    [
        ("Find x to the nearest tenth.", 1, None),
        ("What is x, to the nearest hundredth of a degree?", 2, None),
        ("Round to the nearest whole number.", 0, None),
        ("Round to the nearest ten.", -1, None),
        ("Give the area to the nearest 0.01.", 2, None),
        ("Give the length to the nearest meter.", 0, None),
        ("What is its area to the nearest square centimetre?", 0, None),
        ("What percent passed, to the nearest percent?", 0, None),
        ("Give the price to the nearest cent.", 2, None),
        ("correct to two decimal places", 2, None),
        ("to 3 decimal places", 3, None),
        ("round to 3 significant figures", None, 3),
        ("结果保留两位小数", 2, None),
        ("精确到0.01", 2, None),
        ("精确到十分位", 1, None),
        ("四舍五入，保留整数", 0, None),
        ("保留三个有效数字", None, 3),
        ("Find the point nearest to the origin.", None, None),
    ],
)
def test_precision(question: str, places: int | None, significant: int | None) -> None:
    """Decimal places and significant digits are counted as asked."""
    found = hints(question)
    assert (found.places, found.significant) == (places, significant)
    assert found.approximate is (places is not None or significant is not None)


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("Give the exact area of the circle.", {"exact"}),
        ("Find the area in terms of $\\pi$.", {"exact", "expression"}),
        ("What is the length? Leave your answer in simplest radical form.", {"exact"}),
        ("Which exactly is the length?", set()),
        ("About how many people came?", {"approximate"}),
        ("What percent of the students passed?", {"percent"}),
        ("A price falls by 20 percent to 80 dollars. What was it?", set()),
        ("增长了百分之几？", {"percent"}),
        ("Find the measure of the angle in degrees.", {"degrees"}),
        ("What is the degree of the polynomial?", set()),
        ("Find the angle in radians.", {"radians"}),
        ("这个角是多少度？", {"degrees"}),
        ("Find the ordered pair $(a, b)$.", {"ordered"}),
        ("Find all values of $x$.", {"find_all"}),
        ("Give the solution set in interval notation.", {"find_all", "interval"}),
        ("Find the equation of the line through the points.", {"equation"}),
        ("Find the sum of the roots of the equation.", set()),
        ("Express $d$ in terms of $n$.", {"expression"}),
        ("What is the probability that it is red?", {"probability"}),
        ("What is the ratio of boys to girls?", {"ratio"}),
        ("At what time does the train arrive?", {"clock"}),
        ("List the roots, separated by commas, in increasing order.", {"sorted"}),
        ("Order them from least to greatest.", {"ordered"}),
    ],
)
def test_forms(question: str, expected: set[str]) -> None:
    """The question's words set the hints they ask for, and no other."""
    assert flags(question) == expected


@pytest.mark.parametrize(
    ("question", "unit"),
    [
        ("What is the speed, in $\\mathrm{km} / \\mathrm{h}$ ?", "km/h"),
        ("What is the speed in km/h?", "km/h"),
        ("How many minutes does it take?", "min"),
        ("How many square feet of paper are needed?", "ft^2"),
        ("By how many inches does it fall?", "in"),
        ("What is its area in square centimetres?", "cm^2"),
        ("How much heavier is a cake in grams?", "g"),
        ("它的面积是多少平方厘米？", "cm^2"),
        ("一共多少元？", "CNY"),
        ("The height is ______ cm.", "cm"),
        ("A train runs 60 miles in hours of rain. How far is it?", None),
        ("How many second graders are there?", None),
        ("How many elements are in A?", None),
        ("How many ways are there?", None),
        ("How many dollars is that, to the nearest cent?", "USD"),
        ("What is its length to the nearest metre?", "m"),
        ("Express it in terms of n.", None),
    ],
)
def test_the_unit_asked_for(question: str, unit: str | None) -> None:
    """The unit is the one the answer is wanted in, not one that is given."""
    assert hints(question).unit == unit


@pytest.mark.parametrize(
    ("question", "asked"),
    [
        ("Determine all pairs $(x, y)$ of integers with $x+y=3$.", ("x", "y")),
        ("Find the ordered triple $\\left(a, b, c\\right)$.", ("a", "b", "c")),
        ("What are the values of $p$ and $q$?", ("p", "q")),
        ("Determine the values of $w, d, a$ and $b$.", ("w", "d", "a", "b")),
        ("Determine all values of $k$, with $k \\neq 0$.", ("k",)),
        ("Find the value of $x$ that is largest.", ("x",)),
        ("Find $x+y$.", ()),
        ("Find a way to do it.", ()),
        ("Find $C_n^1$.", ()),
        ("Find the values of ω and φ.", ("omega", "phi")),
        ("Find $\\alpha$ and $\\beta$.", ("alpha", "beta")),
        ("求 $a$ 的取值范围", ("a",)),
    ],
)
def test_the_names_asked_for(question: str, asked: tuple[str, ...]) -> None:
    """Names are reported in the question's order, spelt as in the tree; an expression is no name."""
    assert hints(question).asked == asked


def test_variables_and_integers() -> None:
    """Names in math are variables; the ones called whole numbers are integers; prose and money are neither."""
    found = hints("Let $n$ be a positive integer and $x_1 + e^{y} < \\alpha$. Tickets cost $5 and dogs $7.")
    assert found.variables == {"n", "x_1", "y", "alpha"}
    assert found.integers == {"n"}
    assert hints("Find all integers $m$ and $n$, with real $t$.").integers == {"m", "n"}
    assert hints("已知正整数 $a$, $b$").integers == {"a", "b"}
    assert hints("Let $k \\in \\mathbb{Z}$.").integers == {"k"}


@pytest.mark.parametrize(
    ("question", "letters"),
    [
        ("Which gas? A) oxygen B) nitrogen C) carbon dioxide D) helium", "ABCD"),
        (r"Find x. $\textbf{(A)}\ 12 \qquad \textbf{(B)}\ 13 \qquad \textbf{(C)}\ 14$", "ABC"),
        ("Which?\nA. 1\nB. 2\nC. 3", "ABC"),
        ("选择：A．1 B．2 C．3 D．4", "ABCD"),
        ("He goes to A. Then he goes to B. When?", ""),
        ("Given f(A) = 2 and f(B) = 3.", ""),
    ],
)
def test_options(question: str, letters: str) -> None:
    """Options are a run of letters from A; points at the end of a sentence are none."""
    assert "".join(letter for letter, _ in hints(question).choices) == letters


@pytest.mark.parametrize(
    ("reference", "response", "verdict"),
    [
        ("B", "(B)", True),
        ("B", "b", True),
        ("B", "The correct answer is B.", True),
        ("B", r"\textbf{(B)}", True),
        ("B", "B) 12 cm", True),
        ("B", "12 cm", True),
        ("12 cm", "B", True),
        ("B", "C", False),
        ("B", "14 cm", False),
        ("B", "A, B", False),
        ("B", "A) 10 cm B) 12 cm C) 14 cm", None),
        ("B", "B) 14 cm", None),
        ("B", "a large one", None),
    ],
)
def test_choices_compare(reference: str, response: str, verdict: bool | None) -> None:
    """A letter, or the text of its option, names the choice; two letters, or a letter with another's text, do not."""
    ctx = Context(hints("How long? A) 10 cm B) 12 cm C) 14 cm"))

    def same_text(a: str, b: str) -> bool | None:
        return True if a == b else False if b.endswith("cm") else None

    assert choices.same_choice(reference, response, ctx, same_text) is verdict


def test_letters_are_choices_only_where_options_are_offered() -> None:
    """Without options a B may be a variable."""
    assert choices.same_choice("B", "C", Context(), lambda a, b: a == b) is None


@pytest.mark.parametrize(
    "question",
    ["x" * 20_000, "how many " * 3_000, "(" * 20_000, "$" * 20_000, "A) " * 6_000, "in " * 6_000, "find a, " * 3_000],
)
def test_long_questions_are_read_at_both_ends(question: str) -> None:
    """A question of any length costs no more than its ends; the instruction at the end is seen."""
    assert hints(question + "\nRound to two decimal places.").places == 2


@pytest.mark.skipif(not DEVELOPMENT.exists(), reason="needs the development data next to the repository")
def test_every_development_question_is_read() -> None:
    """Real questions of any wording never raise, and most set a hint."""
    questions = {json.loads(line)["question"] for line in DEVELOPMENT.read_text(encoding="utf-8").splitlines()}
    assert sum(hints(question) != Hints() for question in questions) > len(questions) // 2
