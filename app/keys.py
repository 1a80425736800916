"""The key that a request brings. Nothing else reads one."""

from fastapi import Request

BEARER = "bearer "


def key_of(request: Request) -> str | None:
    """From `Authorization: Bearer`, `X-API-Key` or, for trainers that send no headers, `?key=` in the URL."""
    authorization = request.headers.get("authorization", "")
    if authorization.lower().startswith(BEARER):
        return authorization[len(BEARER) :].strip()
    return request.headers.get("x-api-key") or request.query_params.get("key")
