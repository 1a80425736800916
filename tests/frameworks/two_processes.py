"""Started by torchrun: TRL trains on two processes, and each says how many tokens Clip-Cov held back of how many."""

import json
import sys
from pathlib import Path
from typing import Any

from datasets import Dataset

from tests.frameworks import tiny
from tests.frameworks.test_trl import rows, settings
from touchstone_trainer.adapters.trl_trainer import HELD, Stability, TouchstoneGRPOTrainer, _mask
from touchstone_trainer.clip_cov import ClipCov

RATIO = 0.05


class Telling(TouchstoneGRPOTrainer):
    """Appends a line to a file of its process for each draw."""

    def _hold_back(self, micros: Any, given: ClipCov) -> None:
        super()._hold_back(micros, given)
        counts = [[int(part.sum()) for part in (micro[HELD] & _mask(micro), _mask(micro))] for micro in micros]
        with (Path(self.args.output_dir) / f"{self.accelerator.process_index}.jsonl").open("a") as file:
            file.write(json.dumps(counts) + "\n")


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    changed: dict[str, Any] = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 3}
    Telling(
        tiny.dense(),
        [lambda completions, **_: [float(len(set(text)) % 3) for text in completions]],
        args=settings(folder, **changed),
        train_dataset=Dataset.from_list(list(rows()) * 4),
        processing_class=tiny.tokenizer(),
        stability=Stability(clip_cov=ClipCov(ratio=RATIO, low=-100.0, high=100.0), streak=None),
    ).train()
