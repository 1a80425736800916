"""Text features and flags: what is strange, and what only looks so."""

import pytest

from touchstone_trainer.text_features import TextFlag, TextLimits, flags, ngram_repetition, tail_repeats, text_features

ENGLISH = text_features("Find all real numbers x such that x squared plus one equals two, and explain why.")


def of(response: str, streak: int = 0) -> frozenset[TextFlag]:
    """Flags under an English prompt."""
    return flags(text_features(response), ENGLISH, streak)


def test_loops_are_seen_twice() -> None:
    """A long loop repeats its words and compresses."""
    assert of("so the answer is 4. " * 200) == {TextFlag.REPETITION, TextFlag.COMPRESSIBLE}


def test_short_texts_are_not_judged_by_their_repetitions() -> None:
    """A dozen equal words are no evidence yet."""
    assert of("no no no no no no no no no no no no") == frozenset()


def test_a_loop_at_the_end_counts() -> None:
    """What compresses is the tail: a long sound beginning does not hide the loop."""
    sound = " ".join(f"step{i} gives {i * i} and {i * 7919 % 1013}" for i in range(1500))
    assert TextFlag.COMPRESSIBLE not in of(sound)
    assert TextFlag.COMPRESSIBLE in of(sound + "wait, " * 2000)


def test_garbage_is_flagged() -> None:
    """Replacement characters, private use and control characters beyond one in a hundred."""
    assert of("The value \ufffd\ufffd\ufffd\x03\x07 is \ue000\ue001 wrong") == {TextFlag.GARBLED}
    assert of("tab\tand\r\nline " * 3) == frozenset()


def test_mathematics_and_emoji_are_not_garbage() -> None:
    """Symbols of many blocks are text."""
    assert of("∀ε>0 ∃δ>0: |x−a|<δ ⇒ |f(x)−f(a)|<ε, 𝔼[X]=½ 😀 √2≈1.41421") == frozenset()


@pytest.mark.parametrize(
    "answer",
    [
        "设苹果的个数为x，则3x+2=14，所以x=4。因此答案是四，我们可以代入验证 so the answer is four indeed",
        "まず方程式を解くと x = 4 となるので、したがって答えは四です。検算すると成り立ちます。The answer is four",
    ],
)
def test_another_language_is_not_a_jump(answer: str) -> None:
    """Two or three scripts, as in Chinese or Japanese with Latin words under an English prompt, are normal."""
    assert of(answer) == frozenset()


def test_scripts_out_of_nowhere_are_a_jump() -> None:
    """Five scripts in a sentence are flagged, unless the prompt was as mixed."""
    mixed = "Then we получаем значение х и 因此我们知道 答案 は四です 입니다 그래서 therefore النتيجة أربعة"
    assert of(mixed) == {TextFlag.SCRIPTS}
    assert flags(text_features(mixed), text_features(mixed)) == frozenset()


def test_streaks_are_flagged_at_their_length() -> None:
    """3,000 tokens in a row above 0.99, not one less."""
    assert of("fine", 2_999) == frozenset()
    assert of("fine", 3_000) == {TextFlag.STREAK}
    assert flags(ENGLISH, ENGLISH, 5, TextLimits(streak_tokens=5)) == {TextFlag.STREAK}


def test_broken_text_is_measured_too() -> None:
    """A lone surrogate, as a careless decoder leaves it, is garbage and no crash."""
    found = text_features("ok \ud800")
    assert found.garbled_fraction == 0.25
    assert found.compression_ratio is not None


def test_ngrams_have_a_size() -> None:
    """An n-gram of nothing is refused."""
    with pytest.raises(ValueError, match="at least one"):
        ngram_repetition([1, 2], 0)


def test_a_tail_is_the_very_end() -> None:
    """A pattern that ended before the last token, or that came once too few, is no repetition."""
    assert tail_repeats("abcabcabc", range(1, 5), 3)
    assert not tail_repeats("abcabcabcx", range(1, 5), 3)
    assert not tail_repeats("bcabcabc", range(1, 5), 3)
    with pytest.raises(ValueError, match="at least twice"):
        tail_repeats("aaa", range(1, 2), 1)
