"""The ready configurations in `docs/configs`: readable, and what they name exists."""

import ast
import importlib
import re
import subprocess
import tomllib
from dataclasses import fields
from importlib.util import find_spec
from pathlib import Path

import pytest

from touchstone_trainer.adapters.hook import HookSettings

FOLDER = Path(__file__).parents[3] / "docs" / "configs"
FILES = sorted(FOLDER.iterdir())
NAMED = re.compile(r"touchstone_trainer\.adapters\.(\w+)(?:[.:](\w+))?")
BEGIN_WITH = {"trl_trainer": "trl", "verl_algorithms": "verl"}


def test_there_is_one_for_each_way() -> None:
    """Nothing below passes for want of files."""
    assert {path.suffix for path in FILES} == {".py", ".sh", ".toml", ".yaml"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_configurations_are_readable(path: Path) -> None:
    """By the language they are written in."""
    text = path.read_text()
    match path.suffix:
        case ".py":
            ast.parse(text)
        case ".sh":
            subprocess.run(["bash", "-n", str(path)], check=True)
        case ".toml":
            tomllib.loads(text)
        case _:
            yaml = pytest.importorskip("yaml")
            assert yaml.safe_load(text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_configurations_name_exists(path: Path) -> None:
    """Modules and functions behind import paths, and settings of the hooks."""
    text = path.read_text()
    for module, name in NAMED.findall(text):
        assert find_spec(f"touchstone_trainer.adapters.{module}")
        if name and (module not in BEGIN_WITH or find_spec(BEGIN_WITH[module])):
            assert hasattr(importlib.import_module(f"touchstone_trainer.adapters.{module}"), name)
    known = {one.name for one in fields(HookSettings)}
    assert set(re.findall(r"reward_kwargs\.(\w+)=", text)) <= known
    assert {name.lower() for name in re.findall(r"TOUCHSTONE_REWARD_([A-Z_]+)", text)} - {""} <= known
