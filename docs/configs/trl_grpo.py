"""GRPO with TRL 1.16 on rewards of a Touchstone service, with the stability tools.

    trl_grpo.py MODEL DATA OUTPUT [STEPS]

MODEL is a name or a folder, DATA a JSONL file with `prompt` and a sample's fields (`reference` or `answer`, `task`, …).
The service is named by TOUCHSTONE_REWARD_URL. Several GPUs: `accelerate launch trl_grpo.py …`.
"""

import sys

import torch
from datasets import load_dataset
from trl import GRPOConfig

from touchstone_trainer.adapters.trl import async_reward_function
from touchstone_trainer.adapters.trl_trainer import Stability, TouchstoneGRPOTrainer
from touchstone_trainer.clip_cov import ClipCov

model, data, output, *rest = sys.argv[1:]
config = GRPOConfig(
    output_dir=output,
    use_cpu=not torch.accelerator.is_available(),
    bf16=torch.accelerator.is_available(),
    max_steps=int(rest[0]) if rest else 500,
    per_device_train_batch_size=8,
    num_generations=8,
    max_completion_length=256,
    learning_rate=1e-6,
    temperature=1.0,
    loss_type="dapo",
    epsilon=0.2,
    epsilon_high=0.28,
    mask_truncated_completions=True,
    # With vLLM: use_vllm=True, vllm_mode="colocate", and IcePop in place of TRL's own correction:
    vllm_importance_sampling_correction=False,
    logging_steps=1,
    report_to=[],
)
trainer = TouchstoneGRPOTrainer(
    model,
    [async_reward_function()],
    args=config,
    train_dataset=load_dataset("json", data_files=data, split="train"),
    # fp64_routing=True for a mixture of experts that transformers generates with.
    stability=Stability(clip_cov=ClipCov()),
)
trainer.train()
