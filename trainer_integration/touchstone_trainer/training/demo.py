r"""A run small enough to watch: a policy of some ten thousand parameters, from random weights, in under two minutes.

Rule 1: nothing is staged. The rows are made here, the responses are the policy's, and a Touchstone service pays.
Rule 2: what is learned is in reach of chance: answers are a few tokens long, so that a random policy is right now and
        then, which is all that reinforcement learning needs to begin.
Rule 3: no number in here is special to the demonstration: it is a configuration like any other, and is written out.
"""

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from touchstone_trainer.training.config import RunConfig

LARGEST = 3
"""Of the summands: 16 sums."""
NUMBERS = tuple(str(number) for number in range(2 * LARGEST + 1))
OPTIONS = "ABCD"
PAD, END = "<pad>", "<end>"
TOKENS = (PAD, END, "sum", "say", "pick", *NUMBERS, *OPTIONS)
"""Without signs of arithmetic: '2 + 3' would be a right answer to the sum of 2 and 3."""
CONFIG_FILE = "config.json"

# transformers gives a qwen2 model its own tokenizer, whatever the folder says; a qwen3 model keeps ours.
DENSE: Mapping[str, Any] = {
    "model_type": "qwen3",
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "max_position_embeddings": 64,
    "tie_word_embeddings": True,
}
EXPERTS: Mapping[str, Any] = {
    "model_type": "qwen3_moe",
    "hidden_size": 48,
    "intermediate_size": 96,
    "moe_intermediate_size": 48,
    "num_experts": 4,
    "num_experts_per_tok": 2,
    "norm_topk_prob": True,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 12,
    "max_position_embeddings": 64,
    "tie_word_embeddings": True,
}


def prepare(folder: Path, url: str, *, experts: bool) -> RunConfig:
    """Write rows, tokenizer and configuration into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    sources = {}
    for domain, rows in domain_rows().items():
        path = folder / f"{domain}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        sources[domain] = str(path)
    write_tokenizer(folder / "tokenizer")
    config = RunConfig.parse(settings(folder, sources, url, experts=experts))
    (folder / CONFIG_FILE).write_text(config.model_dump_json(indent=2), encoding="utf-8")
    return config


def settings(folder: Path, sources: Mapping[str, str], url: str, *, experts: bool) -> dict[str, Any]:
    """The configuration as a file has it."""
    domains = {name: {"source": source, "task": name, "ratio": 1} for name, source in sources.items()}
    return {
        "folder": str(folder),
        "plan": {
            "phases": [
                {"name": "math", "steps": 100, "domains": {"math": domains["math"]}},
                {"name": "mixed", "steps": 220 if experts else 200, "domains": domains, "reset_reference": False},
            ]
        },
        "policy": {
            "build": EXPERTS if experts else DENSE,
            "tokenizer": str(folder / "tokenizer"),
            "fp64_routing": experts,
            "device": "cpu",
        },
        "rollouts": {
            "prompts_per_step": 16,
            "group_size": 16,
            "max_new_tokens": 2,
            "rows_at_once": 256,
            "max_generation_batches": 1,
            "dynamic_sampling": False,
        },
        "rewards": {"url": url, "recall": "never"},
        "loss": {"kl_weight": 0.15, "truncated": "keep"},
        "optimizer": {"learning_rate": 2e-3 if experts else 3e-3, "micro_batch_rows": 256},
        "evaluation": {"every_steps": 50},
        "checkpoint": {"every_steps": 50},
    }


def domain_rows() -> dict[str, list[dict[str, Any]]]:
    """Rows by task."""
    return {
        "math": [
            {"question": f"sum {a} {b}", "reference": str(a + b)}
            for a, b in itertools.product(range(LARGEST + 1), repeat=2)
        ],
        "exact_text": [{"question": f"say {number}", "reference": number} for number in NUMBERS],
        "choice": [_choice(first, place) for first in range(len(NUMBERS) - 3) for place in range(len(OPTIONS))],
    }


def _choice(first: int, place: int) -> dict[str, Any]:
    """Which letter stands before a number."""
    choices = NUMBERS[first : first + len(OPTIONS)]
    shown = " ".join(f"{letter} {number}" for letter, number in zip(OPTIONS, choices, strict=True))
    return {"question": f"pick {choices[place]} {shown}", "reference": OPTIONS[place], "choices": list(choices)}


def write_tokenizer(folder: Path) -> None:
    """A tokenizer of whole words and signs."""
    tokenizer = Tokenizer(models.WordLevel({token: index for index, token in enumerate(TOKENS)}, unk_token=PAD))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"\s+"), behavior="removed")
    tokenizer.decoder = decoders.Fuse()
    # transformers does not annotate it.
    finished: Any = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    finished.save_pretrained(folder)
