"""How alike two questions are, held to worked numbers and to the shared vectors."""

import json
import math
from pathlib import Path
from typing import Any

import pytest

from touchstone_trainer.curation.decontamination.benchmark import Benchmark
from touchstone_trainer.curation.decontamination.thresholds import Method
from touchstone_trainer.curation.likeness.minhash import index, signature
from touchstone_trainer.curation.likeness.words import (
    canonical,
    grams,
    is_chinese,
    jaccard,
    numbers,
    overlap,
    shingles,
    template,
    words,
)

VECTORS = Path(__file__).parents[3].parent / "shared" / "vectors" / "data_pipeline.json"


@pytest.fixture(scope="module")
def vectors() -> dict[str, Any]:
    if not VECTORS.exists():
        pytest.skip("needs ../shared/vectors")
    loaded: dict[str, Any] = json.loads(VECTORS.read_text())
    return loaded


def test_jaccard_is_that_of_the_vectors(vectors: dict[str, Any]) -> None:
    """Runs of three and five words, and of five characters, of every pair of the vectors."""
    for case in vectors["jaccard"]:
        one, other = case["a"].lower(), case["b"].lower()
        for name, size in (("word3", 3), ("word5", 5)):
            found = jaccard(grams(one.split(), size), grams(other.split(), size))
            assert math.isclose(found, case["jaccard"][name]), (case["name"], name)
        characters = [" ".join(text.split()) for text in (one, other)]
        found = jaccard(*(grams(text, 5) for text in characters))
        assert math.isclose(found, case["jaccard"]["char5"]), case["name"]


def test_overlap_of_runs_is_that_of_the_vectors(vectors: dict[str, Any], tmp_path: Path) -> None:
    """A shared run of 13 words, or half of the benchmark's runs of 8, makes a pair, with that share as its score."""
    for at, case in enumerate(vectors["ngram_decontamination"]["cases"]):
        path = tmp_path / f"{at}.jsonl"
        path.write_text(json.dumps({"question": case["benchmark"]}) + "\n")
        found = Benchmark([str(path)], methods=[Method.NGRAM]).look_up([{"question": case["train"]}])[0]
        expected = case["shared_13gram"] or case["overlap_8gram"] >= 0.5
        assert bool(found) is expected
        if expected:
            assert math.isclose(found[0][Method.NGRAM], case["overlap_8gram"])


def test_the_index_of_signatures_has_the_bands_of_the_vectors(vectors: dict[str, Any]) -> None:
    """Bands and rows for a threshold are those that minimise its errors."""
    for case in vectors["lsh_optimal_params"]:
        if case["num_perm"] == 128:
            made = index(case["threshold"])
            assert (made.b, made.r) == (case["b"], case["r"])


SAME = [
    ("Find $\\dfrac{1}{2}x$.", "find \\(\\frac{1}{2} x\\)"),
    ("Solve  x² + 1 = 2!", "solve x^2+1=2"),
    ("The sum is 1,000.", "the sum is 1000"),
    ("求 $x$ 的值。", "求$x$的值"),
    ("Let \\left( a, b \\right) be given", "Let (a,b) be given"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_dress_is_nothing(one: str, other: str) -> None:
    """Two writings of one question are one text."""
    assert canonical(one) == canonical(other)


DIFFERENT = [
    ("Solve $x+1=2$", "Solve $x-1=2$"),
    ("Find $2^3$", "Find $23$"),
    ("Is $a<b$?", "Is $a>b$?"),
    ("Find 1.5", "Find 15"),
]


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_signs_are_no_dress(one: str, other: str) -> None:
    """What changes the mathematics stays."""
    assert canonical(one) != canonical(other)


def test_numbers_are_read_in_words_and_with_thousands() -> None:
    """Spelt out to twelve, decimals whole, a thousands' comma no separator; `one` is a pronoun."""
    assert numbers("One of twelve boxes costs 1,250.75 dollars, two cost 3, 4.") == ("12", "1250.75", "2", "3", "4")
    # {3, 3, 5} and {3, 5, 7}: two shared of four
    assert overlap(("3", "3", "5"), ("3", "5", "7")) == 0.5
    assert overlap((), ()) == 1.0


def test_a_form_keeps_what_is_asked() -> None:
    """Numbers and names of variables are masked, which variable stands where is not."""
    assert template("If $a+2=b$, find $b$.") == template("If $x+9=y$, find $y$.")
    assert template("If $a+2=b$, find $b$.") != template("If $a+2=b$, find $a$.")


def test_chinese_is_counted_in_characters() -> None:
    """Each character is a word, and shingles are runs of five characters."""
    assert words("求x的值") == ["求", "x", "的", "值"]
    assert is_chinese("已知函数 $f(x)=x^2$ 求其最小值")
    assert not is_chinese("The symbol 和 means sum in this sentence of many words")
    assert tuple("已知函数的") in shingles("已知函数的最小值")


def test_signatures_estimate_jaccard() -> None:
    """Of 44 different runs of five 36 are shared: the estimate is within four standard deviations of 128 entries."""
    one = " ".join(f"w{at}" for at in range(44))
    other = " ".join(f"w{at}" for at in range(4, 48))
    assert jaccard(shingles(one), shingles(other)) == 36 / 44
    assert abs(signature(one).jaccard(signature(other)) - 36 / 44) < 4 * math.sqrt(36 / 44 * 8 / 44 / 128)
