"""Stopping repetition in a real transformers `generate`: a tiny Llama, some of whose tokens are followed surely."""

import itertools
from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from touchstone_trainer.generation.stopping import StreakStop
from touchstone_trainer.streak import StreakRule

PAD, EOS, LOOP, VOCABULARY = 0, 1, 2, 16
"""LOOP is followed by itself almost surely, EOS ends a row; what follows others is near to even."""


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


class Scripted(LlamaForCausalLM):  # type: ignore[no-untyped-call]
    """A Llama whose logits are set by the last token: a transition table, so that every draw is known."""

    table: torch.Tensor

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        kwargs["logits_to_keep"] = 0
        out = super().forward(*args, **kwargs)
        out.logits = self.table[kwargs["input_ids"]]
        return out


def model(table: dict[int, dict[int, float]]) -> Any:
    """Tokens to the probabilities of what follows them; the rest shares what is left."""
    sizes: dict[str, Any] = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1}
    made: Any = Scripted(
        LlamaConfig(vocab_size=VOCABULARY, pad_token_id=PAD, eos_token_id=EOS, bos_token_id=3, **sizes)
    )
    probabilities = torch.full((VOCABULARY, VOCABULARY), 1.0 / VOCABULARY)
    for token, following in table.items():
        probabilities[token] = (1.0 - sum(following.values())) / (VOCABULARY - len(following))
        for follower, probability in following.items():
            probabilities[token, follower] = probability
    made.table = probabilities.log()
    return made.eval()


def run(made: Any, first: list[int], stop: StreakStop | None, new: int = 30, **how: Any) -> Any:
    ids = torch.tensor(first)[:, None]
    pair = {} if stop is None else {"logits_processor": [stop.processor], "stopping_criteria": [stop.criterion]}
    return made.generate(
        input_ids=ids, attention_mask=torch.ones_like(ids), max_new_tokens=new, **{"do_sample": False, **pair, **how}
    )


CHAIN = {4: {5: 0.6}, 5: {6: 0.6}, 6: {LOOP: 0.6}, LOOP: {LOOP: 0.999}, 7: {8: 0.995}, 8: {9: 0.6}, 9: {7: 0.6}}
"""4 leads into the loop after three unsure tokens; 7, 8, 9 go round with one sure token in three."""


def test_each_row_stops_at_its_own_token() -> None:
    """Rows enter the loop after 3, 1 and 0 unsure tokens and are cut five sure tokens later; the last runs on."""
    stop = StreakStop({PAD, EOS}, StreakRule(length=5))
    out = run(model(CHAIN), [4, 6, LOOP, 7], stop)
    assert stop.stopped_after == (8, 6, 5, None)
    assert out.shape[1] == 1 + 30
    assert out[0].tolist() == [4, 5, 6, *[LOOP] * 6, *[PAD] * 22]
    assert out[3].tolist() == [7, *[8, 9, 7] * 10]
    assert stop.tokens_saved_at_most(30) == (30 - 8) + (30 - 6) + (30 - 5)


def test_a_batch_of_loops_ends_early() -> None:
    """Where every row is cut, generation is over: the output is as long as the longest row."""
    stop = StreakStop({PAD, EOS}, StreakRule(length=5))
    assert run(model(CHAIN), [4, LOOP], stop).shape[1] == 1 + 8


def test_without_a_streak_nothing_changes() -> None:
    """The default rule leaves short samples alone, token for token."""
    made = model(CHAIN)
    stop = StreakStop({PAD, EOS})
    assert torch.equal(run(made, [4, 7], stop), run(made, [4, 7], None))
    assert (stop.stopped_after, stop.tokens_saved_at_most(30)) == ((None, None), 0)


def test_a_row_that_ended_is_not_counted() -> None:
    """A finished row is filled with padding that its model is sure of: that is no repetition."""
    table = {4: {EOS: 0.9}, EOS: {PAD: 0.999}, PAD: {PAD: 0.999}, 7: {8: 0.6}, 8: {7: 0.6}}
    stop = StreakStop({PAD, EOS}, StreakRule(length=5))
    out = run(model(table), [4, 7], stop)
    assert out[0].tolist() == [4, EOS, *[PAD] * 29]
    assert stop.stopped_after == (None, None)


def test_a_sampled_token_counts_by_its_own_probability() -> None:
    """Under sampling a rare draw breaks the streak: every cut ends exactly five sure tokens after the last rare one."""
    torch.manual_seed(0)
    stop = StreakStop({PAD, EOS}, StreakRule(length=5, threshold=0.9))
    out = run(model({LOOP: {LOOP: 0.91}}), [LOOP] * 64, stop, new=60, do_sample=True, top_k=0)
    kept = [after for after in stop.stopped_after if after is not None]
    assert len(kept) > 32
    assert len(set(kept)) > 3
    for row, after in zip(out.tolist(), stop.stopped_after, strict=True):
        sure = [follower == token == LOOP for token, follower in itertools.pairwise(row)]
        runs = "".join("S" if one else "u" for one in sure)
        ended = EOS in row[1 : 1 + (after or 60)]
        assert after == (runs.index("SSSSS") + 5 if "SSSSS" in runs and not ended else None)


def test_temperature_does_not_make_a_token_sure() -> None:
    """Probabilities are those before temperature: 0.6 drawn almost surely at 0.1 stays 0.6."""
    stop = StreakStop({PAD, EOS}, StreakRule(length=5))
    run(model({LOOP: {LOOP: 0.6}}), [LOOP], stop, do_sample=True, temperature=0.1)
    assert stop.stopped_after == (None,)


def test_the_threshold_is_strict() -> None:
    """At exactly the threshold nothing counts; a little over, it does."""
    for probability, stopped in ((0.75, None), (0.7501, 5)):
        stop = StreakStop({PAD, EOS}, StreakRule(length=5, threshold=0.75))
        run(model({LOOP: {LOOP: probability}}), [LOOP], stop)
        assert stop.stopped_after == (stopped,)


def test_beams_are_refused() -> None:
    """A beam is not a sample: its row would be counted for others."""
    with pytest.raises(ValueError, match="beams"):
        run(model(CHAIN), [4], StreakStop({PAD, EOS}), new=10, num_beams=3)


def test_one_object_serves_one_generate() -> None:
    """Counts of a second call would go on from the first: the report refuses."""
    stop = StreakStop({PAD, EOS}, StreakRule(length=20))
    for first in (4, 7):
        run(model(CHAIN), [first], stop, new=5)
    with pytest.raises(ValueError, match="new StreakStop"):
        _ = stop.stopped_after


def test_the_criterion_alone_is_refused() -> None:
    """Without its processor there is nothing to count by."""
    stop = StreakStop({PAD, EOS})
    with pytest.raises(ValueError, match="logits_processor"):
        run(model(CHAIN), [4], None, stopping_criteria=[stop.criterion])


def test_a_threshold_under_one_half_is_refused() -> None:
    """Then two tokens could both count, and the most probable one would not be enough to know."""
    with pytest.raises(ValueError, match=r"under 0\.5"):
        StreakStop({EOS}, StreakRule(threshold=0.4))
