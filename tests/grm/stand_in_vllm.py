"""Takes vLLM's command line and serves scripted answers, with a child process in the place of vLLM's engine.

`--stand-in` says how it fails: `crash` prints a traceback and exits, `silent` never listens, `deaf` cannot
answer a completion, `fine` works.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.scripted_openai import Json, Manners, ScriptedOpenAI, in_turn, polite


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--served-model-name")
    parser.add_argument("--port", type=int)
    parser.add_argument("--stand-in", default="fine")
    known, _ = parser.parse_known_args()
    sys.stdout.write("WARNING: OSError: [Errno 24] a harmless one\nINFO loading\n")
    sys.stdout.flush()
    if known.stand_in == "crash":
        sys.stdout.write("(EngineCore pid=1) ERROR core.py:1] RuntimeError: weights are damaged\n")
        sys.stdout.flush()
        raise SystemExit("ValueError: an echo of it")
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    if known.stand_in == "silent":
        time.sleep(3600)
    models = polite(Manners(models=[known.served_model_name], text=str(sorted(os.environ))))
    broken = Json({"error": {"message": "engine dead"}}, 500)
    script = in_turn(models, broken) if known.stand_in == "deaf" else models
    sys.stdout.write("INFO listening\n")
    sys.stdout.flush()
    with ScriptedOpenAI(script, port=known.port):
        time.sleep(3600)


if __name__ == "__main__":
    main()
