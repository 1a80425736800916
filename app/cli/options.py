"""From command-line options to settings. What is not given is left to the environment and the defaults."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from app.cache.redis_address import read_address
from app.cli.exit_codes import USAGE, fail

if TYPE_CHECKING:
    from app.settings import Settings


def settings_from(**given: dict[str, Any]) -> "Settings":
    """Settings with the values that were given, group by group; ends the command when they do not fit."""
    from pydantic import ValidationError  # noqa: PLC0415 - see app.cli

    from app.settings import Settings  # noqa: PLC0415

    groups: Any = {group: _present(values) for group, values in given.items() if _present(values)}
    try:
        return Settings(**groups)
    except ValidationError as error:
        wrong = "; ".join(f"{_path(detail['loc'])}: {detail['msg']}" for detail in error.errors())
        fail(f"the settings do not fit: {wrong}", USAGE)


def check_redis(url: str | None) -> None:
    """End the command for an address that cannot be Redis."""
    try:
        if url is not None:
            read_address(url)
    except ValueError as error:
        fail(f"--redis: {error}", USAGE)


def joined(specs: Sequence[str] | None) -> str | None:
    """Replicas as the settings have them."""
    return ",".join(specs) if specs else None


def check_model(option: str, specs: Sequence[str] | None) -> None:
    """End the command for a model that is neither running somewhere nor to be started."""
    from grm.connect import model_from_spec  # noqa: PLC0415 - see app.cli

    try:
        for spec in (joined(specs) or "").split(","):
            if spec.strip():
                model_from_spec(spec.strip())
    except ValueError as error:
        fail(f"{option}: {error}", USAGE)


def _present(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _path(location: tuple[int | str, ...]) -> str:
    return ".".join(str(part) for part in location) or "environment"
