"""Corrections, Clip-Cov, anomalies, text and shaping against vectors made with verl, slime, TRL and OpenRLHF."""

from typing import Any

import pytest
import torch
from torch import Tensor

from tests.trainer.stability.test_vectors_losses import close
from tests.trainer.stability.vectors import flags, numbers, padded, params, places, required
from touchstone_trainer.anomaly import Cause, mask_anomalies
from touchstone_trainer.clip_cov import (
    ClipCov,
    KlCov,
    Selection,
    clip_cov_loss,
    kl_cov_loss,
    select_clip_cov,
    select_kl_cov,
)
from touchstone_trainer.corrections import (
    ICEPOP,
    SEQUENCE_MIS,
    SEQUENCE_TIS,
    TIS,
    Bound,
    Correction,
    Level,
    Outside,
    batch_normalised,
    engine_log_ratio,
    importance_weights,
    mismatch,
    off_policy_keep,
    reject,
    verl_bounds,
)
from touchstone_trainer.losses import Aggregation, Clip, aggregate, clipped_surrogate, step_denominator, weighted
from touchstone_trainer.shaping import hero, hero_weight, length_rewards, soft_overlong, weighted_sum
from touchstone_trainer.text_features import compression_ratio, ngram_repetition, tail_repeats, text_features

CORRECTIONS = {
    "token_tis_2": TIS,
    "token_icepop_0.5_5": ICEPOP,
    "token_icepop_0.5_2": Correction(Level.TOKEN, Outside.DROP, 0.5, 2.0),
    "seq_tis_2": SEQUENCE_TIS,
    "seq_mis_0.5_2": SEQUENCE_MIS,
    "trl_sequence_mask_max3(default)": Correction(Level.SUM, Outside.DROP, 0.0, 3.0),
}
SLIME = {
    "token_mask_0.5_5": (Bound(Level.TOKEN, low=0.5, high=5.0),),
    "geometric_rs_0.99_1.01_veto1e-4": (Bound(Level.MEAN, low=0.99, high=1.01), Bound(Level.MIN, low=1e-4)),
    "token_tis_geo_rs_veto0.1": (Bound(Level.MIN, low=0.1),),
}
COV_AGGREGATION = Aggregation.TOKEN_MEAN
ZLIB_BYTES = 3
"""What zlib builds may differ by."""


def engines() -> tuple[Tensor, Tensor]:
    """Log-ratio of the vectors' two engines, with NaN planted under the mask, and the mask."""
    inputs = required("offpolicy_correction")["inputs"]
    mask = flags(inputs["mask"])
    hidden = torch.where(mask, 0.0, torch.nan)
    ratio = engine_log_ratio(numbers(inputs["train_logprobs"]) + hidden, numbers(inputs["infer_logprobs"]), mask)
    return ratio, mask


@pytest.mark.parametrize("case", params("offpolicy_correction", "weights", leave_out=("token_tis_2_batchnorm",)))
def test_weights(case: tuple[str, dict[str, Any]]) -> None:
    """Weights, effective sample size and share out of bounds of TIS, IcePop and their forms for sequences."""
    name, given = case
    ratio, mask = engines()
    found = importance_weights(ratio, mask, CORRECTIONS[name])
    expected = numbers(given["weights"])
    close(found.weights, torch.where(mask, expected.expand(mask.shape), 0.0))
    if given.get("ess"):
        close(found.effective_size, given["ess"])
    if given.get("oob"):
        close(found.out_of_bounds, given["oob"])


def test_normalised_weights() -> None:
    """Weights over their mean, verl's batch normalisation."""
    ratio, mask = engines()
    given = required("offpolicy_correction")["weights"]["token_tis_2_batchnorm"]
    found = batch_normalised(importance_weights(ratio, mask, TIS).weights, mask)
    close(torch.where(mask, found, 0.0), torch.where(mask, numbers(given["weights"]), 0.0))


@pytest.mark.parametrize("case", params("offpolicy_correction", "verl_rejection_masks"))
def test_verl_rejections(case: tuple[str, dict[str, Any]]) -> None:
    """verl's twelve rejection masks from their own option strings, with verl's shares."""
    name, given = case
    ratio, mask = engines()
    found = reject(ratio, mask, verl_bounds(*name.split("@")))
    assert torch.equal(found.keep, flags(given["mask"]))
    close(found.tokens, given["masked_fraction"])
    close(found.sequences, given["seq_masked_fraction"])


@pytest.mark.parametrize("case", params("offpolicy_correction", "slime_mis", leave_out=("note",)))
def test_slime_mis(case: tuple[str, dict[str, Any]]) -> None:
    """slime's masked importance sampling: truncated or raw weights, token, geometric and veto masks."""
    name, given = case
    ratio, mask = engines()
    weights = padded(given["weights"], mask.shape[1])
    wanted = importance_weights(ratio, mask, TIS).weights if "mask" not in name else torch.where(mask, ratio.exp(), 0.0)
    close(wanted, weights)
    assert torch.equal(reject(ratio, mask, SLIME.get(name, ())).keep, padded(given["masks"], mask.shape[1]).bool())


@pytest.mark.parametrize("case", params("offpolicy_correction", "icepop_loss", "expected"))
def test_corrected_losses(case: tuple[str, dict[str, Any]]) -> None:
    """The loss under each correction, gradients too."""
    name, given = case
    how, aggregation = name.split("|")
    inputs, loss_inputs = required("offpolicy_correction")["inputs"], required("offpolicy_correction")["icepop_loss"]
    ratio, mask = engines()
    logp = numbers(loss_inputs["current_logprobs"]).requires_grad_()
    old = numbers(inputs["train_logprobs"])
    tokens = clipped_surrogate(logp, old, numbers(loss_inputs["advantages_seq"]), mask, clip=Clip(0.2, 0.28)).loss
    if how != "none":
        tokens = weighted(tokens, importance_weights(ratio, mask, CORRECTIONS[how]).weights, mask)
    kind = Aggregation.TOKEN_MEAN if aggregation == "token-mean" else Aggregation.SEQUENCE_MEAN
    total = aggregate(tokens, mask, step_denominator(mask, kind), kind)
    total.backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    close(total.detach(), given["loss"])
    close(logp.grad, given["grad_logprobs"])


def test_openrlhf_sequence_mask() -> None:
    """OpenRLHF's seq-mask-tis: token weights in the sequences whose geometric mean ratio is in bounds."""
    given = required("offpolicy_correction")
    ratio, mask = engines()
    keep = reject(ratio, mask, (Bound(Level.MEAN, low=0.9, high=1.1),)).keep
    tokens = clipped_surrogate(
        numbers(given["icepop_loss"]["current_logprobs"]),
        numbers(given["inputs"]["train_logprobs"]),
        numbers(given["icepop_loss"]["advantages_seq"]),
        mask,
        clip=Clip(0.2, 0.28),
    ).loss
    total = aggregate(weighted(tokens, ratio.exp(), keep), mask, step_denominator(mask))
    close(total, given["openrlhf_seq_mask_tis_0.9_1.1_token_mean"])


@pytest.mark.parametrize("case", params("offpolicy_correction", "opsm", "expected_keep_by_delta"))
def test_off_policy_sequences(case: tuple[str, list[list[float]]]) -> None:
    """TRL's off-policy sequence mask at three thresholds."""
    delta, expected = case
    given = required("offpolicy_correction")
    keep = off_policy_keep(
        numbers(given["icepop_loss"]["current_logprobs"]),
        numbers(given["inputs"]["infer_logprobs"]),
        numbers(given["icepop_loss"]["advantages_seq"]),
        flags(given["inputs"]["mask"]),
        float(delta),
    )
    assert keep.tolist() == [bool(row[0]) for row in expected]


def test_mismatch_figures() -> None:
    """Perplexities, KL and chi-square of the batch as verl computes them."""
    given = required("offpolicy_correction")
    inputs, values = given["inputs"], given["batch_metrics"]["values"]
    mask = flags(inputs["mask"])
    found = mismatch(numbers(inputs["train_logprobs"]), numbers(inputs["infer_logprobs"]), mask)
    pairs = {
        "training_ppl": found.train_perplexity,
        "rollout_ppl": found.infer_perplexity,
        "log_ppl_diff": found.log_perplexity_gap,
        "log_ppl_abs_diff": found.log_perplexity_gap_abs,
        "log_ppl_diff_min": found.log_perplexity_gap_min,
        "log_ppl_diff_max": found.log_perplexity_gap_max,
        "ppl_ratio": found.perplexity_ratio,
        "kl": found.kl,
        "k3_kl": found.kl_k3,
        "chi2_token": found.chi2_token,
        "chi2_seq": found.chi2_sequence,
    }
    for name, value in pairs.items():
        close(value, values[name], 1e-6 if name.startswith("chi2") else 1e-7)
    assert float(found.missing) == 0.0


def cov_batch(given: dict[str, Any]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Log-probabilities, old ones, advantages and mask of a Clip-Cov case."""
    columns = (numbers(given[name]) for name in ("logprobs", "old_logprobs", "advantages"))
    logp, old, advantages = columns
    return logp.requires_grad_(), old, advantages, flags(given["mask"])


@pytest.mark.parametrize("case", params("clip_cov", "clip_cov_cases"))
def test_clip_cov(case: tuple[int, dict[str, Any]]) -> None:
    """Covariance, candidates and count; loss and gradient given the set that verl drew."""
    _, given = case
    limits = given["params"]
    clip = Clip(limits["clip_low"], limits["clip_high"])
    settings = ClipCov(limits["clip_cov_ratio"], limits["lb"], limits["ub"], at_least_one=True)
    logp, old, advantages, mask = cov_batch(given)
    generator = torch.Generator().manual_seed(3)
    found = select_clip_cov(logp, old, advantages, mask, settings, clip=clip, generator=generator)
    close(found.covariance, torch.where(mask, numbers(given["cov"]), 0.0))
    assert torch.equal(found.candidates, places(given["candidates"], mask.shape))
    assert found.quota == given["k"]
    assert int(found.chosen.sum()) == given["n_zeroed"]
    assert not bool((found.chosen & ~found.candidates).any())
    for run in given["runs"]:
        chosen = places(run["zeroed"], mask.shape)
        tokens = clip_cov_loss(logp, old, advantages, mask, chosen, clip=clip)
        check_cov_loss(tokens.loss, logp, mask, run)
        assert torch.equal(tokens.clipped, chosen | (flags(given["ppo_clipped"]) & mask))
    if given["deterministic"]:
        assert torch.equal(found.chosen, places(given["runs"][0]["zeroed"], mask.shape))


@pytest.mark.parametrize("case", params("clip_cov", "kl_cov_cases"))
def test_kl_cov(case: tuple[int, dict[str, Any]]) -> None:
    """The tokens of largest covariance, and the penalty on them."""
    _, given = case
    logp, old, advantages, mask = cov_batch(given)
    settings = KlCov(given["params"]["kl_cov_ratio"], at_least_one=True)
    found: Selection = select_kl_cov(logp, advantages, mask, settings)
    assert found.quota == given["k"]
    assert torch.equal(found.chosen, places(given["selected"], mask.shape))
    tokens = kl_cov_loss(logp, old, advantages, mask, found.chosen, coef=given["params"]["ppo_kl_coef"])
    check_cov_loss(tokens.loss, logp, mask, given)


def check_cov_loss(tokens: Tensor, logp: Tensor, mask: Tensor, expected: dict[str, Any]) -> None:
    """Token-mean loss and its gradient."""
    logp.grad = None
    total = aggregate(tokens, mask, step_denominator(mask, COV_AGGREGATION), COV_AGGREGATION)
    total.backward()  # type: ignore[no-untyped-call]
    assert logp.grad is not None
    close(total.detach(), expected["loss"])
    close(logp.grad, expected["grad_logprobs"])


@pytest.mark.parametrize("case", params("anomaly_mask", "cases"))
def test_anomalies(case: tuple[int, dict[str, Any]]) -> None:
    """Statistics, thresholds, vetoes and masked rows of eight batches."""
    _, given = case
    expected, mask = given["expected"], flags(given["mask"])
    hidden = torch.where(mask, 0.0, torch.nan)
    train, infer = numbers(given["train_logprobs"]) + hidden, numbers(given["infer_logprobs"])
    found = mask_anomalies(train, infer, mask, torch.tensor(given["text_flag"]))
    close(found.statistic, given["seq_k3"], 1e-12)
    # The file writes 9 for a row without tokens.
    close(found.lowest_log_ratio, torch.where(mask.any(-1), numbers(given["min_log_ratio"]), 0.0), 1e-12)
    for value, name in zip(
        (found.median, found.deviation, found.soft, found.hard), ("median", "mad", "tau_soft", "tau_hard"), strict=True
    ):
        close(value, expected[name], 1e-12)
    assert [cause is Cause.VETO for cause in found.causes] == expected["veto"]
    assert found.masked.tolist() == expected["masked"]
    assert [cause.masks for cause in found.causes] == expected["masked"]


@pytest.mark.parametrize("case", params("repetition_and_text", "ngram_ratio"))
def test_ngram_repetition(case: tuple[int, dict[str, Any]]) -> None:
    """The share of repeated n-grams of token ids is TRL's."""
    _, given = case
    assert ngram_repetition(given["ids"], given["n"]) == pytest.approx(given["repetition_ratio"], abs=1e-12)


@pytest.mark.parametrize("case", params("repetition_and_text", "tail_pattern"))
def test_tail_patterns(case: tuple[int, dict[str, Any]]) -> None:
    """A pattern at the end is found by vLLM's rule."""
    _, given = case
    sizes = range(given["min_pattern_size"], given["max_pattern_size"] + 1)
    assert tail_repeats(given["ids"], sizes, given["min_count"]) is given["repeats"]


@pytest.mark.parametrize("case", params("repetition_and_text", "text_features"))
def test_text_features(case: tuple[str, dict[str, Any]]) -> None:
    """Every feature of eight texts; compression to what zlib builds differ by."""
    _, given = case
    found, expected = text_features(given["text"]), given["features"]
    assert found.chars == expected["chars"]
    assert found.garbled_fraction == pytest.approx(expected["garbled_fraction"])
    assert found.script_counts == expected["script_counts"]
    assert found.script_entropy == pytest.approx(expected["script_entropy_nats"], abs=1e-12)
    assert found.dominant_script_fraction == pytest.approx(expected["dominant_script_fraction"])
    assert found.longest_char_run == expected["longest_char_run"]
    assert found.word_repetition == pytest.approx(expected["word4gram_repetition"])
    assert found.duplicate_line_fraction == pytest.approx(expected["duplicate_line_fraction"])
    if expected["compression_ratio"] is None:
        assert found.compression_ratio is None
    else:
        assert found.compression_ratio is not None
        assert expected["bytes"] / found.compression_ratio == pytest.approx(expected["zlib9_bytes"], abs=ZLIB_BYTES)


def test_compression_of_a_tail() -> None:
    """The last 10,000 characters of a long loop compress as slime's check finds."""
    expected = required("repetition_and_text")["slime_has_repetition_example"]["ratio"]
    found = compression_ratio("the quick brown fox " * 600)
    assert found is not None
    assert 10_000 / found == pytest.approx(10_000 / expected, abs=ZLIB_BYTES)


@pytest.mark.parametrize("case", params("rewards", "hero"))
def test_hero(case: tuple[int, dict[str, Any]]) -> None:
    """HERO's rewards within their strata, and the weight of the prompt."""
    _, given = case
    correct = [bool(right) for right in given["rule"]]
    found = hero(correct, given["rm"], wrong_width=given["alpha"], right_width=given["beta"])
    assert found == pytest.approx(given["expected"], abs=1e-9)
    assert hero_weight(given["rm_std_population"], 0.5) == pytest.approx(given["weight_at_mean_std_0_5"], abs=1e-9)


@pytest.mark.parametrize("case", params("rewards", "hero_weight", "examples"))
def test_hero_weights(case: tuple[int, dict[str, float]]) -> None:
    """A prompt weighs more the more its scores differ."""
    _, given = case
    assert hero_weight(given["sigma"], given["sigma_bar"]) == pytest.approx(given["expected"], abs=1e-9)


def test_overlong_penalty() -> None:
    """DAPO's soft penalty at eight lengths."""
    given = required("rewards")["soft_overlong"]
    found = [soft_overlong(length, limit=given["L_max"], margin=given["L_cache"]) for length in given["lengths"]]
    assert found == pytest.approx(given["expected"])


@pytest.mark.parametrize("case", params("rewards", "kimi_k15_length", "cases"))
def test_length_rewards(case: tuple[int, dict[str, Any]]) -> None:
    """Kimi k1.5's length reward of a group."""
    _, given = case
    found = length_rewards(given["lengths"], [bool(right) for right in given["correct"]])
    assert found == pytest.approx(given["expected"])


def test_weighted_sums() -> None:
    """Several rewards by weight are what the normalised sums of the file start from."""
    given = required("rewards")["multi_reward"]
    expected = (numbers(given["rewards"]) @ numbers(given["weights"])).tolist()
    assert [weighted_sum(row, given["weights"]) for row in given["rewards"]] == pytest.approx(expected)
