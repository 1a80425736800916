#!/bin/sh
# Makes the environment of the training frameworks that `tests/frameworks` loads: make_env.sh [DIRECTORY]
# (.venv-frameworks).
#
# Rule 1: its own environment. The frameworks' pins contradict ours and each other, so no dependency is resolved:
#         requirements.txt names every package, and none brings another one in.
# Rule 2: all or nothing: an environment without the finished marker is deleted and made again.
# Rule 3: torch goes in first and alone, in the build of the main environment; no GPU is needed.
#
# Linux, Python 3.11 to 3.13 (PYTHON=... picks one), about 1.8 GB of disk and one and a half to three minutes.
# Where your package index serves the CUDA build of torch, name PyTorch's CPU index in PIP_EXTRA_INDEX_URL.
set -eu

TORCH="torch==2.13.0"
OLDEST_TRL="trl==1.6.0" # the oldest that our reward functions are for, in a folder of its own

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
env=${1:-$here/../../.venv-frameworks}
marker=$env/touchstone-finished
RECIPE="2 $TORCH $OLDEST_TRL $(cksum <"$here/requirements.txt")" # raise the number when the steps below change

exec 9<"$(dirname -- "$env")"
flock 9 # two callers at once: the second waits, then finds the marker

if [ "$(cat "$marker" 2>/dev/null || true)" = "$RECIPE" ]; then
    echo "make_env.sh: $env is ready"
    exit 0
fi

rm -rf "$env"
"${PYTHON:-python3}" -m venv "$env"
"$env/bin/pip" install --quiet --disable-pip-version-check "$TORCH"
"$env/bin/pip" install --quiet --disable-pip-version-check --no-deps -r "$here/requirements.txt"
"$env/bin/pip" install --quiet --disable-pip-version-check --no-deps --target "$env/oldest-trl" "$OLDEST_TRL"
"$env/bin/python" -c "import torch, transformers, trl, ray.serve, tensordict, pytest"
echo "$RECIPE" >"$marker"
echo "make_env.sh: $env is ready"
