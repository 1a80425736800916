"""The code task alone, for services under test."""

from typing import TYPE_CHECKING

from verifiers import code_run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from verifiers.registry import Verifier

VERIFIERS: "Mapping[str, Verifier]" = {"code": code_run}
