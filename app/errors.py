"""From what went wrong to `application/problem+json` (RFC 9457). Nothing else builds error bodies.

RequestError       the caller's move
  Malformed        400: not JSON, not UTF-8
  TooLarge         413
  Unusable         422: nothing in the request can be worked on
  ModelMissing     422: asked for a model stage that is not configured
  UnknownProfile   404: the URL names a profile that there is not
  WrongKey         401: the service or the profile wants a key, and it was not sent
  NoVerdict        503: no reward, and the caller's wire format has no word for that
QueueFull          503 with Retry-After (raised by the pool)
Refusal            429 with Retry-After (raised for a key's limits)
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from app import wire
from app.keys import Refusal
from app.pool.outcome import QueueFull
from app.request_scope import current_id, route_of

MEDIA_TYPE = "application/problem+json"
MAX_LISTED = 100
"""Errors listed in one body; a person fixes the first and sends again."""

log = logging.getLogger("touchstone")


class RequestError(Exception):
    """A request that cannot be worked on. `str()` says what to do about it."""

    status = 400
    kind = "malformed"
    title = "The request cannot be read"

    def __init__(self, detail: str, errors: list[wire.FieldProblem] | None = None) -> None:
        super().__init__(detail)
        self.errors = errors or []


class Malformed(RequestError):
    """Not JSON, or not UTF-8."""


class TooLarge(RequestError):
    """The body passes the limit."""

    status = 413
    kind = "too_large"
    title = "The request body is too large"


class Unusable(RequestError):
    """No item can be worked on, or the envelope is wrong."""

    status = 422
    kind = "invalid_request"
    title = "The request cannot be worked on"


class ModelMissing(RequestError):
    """`recall: always` without a model."""

    status = 422
    kind = "model_not_configured"
    title = "No model is configured"


class UnknownProfile(RequestError):
    """The URL's profile is not in the settings."""

    status = 404
    kind = "unknown_profile"
    title = "No such profile"


class WrongKey(RequestError):
    """The key is missing or another."""

    status = 401
    kind = "wrong_key"
    title = "The key is missing or wrong"


class NoVerdict(RequestError):
    """An error is at least no false reward."""

    status = 503
    kind = "no_verdict"
    title = "No reward could be decided"


def invalid_item(detail: str, errors: list[wire.FieldProblem]) -> wire.Problem:
    """What is wrong with one item."""
    return wire.Problem("invalid_item", "The item cannot be worked on", 422, detail, errors)


def problem_of(error: RequestError) -> wire.Problem:
    """The body for a request that cannot be worked on."""
    return wire.Problem(error.kind, error.title, error.status, str(error), error.errors[:MAX_LISTED])


def respond(problem: wire.Problem, headers: Mapping[str, str] | None = None) -> Response:
    """The problem as a response."""
    return Response(wire.encode(problem), problem.status, headers, MEDIA_TYPE)


def _request_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    return respond(problem_of(error))


def _queue_full(_request: Request, error: Exception) -> Response:
    assert isinstance(error, QueueFull)
    detail = f"{error}; send it again in {error.retry_after_s} s"
    problem = wire.Problem("queue_full", "The service is busy", 503, detail)
    return respond(problem, {"Retry-After": str(error.retry_after_s)})


def limited(refusal: Refusal) -> Response:
    """What a caller over its limits is told."""
    problem = wire.Problem("limited", "The key's limit is reached", 429, str(refusal))
    return respond(problem, {"Retry-After": str(refusal.retry_after_s)})


_HTTP_ADVICE = {
    404: ("not_found", "there is nothing at {path}; the calls are listed at /docs"),
    405: ("method_not_allowed", "{path} does not take {method}; see the Allow header"),
}


def _http_error(request: Request, error: Exception) -> Response:
    """What the framework refuses by itself: unknown paths and methods."""
    assert isinstance(error, HTTPException)
    kind, detail = _HTTP_ADVICE.get(error.status_code, ("http_error", str(error.detail)))
    detail = detail.format(path=request.url.path, method=request.method)
    title = HTTPStatus(error.status_code).phrase
    return respond(wire.Problem(kind, title, error.status_code, detail), error.headers)


def _not_as_declared(_request: Request, error: Exception) -> Response:
    """What the framework's own reading of a body or a query refuses."""
    assert isinstance(error, RequestValidationError)
    found = []
    for one in error.errors():
        # A field may be a name of the caller's: repeated only so far, and only where it is Unicode.
        path = ".".join(str(part) for part in one["loc"][1:]).encode(errors="replace").decode()
        found.append(wire.FieldProblem(path[:200] or "(body)", one["msg"]))
    return respond(problem_of(Unusable("the request's fields are wrong; `errors` says what to fix", found)))


def _gone(_request: Request, _error: Exception) -> Response:
    """The caller hung up before the request was complete: nobody reads this, and nothing is wrong here."""
    return Response(status_code=408)


def _our_fault(request: Request, error: Exception) -> Response:
    # The log says where, without the error's own words: they may quote the caller's text.
    log.error("%s failed", route_of(request.scope), exc_info=error)
    detail = f"{type(error).__name__} in the service; this is a bug, the log of the service has the details"
    # Sent from outside of all middleware, which would have put the id there.
    headers = {"X-Request-ID": current_id()}
    return respond(wire.Problem("internal", "The service failed", 500, detail), headers)


def install(app: FastAPI) -> None:
    """Map every exception to its body."""
    app.add_exception_handler(RequestError, _request_error)
    app.add_exception_handler(QueueFull, _queue_full)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _not_as_declared)
    app.add_exception_handler(ClientDisconnect, _gone)
    app.add_exception_handler(Exception, _our_fault)
