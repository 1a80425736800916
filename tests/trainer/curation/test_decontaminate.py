"""Which rows must not be trained on, told by a real service and the command itself."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.live import LiveService
from tests.trainer.curation.commands import touchstone_data
from touchstone_client import Client
from touchstone_trainer.curation.decontamination import benchmark as benchmarks
from touchstone_trainer.curation.decontamination.benchmark import Benchmark
from touchstone_trainer.curation.decontamination.decontaminator import Decontaminator
from touchstone_trainer.curation.decontamination.thresholds import Method
from touchstone_trainer.curation.problems import BadInput
from touchstone_trainer.curation.rows import Found, Place
from touchstone_trainer.curation.stage import Done

PENS = "Anna buys 14 pens for 3 dollars each and pays 25 dollars for delivery. How many dollars does Anna pay in total?"
TEXTS = [Method.EXACT, Method.NGRAM, Method.MINHASH, Method.TEMPLATE]
"""All but the encoder, which takes a second to load."""
Sorted = Callable[..., Done]


def row(question: str, reference: str | None = None, **more: Any) -> dict[str, Any]:
    return {"question": question, **({} if reference is None else {"reference": reference}), **more}


def write(path: Path, *rows: dict[str, Any]) -> str:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return str(path)


@pytest.fixture
def sort(service: LiveService, tmp_path: Path) -> Sorted:
    """Sorts rows against one benchmark question; all methods unless some are named."""

    def run(asked: dict[str, Any], *rows: dict[str, Any], methods: Any = Method, **options: Any) -> Done:
        path = write(tmp_path / "benchmark.jsonl", asked)
        with Client(service.url) as client:
            work = Decontaminator(Benchmark([path], methods=list(methods)), client, **options)
            return work([Found(at, Place("here", at + 1), one) for at, one in enumerate(rows)])

    return run


def relations(done: Done) -> list[str]:
    return [match["relation"] for match in done.rows.get("matches", [])]


def test_a_copy_in_another_dress_goes(sort: Sorted) -> None:
    """Letters' case, spacing and LaTeX's dress hide no copy; the row says what it was."""
    asked = row("Find the sum of all $x$ with $x^2 = \\dfrac{1}{4}$.", "0")
    copy = row("FIND THE SUM OF ALL \\(X\\)  WITH \\(X^2=\\frac{1}{4}\\)", "0", id="a")
    done = sort(asked, copy, row("Find the product of all $x$ with $x^2 = 4$.", "-4"), methods=TEXTS)
    assert [(one["id"], one["contamination"]) for one in done.rows["dropped"]] == [("a", "copy")]
    assert len(done.rows["rows"]) == 1


def test_a_benchmark_question_inside_of_a_text_goes(sort: Sorted) -> None:
    """Surrounding words do not dilute a shared run of 13 words, though the Jaccard falls below its threshold."""
    before, after = "Here is one more exercise for you to do at home this week. ", "Explain each of your steps. "
    text = f"{before * 4} {PENS} {after * 9}"
    done = sort(row(PENS, "67"), row(text, "67"), methods=[Method.NGRAM])
    assert relations(done) == ["copy"]
    assert sort(row(PENS, "67"), row(text, "67"), methods=[Method.MINHASH]).counts["clean"] == 1


def test_a_phrase_that_many_questions_share_is_no_copy(service: LiveService, tmp_path: Path) -> None:
    """A run of 13 words that three benchmark questions have says nothing of any of them."""
    phrase = "The answer can be written as m/n where m and n are relatively prime positive integers. Find m+n."
    ways = ("dice show a sum of nine", "cards have one suit", "coins fall on their heads", "marbles share one colour")
    asked = [row(f"What is the probability that three {way}? {phrase}", "5") for way in ways]
    with Client(service.url) as client:
        for count, clean in ((2, 0), (3, 1)):
            path = write(tmp_path / f"{count}.jsonl", *asked[:count])
            work = Decontaminator(Benchmark([path], methods=[Method.NGRAM]), client)
            new = row(f"A point lies in a square. How likely is it to be near to a corner? {phrase}", None)
            assert work([Found(0, Place("here", 1), new)]).counts["clean"] == clean


def test_other_numbers_are_told_by_the_verifier(sort: Sorted) -> None:
    """One form: with the same answer it is contaminated, with another it is a variant, kept where that is asked for."""
    asked = row("A box holds 12 red and 8 blue marbles. How many marbles are there in the whole box?", "20")
    same = row(asked["question"].replace("12", "15").replace("8", "5"), "\\frac{40}{2}")
    other = row(asked["question"].replace("12", "30"), "38")
    unknown = row(asked["question"].replace("12", "31"))
    methods = [Method.TEMPLATE]
    assert relations(sort(asked, same, other, unknown, methods=methods)) == ["same_answer", "other_answer", "undecided"]
    assert sort(asked, same, other, unknown, methods=methods).counts["contaminated"] == 3
    kept = sort(asked, same, other, unknown, methods=methods, keep_variants=True)
    assert [one["reference"] for one in kept.rows["rows"]] == ["38"]


def test_renamed_variables_are_the_same_question(sort: Sorted) -> None:
    """No verifier is needed where the form and all numbers are the same."""
    question = "Let ${0}$ and ${1}$ be real numbers with ${0}+{1}=7$ and ${0}{1}=10$. Find ${0}^2+{1}^2$ and prove it."
    asked = row(question.format("x", "y"), "29")
    done = sort(asked, row(question.format("a", "b")), methods=TEXTS)
    assert relations(done) == ["same_form"]
    assert done.rows["matches"][0]["references_agree"] is None


def test_a_short_form_is_everybodys(sort: Sorted) -> None:
    """`What is # + #?` is shared by thousands of questions and makes no pair."""
    assert sort(row("What is 3 + 4?", "7"), row("What is 5 + 2?", "7"), methods=[Method.TEMPLATE]).counts["clean"] == 1


REWORDINGS = [
    "A delivery fee of 25 dollars is added to an order of 14 pens, each costing 3 dollars. What must Anna pay?",
    "安娜买了14支笔，每支3美元，另付运费25美元。安娜一共付了多少美元？",
]


@pytest.mark.parametrize("question", REWORDINGS)
def test_meaning_numbers_and_answer_find_a_rewording(question: str, sort: Sorted) -> None:
    """Other words, or another language, with the numbers and the answer of the benchmark: the same question."""
    done = sort(row(PENS, "67"), row(question, "$67$"))
    assert relations(done) == ["same_question"]
    assert set(done.rows["matches"][0]["scores"]) == {"semantic"}


def test_another_answer_is_another_question(sort: Sorted) -> None:
    """The same facts with another question on them stay: the verifier tells the references apart."""
    other = (
        "Anna pays 25 dollars for delivery and orders 14 pens at 3 dollars. How much would the pens alone have cost?"
    )
    done = sort(row(PENS, "67"), row(other, "42"), methods=[Method.SEMANTIC])
    assert done.counts["clean"] == 1


def test_the_same_facts_in_the_same_words_may_ask_something_else(sort: Sorted) -> None:
    """Text in common does not make a copy where the numbers agree and the answers do not; it is reported and stays."""
    other = PENS.replace("does Anna pay in total", "would the pens alone cost Anna")
    done = sort(row(PENS, "67"), row(other, "42"), methods=TEXTS)
    assert relations(done) == ["other_question"]
    assert done.counts["clean"] == 1
    assert relations(sort(row(PENS, "67"), row(other), methods=TEXTS)) == ["copy"], (
        "without a reference nobody can tell"
    )


def test_a_wrong_reference_hides_no_copy(sort: Sorted) -> None:
    """A benchmark question that stands whole in a text is a copy, whatever answer the row gives to it."""
    done = sort(row(PENS, "67"), row(f"Exercise 4 (homework). {PENS} Explain.", "68"), methods=TEXTS)
    assert relations(done) == ["copy"]


def test_of_one_form_the_nearest_numbers_are_compared(service: LiveService, tmp_path: Path) -> None:
    """A form that many benchmark questions have makes no more than three pairs, the right one among them."""
    form = "A box holds {} red and {} blue marbles. How many marbles are there in the whole box?"
    asked = [row(form.format(red, 90), str(red + 90)) for red in range(10, 30)]
    with Client(service.url) as client:
        work = Decontaminator(Benchmark([write(tmp_path / "b.jsonl", *asked)], methods=[Method.TEMPLATE]), client)
        done = work([Found(0, Place("here", 1), row(form.format("$25$", 90)))])
    assert sorted(relations(done)) == ["same_form", "undecided", "undecided"]


def test_a_row_without_numbers_in_common_needs_a_missing_reference(sort: Sorted) -> None:
    """Likeness in meaning alone counts where there are no references to compare, and only there."""
    asked = row(
        "A farmer has seventeen sheep and all but nine run away. How many sheep does the farmer still have?", "9"
    )
    spelt = asked["question"].replace("seventeen", "17").replace("still have", "have left")
    assert relations(sort(asked, row(spelt), methods=[Method.SEMANTIC])) == ["copy"]
    assert sort(asked, row(spelt, "8"), methods=[Method.SEMANTIC]).rows.get("matches") is None


def test_lookalikes_without_shared_numbers_stay(sort: Sorted) -> None:
    """Questions of one topic with one answer are no pair."""
    asked = row("Find all functions $f$ on the reals with $f(x+f(y)) = f(x) + y$.", "$f(x)=x$")
    other = row("Find all functions $f$ on the positive integers with $f(n)$ dividing $n$.", "$f(x)=x$")
    assert sort(asked, other).counts["clean"] == 1


def test_odd_texts_stop_nothing(sort: Sorted) -> None:
    """Half a surrogate pair, signs alone, blanks and endless formulas are rows like others."""
    odd = ["\ud800 half a pair in a question", "!!! ??? $$", " ", "$" * 999, "{" * 3000 + "}" * 3000, "1" * 5000]
    done = sort(row("\ud800 half a pair in a question", "4"), *(row(text, "4") for text in odd))
    assert (done.counts["contaminated: copy"], done.counts["clean"]) == (1, 5)


def test_benchmarks_have_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More questions than memory is meant for are refused; one question in two places counts once."""
    monkeypatch.setattr(benchmarks, "MAX_QUESTIONS", 2)
    path = write(tmp_path / "b.jsonl", row("a question here", "1"), row("A question here?", "2"), row("another", "3"))
    made = Benchmark([path], methods=[Method.EXACT])
    assert [entry.references for entry in made.entries] == [["1", "2"], ["3"]]
    with pytest.raises(BadInput, match="more than 2 questions"):
        Benchmark([path, write(tmp_path / "c.jsonl", row("a third one"))], methods=[Method.EXACT])


def test_the_command_reports_and_counts(service: LiveService, tmp_path: Path) -> None:
    """Outputs, report and card agree; another benchmark of that name is another job; odd thresholds are refused."""
    write(tmp_path / "bench.jsonl", {"problem": PENS, "answer": 67})
    write(tmp_path / "in.jsonl", row(PENS, "67", id=1), row("How many primes are there below thirty?", "10", id=2))
    call = ["decontaminate", "in.jsonl", "-o", "out.parquet", "--against", "bench.jsonl", "--report", "pairs.jsonl"]
    call += ["--dropped", "no.jsonl", "--service", service.url, "--method", "ngram", "--method", "exact"]
    call += ["--benchmark-column", "question=problem", "--benchmark-column", "reference=answer"]
    dry = touchstone_data(*call, "--dry-run", cwd=tmp_path)
    assert dry.returncode == 0, dry.stderr
    assert not (tmp_path / "out.parquet").exists()
    ran = touchstone_data(*call, cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (0, dry.stdout), ran.stderr
    pair = json.loads((tmp_path / "pairs.jsonl").read_text())
    assert (pair["row"], pair["id"], pair["benchmark"]) == ("in.jsonl:1", 1, "bench.jsonl:1")
    assert pair["scores"] == {"exact": 1.0, "ngram": 1.0}
    card = json.loads((tmp_path / "out.parquet.card.json").read_text())
    assert (card["counts"]["clean"], card["counts"]["contaminated: copy"], card["benchmark_questions"]) == (1, 1, 1)
    assert card["parameters"]["against"][0]["sha256"]
    odd = touchstone_data(*call, "--threshold", "coverage=2", cwd=tmp_path)
    assert odd.returncode == 2
    assert "coverage" in odd.stderr
