"""What is sound, what is twice there, what is chosen: by a real service and the command itself."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.live import LiveService
from tests.trainer.curation.commands import touchstone_data
from touchstone_client import Client
from touchstone_trainer.curation.selection import balance, selector
from touchstone_trainer.curation.selection.labels import answer_type, difficulty, language, subject
from touchstone_trainer.curation.selection.quality import Flaw, flaw, sound_latex, verified
from touchstone_trainer.curation.selection.selector import Settings, select
from touchstone_trainer.curation.stage import Job, State


def row(question: str, reference: Any = "4", **more: Any) -> dict[str, Any]:
    return {"question": question, "reference": reference, **more}


SOUND = "What is the sum of 2 and 2?"

FLAWED = {
    "Solve it": Flaw.SHORT,
    "word " * 1_300: Flaw.LONG,
    "Find the value of $x when it is known that x + 1 = 5": Flaw.BROKEN_LATEX,
    "Find the value of \\frac{1}{2 when it is doubled twice": Flaw.BROKEN_LATEX,
    "Find $\\left( 1 + 2 )$ and write down the result": Flaw.BROKEN_LATEX,
    "Solve \\begin{cases} x = 1 \\end{aligned} for the number x": Flaw.BROKEN_LATEX,
    "Find the \x0crac{1}{2} of the given number 8": Flaw.BROKEN_TEXT,
    "How many triangles does the figure below contain?": Flaw.FIGURE,
    "如图，在三角形中求角的大小": Flaw.FIGURE,
    "Read https://example.org/task and solve the task there": Flaw.LINK,
    "Prove that there are infinitely many primes.": Flaw.PROOF,
    "已知函数有零点，求证：零点只有一个": Flaw.PROOF,
    "Let x = 2. (a) Find x + 1. (b) Find x + 2.": Flaw.SEVERAL_QUESTIONS,
    "已知数列。（1）求通项；（2）求前n项和": Flaw.SEVERAL_QUESTIONS,
}


@pytest.mark.parametrize(("question", "expected"), FLAWED.items())
def test_a_flaw_is_named(question: str, expected: Flaw) -> None:
    """Each kind of unsound question is left out for its own reason."""
    assert flaw(row(question)) is expected


FLAWLESS = [
    SOUND,
    "A pen costs $5 and a book costs $12.50. What do both cost?",
    "If \\$5 buys $x$ pens, how many pens does \\$20 buy?",
    "Let $f(x) = \\left[ x \\right)$ for every real number x. Find f(1).",
    "Find the point (1) on the line and its distance from the origin.",
    "Determine the set $\\{1, 2\\} \\cup \\{3\\}$ of all numbers.",
    "The figure skater turns 3 times a second. How often in a minute?",
]


@pytest.mark.parametrize("question", FLAWLESS)
def test_sound_questions_have_no_flaw(question: str) -> None:
    """Prices are no formulas, half-open brackets are in pairs, escaped signs are text."""
    assert flaw(row(question)) is None


def test_a_reference_is_its_own_answer(service: LiveService) -> None:
    """What the verifier refuses, or cannot read, as the answer to itself is left out; programs are not asked."""
    rows = [
        row(SOUND, "4"),
        row(SOUND, ["4", "\\frac{8}{2}"]),
        row(SOUND, "\\frac{1}{"),
        row("Write a program that prints 4.", "{}", task="code"),
    ]
    with Client(service.url) as client:
        found = verified(client, rows)
    assert found[:2] == [None, None]
    assert found[2:] == [Flaw.REFERENCE_UNDECIDED, None]
    assert flaw(row(SOUND, "")) is Flaw.REFERENCE_MISSING
    assert flaw(row("Halve the number $8$ twice", "$x$ and $y")) is Flaw.BROKEN_LATEX
    assert sound_latex("a \\{ b")


LABELLED = [
    (row("In triangle $ABC$ the angle at $A$ is 60. Find the radius of its circle.", "2\\sqrt{3}"), "geometry"),
    (row("How many integers are divisible by a prime divisor of 12?", "7"), "number_theory"),
    (row("What is the probability that a random coin shows heads?", "1/2"), "probability"),
    (row("设函数满足方程，求不等式的解", "(1,2)"), "algebra"),
    (row("Say hello to everybody in the room", "hello"), "other"),
]


@pytest.mark.parametrize(("asked", "expected"), LABELLED)
def test_subjects_go_by_their_words(asked: dict[str, Any], expected: str) -> None:
    """The subject with the most words of its own."""
    assert subject(asked["question"]) == expected


TYPES = {
    "42": "integer",
    "-3.5": "decimal",
    "\\frac{1}{2}": "fraction",
    "12.5\\%": "percent",
    "B": "choice",
    "yes": "truth",
    "(-\\infty, 3]": "interval",
    "x \\leq 2": "interval",
    "y=2x+1": "equation",
    "1, 2, 3": "several",
    "2\\sqrt{3}+1": "expression",
    "any odd number": "text",
}


@pytest.mark.parametrize(("reference", "expected"), TYPES.items())
def test_answers_have_types(reference: str, expected: str) -> None:
    """The shape of the reference."""
    assert answer_type(row(SOUND, reference)) == expected


def test_difficulty_is_what_the_row_says_first() -> None:
    """A measured pass rate beats a level, a level beats the shape; nothing said, the shape is looked at."""
    assert difficulty(row(SOUND, pass_rate=0.1, level="Level 1")) == "hard"
    assert difficulty(row(SOUND, level="Level 5")) == "hard"
    assert difficulty(row(SOUND, difficulty="Medium")) == "medium"
    assert difficulty(row(SOUND)) == "easy"
    assert difficulty(row("Find all functions $f$ such that $f(x)=f(y)$ for all real x, y.", "f(x)=c")) == "medium"


LANGUAGES = {
    SOUND: "en",
    "求函数的最小值": "zh",
    "関数の最小値を求めよ": "ja",
    "Найдите сумму чисел": "ru",
    "Trouvez la somme des nombres entiers entre deux et dix": "other",
    "$x^2+1=2$": "none",
}


@pytest.mark.parametrize(("question", "expected"), LANGUAGES.items())
def test_languages(question: str, expected: str) -> None:
    """By script, English by its small words; formulas alone have none."""
    assert language(question) == expected


def test_small_clusters_and_buckets_give_all_they_have() -> None:
    """Ten places over buckets of 20 and 3 rows: 7 and 3; the 7 over clusters of 18 and 2: 5 and 2."""
    buckets = ["a"] * 20 + ["b"] * 3
    cluster = np.array([0] * 18 + [1] * 2 + [0] * 3, dtype=np.int32)
    taken = balance.chosen(buckets, cluster, 10, seed=3).tolist()
    assert Counter((buckets[at], cluster[at]) for at in taken) == {("a", 0): 5, ("a", 1): 2, ("b", 0): 3}
    assert taken == balance.chosen(buckets, cluster, 10, seed=3).tolist()
    assert sorted(taken) != sorted(balance.chosen(buckets, cluster, 10, seed=4).tolist())
    assert len(balance.chosen(buckets, cluster, None, seed=3)) == 23


def test_clusters_are_found_and_are_the_same_twice() -> None:
    """Three groups of directions, well apart, come apart; the same seed gives the same clusters."""
    random = np.random.default_rng(5)
    centres = np.eye(balance_width := 512)[[3, 99, 400]]
    vectors = np.repeat(centres, 30, axis=0) + random.normal(0, 0.01, (90, balance_width))
    rows = np.arange(90)
    found = balance.clusters(vectors.astype(np.float16), rows, seed=1)
    assert balance.cluster_count(90) == 7
    groups = [set(found[start : start + 30].tolist()) for start in (0, 30, 60)]
    assert sum(map(len, groups)) == len(set.union(*groups)), "no cluster has rows of two groups"
    assert found.tolist() == balance.clusters(vectors.astype(np.float16), rows, seed=1).tolist()


SUM = "A farmer has {} cows and {} sheep in the field behind his house. How many animals does he have in all?"


@pytest.fixture
def chosen(service: LiveService, tmp_path: Path) -> Any:
    """Selects from rows: what was chosen, what was left out, and how the job ended."""

    def run(rows: Sequence[dict[str, Any]] | None, target: int | None = None) -> tuple[list[Any], list[Any], State]:
        source = tmp_path / "in.jsonl"
        if rows is not None:
            source.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in rows))
        outs = {"rows": str(tmp_path / "out.jsonl"), "dropped": str(tmp_path / "no.jsonl")}
        job = Job("select", [str(source)], outs, {"target": target}, required=("question",))
        with Client(service.url) as client:
            state = select(job, client, Settings(target, (), 0))
        read = [[json.loads(line) for line in Path(path).read_text().splitlines()] for path in outs.values()]
        return read[0], read[1], state

    return run


def test_near_duplicates_leave_the_longer(chosen: Any) -> None:
    """One question in two dresses is kept once; other numbers or a word with another answer make another question."""
    asked = SUM.format(12, 30)
    rows = [
        row(asked, "42", id="short"),
        row(f"{asked} Give your answer.", "\\frac{84}{2}", id="long"),
        row(SUM.format(13, 30), "43", id="numbers"),
        row(asked.replace("animals", "sheep"), "30", id="asked"),
    ]
    kept, gone, state = chosen(rows)
    assert [one["id"] for one in kept] == ["long", "numbers", "asked"]
    assert [(one["id"], one["selection"], one["duplicate_of"]) for one in gone] == [("short", "duplicate", 1)]
    assert state.counts["selected"] == 3


def test_one_question_with_two_answers_goes(chosen: Any) -> None:
    """Of two references that the verifier tells apart one is false: both rows go."""
    kept, gone, _ = chosen(
        [row(SUM.format(1, 2), "3"), row(SUM.format(1, 2).upper(), "4"), row(SUM.format(5, 6), "11")]
    )
    assert [one["reference"] for one in kept] == ["11"]
    assert {one["selection"] for one in gone} == {"conflicting_references"}


def test_an_interrupted_selection_keeps_its_first_pass(chosen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once every row was looked at, a kill costs only the choice: called again, it looks at none."""
    rows = [row(SUM.format(at, 2 * at), str(3 * at)) for at in range(3, 9)]

    def killed(*given: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(selector, "choose", killed)
        with pytest.raises(KeyboardInterrupt):
            chosen(rows, 2)
    monkeypatch.setattr(selector, "Inspector", killed)
    kept, gone, _ = chosen(None, 2)
    assert (len(kept), len(gone)) == (2, 4)


def test_the_command_selects_and_draws(service: LiveService, tmp_path: Path) -> None:
    """Outputs, card and plots are there, unusable rows are told, and the working folder is gone."""
    rows = [row(SUM.format(at, 2 * at), str(3 * at)) for at in range(3, 23)] + [row("Solve it")]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows) + "broken\n")
    call = ["select", "in.jsonl", "-o", "out.jsonl", "--dropped", "no.jsonl", "--target", "8"]
    ran = touchstone_data(*call, "--service", service.url, cwd=tmp_path)
    assert ran.returncode == 1, ran.stderr
    assert "in.jsonl:22" in ran.stderr
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == 8
    card = json.loads((tmp_path / "out.jsonl.card.json").read_text())
    assert (card["counts"]["selected"], card["counts"]["no_room"], card["counts"]["short"]) == (8, 12, 1)
    assert card["distributions"]["language"]["before"] == {"en": 20, "none": 1}
    page = (tmp_path / "out.jsonl.plots.html").read_text()
    assert "data:image/svg+xml" in page
    assert "<script" not in page
    assert (tmp_path / "out.jsonl.plots.png").read_bytes().startswith(b"\x89PNG")
    assert not (tmp_path / "out.jsonl.select").exists()
    odd = touchstone_data(*call, "--language", "english", "--service", service.url, cwd=tmp_path)
    assert odd.returncode == 2
    assert "en, zh, ja" in odd.stderr
