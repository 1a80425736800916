"""The service's log: lines for people or JSON for machines, each with the id of its request.

Rule 1: an exception is logged by its type and its place, never in its own words: they may quote a user's text.
Rule 2: nothing of a request's body, headers or URL is logged; routes go by their templates.
"""

import json
import logging
import time
import traceback
from enum import StrEnum
from typing import Any

from app.request_scope import current_id

STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}
"""What every record has; the rest is what the line is about."""


class Form(StrEnum):
    """How a line looks."""

    TEXT = "text"
    JSON = "json"


class LeastLevel(StrEnum):
    """The least that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


def place(error: BaseException) -> str:
    """The error's type and its way through the code, causes first."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    steps = "".join(traceback.format_tb(error.__traceback__))
    first = f"{place(before)}\nthen:\n" if before is not None else ""
    return f"{first}{steps}{type(error).__module__}.{type(error).__qualname__}"


class _Formatter(logging.Formatter):
    """What both forms say."""

    def fields(self, record: logging.LogRecord) -> dict[str, Any]:
        """The line, by name."""
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "at": f"{at}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "request_id": current_id(),
            "message": record.getMessage(),
        }
        line |= {name: value for name, value in vars(record).items() if name not in STANDARD}
        if record.exc_info and record.exc_info[1] is not None:
            line["exception"] = place(record.exc_info[1])
        return line


class TextLines(_Formatter):
    """For people: `2026-01-31T12:00:00.000Z warning touchstone [request] message name=value`."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and one for each step of an exception."""
        line = self.fields(record)
        head = [line.pop(name) for name in ("at", "level", "logger")]
        text = " ".join([*head, f"[{line.pop('request_id')}]", line.pop("message")])
        error = line.pop("exception", None)
        more = "".join(f" {name}={value}" for name, value in line.items())
        return f"{text}{more}" + (f"\n{error}" if error else "")


class JsonLines(_Formatter):
    """For machines: one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, whatever is in it."""
        return json.dumps(self.fields(record), default=str)


_FORMATTERS = {Form.TEXT: TextLines, Form.JSON: JsonLines}


def configuration(form: Form, level: LeastLevel) -> dict[str, Any]:
    """For `logging.config.dictConfig`, in every server process; to standard error."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": _FORMATTERS[form]}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"level": "WARNING", "handlers": ["stderr"]},
        "loggers": {name: {"level": level.upper()} for name in ("touchstone", "grm", "uvicorn")},
    }
