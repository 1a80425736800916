"""What FP64 routing costs: CPU seconds of a forward and backward pass with it, divided by those without.

python benchmarks/fp64_routing.py [--rounds 7]

Random weights, one thread, float32. The share of the router is largest in a small model: a large one pays less.
"""

import argparse
import statistics
import time
from typing import Any

import torch
from transformers import MixtralConfig, MixtralForCausalLM

from touchstone_trainer.routing import fp64_routing

SIZES: dict[str, dict[str, Any]] = {
    "tiny: 64 wide, 8 experts": {"hidden_size": 64, "intermediate_size": 128, "num_local_experts": 8},
    "small: 512 wide, 8 experts": {"hidden_size": 512, "intermediate_size": 1_024, "num_local_experts": 8},
    "small: 512 wide, 64 experts": {"hidden_size": 512, "intermediate_size": 256, "num_local_experts": 64},
}
TOKENS = 512


def built(sizes: dict[str, Any]) -> Any:
    """A two-layer Mixtral of these sizes."""
    torch.manual_seed(0)
    heads: dict[str, Any] = {
        "num_attention_heads": 4,
        "num_key_value_heads": 4,
        "num_hidden_layers": 2,
        "vocab_size": 512,
    }
    return MixtralForCausalLM(MixtralConfig(**sizes, **heads))


def step_s(model: Any, ids: torch.Tensor) -> float:
    """CPU seconds of one forward and backward pass."""
    began = time.process_time()
    model(input_ids=ids, labels=ids).loss.backward()
    return time.process_time() - began


def ratio(sizes: dict[str, Any], rounds: int) -> tuple[float, float]:
    """The median over rounds of (with / without), and the median CPU seconds without. Rounds take turns."""
    model = built(sizes)
    ids = torch.randint(0, 512, (4, TOKENS // 4))
    without, ratios = [], []
    for at in range(rounds + 1):
        plain = step_s(model, ids)
        with fp64_routing(model):
            step_s(model, ids)  # finds out the dtypes of the outputs once
            doubled = step_s(model, ids)
        if at:  # the first round warms up
            without.append(plain)
            ratios.append(doubled / plain)
    return statistics.median(ratios), statistics.median(without)


def main() -> None:
    """Print a line for each size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    for name, sizes in SIZES.items():
        cost, seconds = ratio(sizes, rounds)
        print(f"{name}: x{cost:.3f} of {seconds * 1e3:.0f} ms CPU for {TOKENS} tokens")


if __name__ == "__main__":
    main()
