"""What the service's process extracts and a worker decides, and when one verdict may serve several responses."""

from msgspec.structs import replace

from tests.verifiers.test_math_cases import CASES, problem
from verifiers import math_answer
from verifiers.hooks import Found
from verifiers.verdict import Verdict

CONTEXTS = (
    "",
    "Not that one. However, the answer is not 7 but 8, or Paris, or odd, wait: maybe even?",
    "If so, then no solution. All of them are possible: A, B or C.",
    "1, 2, 3, 4.5, 1000 and -6",
)
"""Text around an answer that turns verdicts wherever it is looked at."""
BEGUN = [(name, problem(case), math_answer.begin(problem(case))) for name, case in CASES]
FOUND = [(name, asked, begun) for name, asked, begun in BEGUN if isinstance(begun, Found)]
AMONG_CONTEXTS = FOUND[::4]
"""Each is decided ten times over: all of them take minutes."""


def test_a_worker_needs_no_response() -> None:
    """From what was found, without the response, comes the whole verdict that the response would have had."""
    assert len(FOUND) > 500
    for name, asked, found in FOUND:
        verdict, _ = math_answer.verify_found(replace(asked, response=""), found)
        assert verdict == math_answer.verify(asked), name


def test_a_verdict_for_all_with_the_same_facts_knows_nothing_else() -> None:
    """Where a verdict is said to hold for every response with the same facts, no text around the answer changes it."""
    shared = 0
    for name, asked, found in AMONG_CONTEXTS:
        verdict, by_facts = math_answer.verify_found(replace(asked, response=""), found)
        if by_facts:
            shared += 1
            for context in CONTEXTS:
                other = math_answer.verify_found(replace(asked, response=""), Found(found.facts, context))
                assert other == (verdict, True), name
    assert shared > len(AMONG_CONTEXTS) / 2


def test_some_verdicts_do_look_around() -> None:
    """Words are judged in their sentence: there are verdicts that hold for their own response alone."""
    turned = 0
    for _, asked, found in AMONG_CONTEXTS:
        verdict, by_facts = math_answer.verify_found(asked, found)
        others = [math_answer.verify_found(asked, Found(found.facts, context))[0] for context in CONTEXTS]
        turned += any(other.outcome is not verdict.outcome for other in others)
        assert not by_facts or others == [verdict] * len(CONTEXTS)
    assert turned


def test_the_beginning_is_the_quick_look() -> None:
    """What `begin` decides is what `quick` says."""
    for name, asked, begun in BEGUN:
        assert math_answer.quick(asked) == (begun if isinstance(begun, Verdict) else None), name
