"""The program of a live service: `python -m tests.app.served PORT REGISTRY MODEL WORKERS`.

MODEL is a scripted model's delay in seconds, or `judge`.
"""

import functools
import sys

import app.main
import app.serve
from app.services import REGISTRY, open_services
from app.settings import Settings
from tests.app.scripted import ScriptedModel
from tests.app.scripted_judge import ScriptedJudge


def main() -> None:
    """The product's own `run`, with other verifiers or a scripted model where the test names them."""
    port, registry, delay, workers = sys.argv[1:]
    served = ScriptedJudge() if delay == "judge" else ScriptedModel(float(delay)) if delay else None
    opening = functools.partial(open_services, registry=registry or REGISTRY, served=served)
    app.serve.run(Settings(), port=int(port), workers=int(workers), open_services=opening)


if __name__ == "__main__":
    main()
