"""What both drivers need of HTTP: address, headers, limits, time-outs, and which httpx2 error means what."""

import hashlib
import os
import platform
import ssl
from dataclasses import dataclass

import httpx2

from touchstone_client._exchange import Failed, RetryPolicy

MAX_CONNECT_S = 5.0
"""A service that is there accepts within milliseconds; a packet lost on the way is worth a second try."""
KEEPALIVE_S = 4.0
"""Under the 5 s after which uvicorn hangs up, so that requests rarely meet a connection being closed."""
RUN_ID_VARIABLE = "TOUCHSTONE_RUN_ID"
MAX_RUN_ID_CHARS = 128
"""What the service reads of it."""


def run_id(given: str | None) -> str:
    """Who asks, for the service that shares its workers among runs: what the caller says, or the environment, or else
    all that one command has started on this machine.
    """
    named = given or os.environ.get(RUN_ID_VARIABLE)
    if not named:
        group = getattr(os, "getpgrp", os.getpid)()  # there are no groups on Windows
        # Nobody else's machine names belong into the requests.
        return hashlib.sha256(f"{platform.node()} {group}".encode()).hexdigest()[:16]
    if len(named) > MAX_RUN_ID_CHARS or not (named.isascii() and named.isprintable()):
        where = "run_id" if given else RUN_ID_VARIABLE
        raise ValueError(f"{where} must be up to {MAX_RUN_ID_CHARS} printable ASCII characters, not {named[:200]!r}")
    return named


@dataclass(frozen=True)
class Config:
    """How a client reaches its service."""

    url: str
    api_key: str | None
    concurrency: int
    deadline_s: float
    retry: RetryPolicy
    run_id: str
    ca_file: str | None = None
    certificate: str | None = None

    def __post_init__(self) -> None:
        parsed = httpx2.URL(self.url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"url must look like http://host:port, not {self.url!r}")
        if self.concurrency < 1:
            raise ValueError(f"concurrency must be at least 1, not {self.concurrency}")
        self.allowed_s(self.deadline_s)
        try:
            self.trust()
        except OSError as error:  # ssl's own errors are some too
            raise ValueError(
                f"ca_file ({self.ca_file}) or certificate ({self.certificate}) is no PEM file that can be read: {error}"
            ) from None

    def allowed_s(self, deadline_s: float | None) -> float:
        """The seconds that one call may take: its own deadline, or the client's."""
        if deadline_s is None:
            return self.deadline_s
        if not deadline_s > 0:
            raise ValueError(f"deadline_s must be positive, not {deadline_s}")
        return deadline_s

    def address(self, path: str) -> str:
        """The full URL of a route."""
        return self.url.rstrip("/") + path

    def headers(self) -> dict[str, str]:
        """What every request carries."""
        headers = {"accept": "application/json", "content-type": "application/json", "x-run-id": self.run_id}
        if self.api_key is not None:
            headers["authorization"] = f"Bearer {self.api_key}"
        return headers

    def trust(self) -> ssl.SSLContext | bool:
        """Whom to believe over HTTPS, and who we are. Made where it is used: a context cannot be pickled."""
        if self.ca_file is None and self.certificate is None:
            return True
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.certificate is not None:
            context.load_cert_chain(self.certificate)
        return context


def limits(connections: int | None) -> httpx2.Limits:
    """Pool limits; None leaves the counting to whoever sends."""
    return httpx2.Limits(
        max_connections=connections, max_keepalive_connections=connections, keepalive_expiry=KEEPALIVE_S
    )


def timeouts(timeout_s: float) -> httpx2.Timeout:
    """Time-outs of one try."""
    return httpx2.Timeout(timeout_s, connect=min(timeout_s, MAX_CONNECT_S))


def failed(error: httpx2.TransportError | httpx2.DecodingError, timeout_s: float) -> Failed:
    """What a driver reports to the exchange for an error of the network."""
    if isinstance(error, httpx2.ConnectTimeout):
        return Failed("no connection in time", timed_out=timeout_s <= MAX_CONNECT_S)
    if isinstance(error, httpx2.TimeoutException):
        return Failed("no answer in time", timed_out=True)
    return Failed(str(error) or type(error).__name__)
