"""The `touchstone` command: one small module for each command; their shared words in `exit_codes`.

A command imports the service only when it runs it: `touchstone version` and `verify` against a running service
load no web framework and no algebra system.
"""

import typer

from app.cli.bench import bench
from app.cli.deploy import deploy
from app.cli.exit_codes import EXIT_CODES
from app.cli.judge import judge
from app.cli.lint_references import lint_references
from app.cli.make_key import make_key
from app.cli.serve import serve
from app.cli.verify import verify
from app.cli.version import version

__all__ = ["main"]

cli = typer.Typer(
    name="touchstone",
    help=f"Reward service for reinforcement learning of language models.\n\n{EXIT_CODES}",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,  # a traceback is for a bug report: plain, and without anybody's text in it
)
cli.command()(serve)
cli.command()(verify)
cli.command()(judge)
cli.command()(bench)
cli.command()(lint_references)
cli.command()(make_key)
cli.command()(version)
cli.add_typer(deploy)


def main() -> None:
    """Run the command line."""
    cli()
