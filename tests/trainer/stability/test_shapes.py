"""Shapes are checked here, and cost users nothing."""

import subprocess
import sys

import jaxtyping
import pytest
import torch

from touchstone_trainer.losses import clipped_surrogate

MODULES = "advantages anomaly clip_cov corrections health kl logprobs losses masked shaping text_features".split()


def test_shapes_are_checked_in_tests() -> None:
    """A mask of another width is refused where it enters: the import hook is at work."""
    tokens = torch.zeros(2, 3)
    with pytest.raises(jaxtyping.TypeCheckError):
        clipped_surrogate(tokens, tokens, torch.zeros(2), torch.ones(2, 4, dtype=torch.bool))


def test_users_need_no_type_checker() -> None:
    """Every module imports where beartype is not installed."""
    names = ", ".join(f"touchstone_trainer.{name}" for name in MODULES)
    code = f"import sys; sys.modules['beartype'] = None; import {names}"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_text_and_shaping_need_no_torch() -> None:
    """Text features and shaping import where torch is not installed."""
    code = (
        "import sys; sys.modules['torch'] = None; import touchstone_trainer.text_features, touchstone_trainer.shaping"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
