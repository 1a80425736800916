"""What each stability tool costs an optimizer step, as a ratio to the plain loss: forward and backward, one thread.

    python benchmarks/stability.py                         64 responses of up to 1,024 tokens
    python benchmarks/stability.py --rows 256 --width 512 --rounds 30

Rule 1: CPU time of this thread, never wall clock, and ratios: all tools of a round run one after the other, so that
        whatever else the machine does hits them alike. The median over rounds counts.
Rule 2: "plain" is the clipped surrogate, averaged over tokens, and its backward pass; every other line is plain and
        one tool. The model is left out: it costs far more than all lines together, as the last line shows.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from touchstone_trainer.advantages import group_advantages
from touchstone_trainer.anomaly import mask_anomalies
from touchstone_trainer.clip_cov import clip_cov_loss, kl_cov_loss, select_clip_cov, select_kl_cov
from touchstone_trainer.corrections import (
    GEOMETRIC,
    ICEPOP,
    SEQUENCE_TIS,
    TIS,
    VETO,
    Correction,
    engine_log_ratio,
    importance_weights,
    mismatch,
    reject,
)
from touchstone_trainer.health import health
from touchstone_trainer.kl import reference_kl
from touchstone_trainer.logprobs import token_logprobs
from touchstone_trainer.losses import (
    Aggregation,
    Clip,
    RatioLevel,
    aggregate,
    cispo,
    clipped_surrogate,
    step_denominator,
    weighted,
)
from touchstone_trainer.text_features import flags, text_features

GROUP = 8
VOCABULARY, LOGIT_ROWS = 32_000, 256
WARM_UP = 2
CHARS_PER_TOKEN = 4


@dataclass(frozen=True)
class Step:
    """The tensors of one optimizer step, float32."""

    logp: Tensor
    old: Tensor
    infer: Tensor
    ref: Tensor
    rewards: Tensor
    groups: Tensor
    advantages: Tensor
    mask: Tensor

    def plain(self, mask: Tensor | None = None) -> Tensor:
        """Token losses of the clipped surrogate."""
        return clipped_surrogate(self.logp, self.old, self.advantages, self.mask if mask is None else mask).loss

    def engines(self) -> Tensor:
        """Log-ratio of the two engines."""
        return engine_log_ratio(self.old, self.infer, self.mask)


def make_step(rows: int, width: int) -> Step:
    """Responses of 1 to `width` tokens with the noise of a healthy run."""
    generator = torch.Generator().manual_seed(0)

    def noise(scale: float) -> Tensor:
        return scale * torch.randn(rows, width, generator=generator)

    old = -noise(1.0).abs()
    lengths = torch.randint(1, width + 1, (rows, 1), generator=generator)
    rewards, groups = (torch.rand(rows, generator=generator) < 0.5).float(), torch.arange(rows) // GROUP
    return Step(
        logp=(old + noise(0.05)).requires_grad_(),
        old=old,
        infer=old + noise(0.02),
        ref=old + noise(0.1),
        rewards=rewards,
        groups=groups,
        advantages=group_advantages(rewards, groups).values,
        mask=torch.arange(width) < lengths,
    )


def _corrected(correction: Correction) -> Callable[[Step], Tensor]:
    return lambda s: weighted(s.plain(), importance_weights(s.engines(), s.mask, correction).weights, s.mask)


def _beside(tool: Callable[[Step], object]) -> Callable[[Step], Tensor]:
    """A tool that runs beside the plain loss and does not enter it."""

    def run(step: Step) -> Tensor:
        tool(step)
        return step.plain()

    return run


def _clip_cov(step: Step) -> Tensor:
    chosen = select_clip_cov(step.old, step.old, step.advantages, step.mask).chosen
    return clip_cov_loss(step.logp, step.old, step.advantages, step.mask, chosen).loss


def _kl_cov(step: Step) -> Tensor:
    chosen = select_kl_cov(step.old, step.advantages, step.mask).chosen
    return kl_cov_loss(step.logp, step.old, step.advantages, step.mask, chosen).loss


def _rejection(step: Step) -> Tensor:
    return step.plain(reject(step.engines(), step.mask, (GEOMETRIC, VETO)).keep)


def _anomaly(step: Step) -> Tensor:
    none = torch.zeros(len(step.mask), dtype=torch.bool)
    return step.plain(mask_anomalies(step.old, step.infer, step.mask, none).keep)


def _health(step: Step) -> Tensor:
    tokens = clipped_surrogate(step.logp, step.old, step.advantages, step.mask)
    health(group_advantages(step.rewards, step.groups), tokens, step.logp, step.mask)
    return tokens.loss


def _everything(step: Step) -> Tensor:
    """The recipe of the trainer: anomaly mask, IcePop, Clip-Cov, health."""
    none = torch.zeros(len(step.mask), dtype=torch.bool)
    mask = mask_anomalies(step.old, step.infer, step.mask, none).keep
    weights = importance_weights(engine_log_ratio(step.old, step.infer, mask), mask, ICEPOP).weights
    chosen = select_clip_cov(step.old, step.old, step.advantages, mask).chosen
    tokens = clip_cov_loss(step.logp, step.old, step.advantages, mask, chosen)
    health(group_advantages(step.rewards, step.groups), tokens, step.logp, mask)
    return weighted(tokens.loss, weights, mask)


PLAIN = "plain"
TOOLS: Mapping[str, Callable[[Step], Tensor]] = {
    PLAIN: Step.plain,
    "dual clip": lambda s: clipped_surrogate(s.logp, s.old, s.advantages, s.mask, clip=Clip(dual=3.0)).loss,
    "GSPO": lambda s: clipped_surrogate(s.logp, s.old, s.advantages, s.mask, level=RatioLevel.SEQUENCE).loss,
    "CISPO": lambda s: cispo(s.logp, s.old, s.advantages, s.mask).loss,
    "KL k3": lambda s: s.plain() + 0.01 * reference_kl(s.logp, s.ref, s.mask),
    "KL k3, bias-corrected": lambda s: s.plain() + 0.01 * reference_kl(s.logp, s.ref, s.mask, old=s.old),
    "group advantages": _beside(lambda s: group_advantages(s.rewards, s.groups)),
    "IcePop": _corrected(ICEPOP),
    "TIS": _corrected(TIS),
    "sequence TIS": _corrected(SEQUENCE_TIS),
    "geometric rejection and veto": _rejection,
    "mismatch figures": _beside(lambda s: mismatch(s.old, s.infer, s.mask)),
    "anomaly mask": _anomaly,
    "Clip-Cov": _clip_cov,
    "KL-Cov": _kl_cov,
    "health": _health,
    "anomaly mask, IcePop, Clip-Cov, health": _everything,
}


def seconds(work: Callable[[], object]) -> float:
    """CPU time of this thread."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def train(step: Step, tool: Callable[[Step], Tensor]) -> None:
    """Forward and backward of one step."""
    step.logp.grad = None
    loss = aggregate(tool(step), step.mask, step_denominator(step.mask), Aggregation.TOKEN_MEAN)
    loss.backward()  # type: ignore[no-untyped-call]


def measure(step: Step, rounds: int) -> dict[str, list[float]]:
    """Seconds of each tool in each round, interleaved."""
    found: dict[str, list[float]] = {name: [] for name in TOOLS}
    for turn in range(WARM_UP + rounds):
        for name, tool in TOOLS.items():
            spent = seconds(lambda tool=tool: train(step, tool))  # type: ignore[misc]
            if turn >= WARM_UP:
                found[name].append(spent)
    return found


def logits_seconds(rounds: int) -> float:
    """Seconds a token for log-probabilities and their gradient from a vocabulary, the least that a model adds."""
    logits = torch.randn(1, LOGIT_ROWS, VOCABULARY, requires_grad=True)
    ids = torch.zeros(1, LOGIT_ROWS, dtype=torch.long)
    work = [
        seconds(lambda: token_logprobs(logits, ids).logprobs.sum().backward())  # type: ignore[no-untyped-call]
        for _ in range(max(3, rounds // 5))
    ]
    return statistics.median(work) / LOGIT_ROWS


def text_seconds(width: int, rounds: int) -> float:
    """Seconds for the features and flags of one response."""
    words = [f"step{i} gives {i * 7919 % 1013}" for i in range(width)]
    text = " ".join(words)[: width * CHARS_PER_TOKEN]
    prompt = text_features("What is it?")
    return statistics.median(seconds(lambda: flags(text_features(text), prompt)) for _ in range(rounds))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=64, help="responses of a step")
    parser.add_argument("--width", type=int, default=1024, help="longest response in tokens")
    parser.add_argument("--rounds", type=int, default=15)
    args = parser.parse_args()
    torch.set_num_threads(1)
    step = make_step(args.rows, args.width)
    found = measure(step, args.rounds)
    tokens = int(step.mask.sum())
    table = Table(title=f"{args.rows} x {args.width}, {tokens} tokens, one thread, median of {args.rounds} rounds")
    table.add_column("loss and tool")
    table.add_column("ratio to plain", justify="right")
    table.add_column("CPU ms a step", justify="right")
    plain = statistics.median(found[PLAIN])
    for name, spent in found.items():
        ratio = statistics.median(one / base for one, base in zip(spent, found[PLAIN], strict=True))
        table.add_row(name, f"{ratio:.2f}", f"{1000 * statistics.median(spent):.2f}")
    table.add_section()
    for name, spent_s in (
        (f"text features of {args.rows} responses", args.rows * text_seconds(args.width, args.rounds)),
        (f"log-probabilities from {VOCABULARY} logits", tokens * logits_seconds(args.rounds)),
    ):
        table.add_row(name, f"{spent_s / plain:.2f}", f"{1000 * spent_s:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
