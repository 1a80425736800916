"""Pairwise and listwise: rewards inside a group, free of position and name."""

import itertools

import pytest

from grm.asking import Policy
from grm.backend import Completion, Reply, ScriptedBackend
from grm.judge import judge
from grm.judgement import Candidate, Case, Reason, Status, rewards
from grm.protocols import listwise, pairwise
from tests.grm.judges import filled, responses, says, scoring

POLICY = Policy()


def group(*texts: str) -> Case:
    return Case("Tell me about snow.", tuple(Candidate(f"c{index}", text) for index, text in enumerate(texts)))


def length(text: str) -> int:
    return min(9, len(text) // 4)


TEXTS = ("Snow is frozen water, in crystals.", "Snow is cold and white.", "It is snow.")


async def test_both_orders_are_asked() -> None:
    """Every pair is asked in both orders, at temperature 0."""
    backend = ScriptedBackend(scoring(length))
    await judge(group(*TEXTS), "pairwise", backend, POLICY, deadline_s=5.0)
    orders = {tuple(responses(asked)[f"Response {name}"] for name in "AB") for asked in backend.asked}
    assert orders == set(itertools.permutations(TEXTS, 2))
    assert {asked.temperature for asked in backend.asked} == {0.0}


async def test_the_outcome_is_the_share_of_pairs_won() -> None:
    """Best beats both, middle beats one, worst none: 1, 1/2, 0."""
    judgements = await judge(group(*TEXTS), "pairwise", ScriptedBackend(scoring(length)), POLICY, deadline_s=5.0)
    assert rewards(judgements) == [1.0, 0.5, 0.0]
    assert [one.confidence for one in judgements] == [1.0, 1.0, 1.0]


def first_wins(completion: Completion) -> Reply:
    """A judge that always prefers what it sees first."""
    assert completion.schema is not None
    value = filled(completion.schema)
    if "better" in value:
        return says({**value, "better": "A"})
    names = [name for name in value if name != "own_answer"]
    for place, name in enumerate(names):
        value[name]["score"] = 9 - 3 * place
    return says(value)


async def test_a_taste_for_a_position_is_a_tie() -> None:
    """A judge that names whoever comes first names nobody: all tie, and confidence is 0."""
    judgements = await judge(group(*TEXTS), "pairwise", ScriptedBackend(first_wins), POLICY, deadline_s=5.0)
    assert rewards(judgements) == [0.5, 0.5, 0.5]
    assert {one.confidence for one in judgements} == {0.0}
    assert all("order_disagreement" in one.flags for one in judgements)


async def test_a_taste_for_a_position_cancels_out_in_a_list() -> None:
    """Two opposite orders: 9 6 3 and 3 6 9 leave equal medians, and no reward tells the candidates apart."""
    judgements = await judge(
        group(*TEXTS), "listwise", ScriptedBackend(first_wins), Policy(max_votes=2), deadline_s=5.0
    )
    assert len({one.reward for one in judgements}) == 1


async def test_swapping_the_candidates_swaps_the_rewards() -> None:
    """Where a candidate stands in the request means nothing."""
    for protocol in ("pairwise", "listwise"):
        straight = await judge(group(*TEXTS), protocol, ScriptedBackend(scoring(length)), POLICY, deadline_s=5.0)
        turned = await judge(group(*TEXTS[::-1]), protocol, ScriptedBackend(scoring(length)), POLICY, deadline_s=5.0)
        assert rewards(straight) == rewards(turned)[::-1]


async def test_an_unread_order_leaves_its_pair_out() -> None:
    """One order alone decides nothing: with no pair left there is no score."""

    def half(completion: Completion) -> Reply:
        return says("?") if responses(completion)["Response A"] == TEXTS[0] else scoring(length)(completion)

    judgements = await judge(group(*TEXTS), "pairwise", ScriptedBackend(half), Policy(repair=False), deadline_s=5.0)
    assert [(one.status, one.reward) for one in judgements] == [
        (Status.UNSCORED, None),
        (Status.SCORED, 1.0),
        (Status.SCORED, 0.0),
    ]


async def test_nobody_is_left_to_compare_with() -> None:
    """The last candidate standing has beaten nobody."""
    judgements = await judge(
        group("Snow is cold.", "", "..."), "pairwise", ScriptedBackend(scoring(length)), POLICY, deadline_s=5.0
    )
    assert [one.reason for one in judgements] == [Reason.NOTHING_TO_COMPARE, Reason.EMPTY, Reason.SYMBOLS_ONLY]


def test_large_groups_meet_on_a_ring() -> None:
    """Above five, each meets four others: 2n comparisons, not n (n - 1) / 2."""
    case = group(*(f"Snow number {number}" for number in range(12)))
    met = pairwise.pairs(case)
    assert len(met) == len(set(met)) == 24
    assert all(sum(index in pair for pair in met) == 4 for index in range(12))


def test_names_are_drawn_from_the_content() -> None:
    """The same request is asked in the same way; another one draws other names."""
    first, second = listwise.asks(group(*TEXTS), (), POLICY)
    assert listwise.asks(group(*TEXTS), (), POLICY) == (first, second)
    assert first.shown == second.shown[::-1]
    assert first.names == second.names[::-1]
    drawn = {listwise.asks(group(*TEXTS, f"and {number}"), (), POLICY)[0].names for number in range(8)}
    assert len(drawn) > 1


async def test_a_whole_group_goes_into_two_questions() -> None:
    """Eight candidates, two calls; the scores are on the judge's scale."""
    texts = [f"Snow{'!' * (4 * number)} it is" for number in range(8)]
    backend = ScriptedBackend(scoring(length))
    judgements = await judge(group(*texts), "listwise", backend, POLICY, deadline_s=5.0)
    assert len(backend.asked) == 2
    assert rewards(judgements) == [pytest.approx(length(text) / 9) for text in texts]


def generous_by_chunk(completion: Completion) -> Reply:
    """A judge whose level depends on the company: two points more where the marked candidate is present."""
    shown = {title: text for title, text in responses(completion).items() if title.startswith("Response ")}
    more = 2 if any("marked" in text for text in shown.values()) else 0
    assert completion.schema is not None
    value = filled(completion.schema)
    for title, text in shown.items():
        value[title.removeprefix("Response ")]["score"] = min(9, int(text.split()[1]) + more)
    return says(value)


async def test_chunks_are_brought_to_one_level_by_their_anchor() -> None:
    """Equal candidates in different chunks get equal rewards, though one chunk was scored two points higher."""
    texts = [f"Snow {3} number {number}" for number in range(10)] + ["Snow 3 marked"]
    judgements = await judge(group(*texts), "listwise", ScriptedBackend(generous_by_chunk), POLICY, deadline_s=5.0)
    assert len({round(one.reward or -1.0, 9) for one in judgements}) == 1


def test_every_chunk_has_the_same_anchor_and_everybody_is_in_one() -> None:
    """Twenty candidates: chunks of at most six that share their first."""
    parts = listwise.chunks(group(*(f"Snow {number}" for number in range(20))))
    assert len({part[0] for part in parts}) == 1
    assert max(map(len, parts)) <= listwise.CHUNK
    assert sorted({index for part in parts for index in part}) == list(range(20))


async def test_a_list_that_leaves_somebody_out_is_unread() -> None:
    """A score for three of four is a score for none."""

    def forgetful(completion: Completion) -> Reply:
        assert completion.schema is not None
        value = filled(completion.schema)
        value.popitem()
        return says(value)

    judgements = await judge(
        group(*TEXTS), "listwise", ScriptedBackend(forgetful), Policy(repair=False), deadline_s=5.0
    )
    assert {one.reason for one in judgements} == {Reason.UNPARSABLE}
