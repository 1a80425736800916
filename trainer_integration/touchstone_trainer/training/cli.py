"""The console script. Light on purpose: without the extra it must say so, and not end in a traceback."""

import sys

EXTRA = "pip install torch, in the build your machine needs, then: pip install 'touchstone-trainer[train]'"


def main() -> None:
    """`touchstone-train`: run, demo, plot."""
    try:
        from touchstone_trainer.training.commands import app  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "touchstone_trainer":
            raise
        sys.exit(f"touchstone-train needs {error.name}, which is not installed here. {EXTRA}")
    app()


if __name__ == "__main__":
    main()
