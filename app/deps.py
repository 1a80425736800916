"""What routes may ask for."""

from typing import Annotated, cast

from fastapi import Depends, Request

from app.services import Services


def services_of(request: Request) -> Services:
    """What the application works with."""
    return cast("Services", request.app.state.services)


# `async`, or the framework sends every request through a thread to read an attribute: 150 us.
async def _services(request: Request) -> Services:
    return services_of(request)


ServicesDep = Annotated[Services, Depends(_services)]
