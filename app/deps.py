"""What routes may ask for."""

from typing import Annotated, cast

from fastapi import Depends, Request

from app.services import Services


# `async`, or the framework sends every request through a thread to read an attribute: 150 us.
async def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


ServicesDep = Annotated[Services, Depends(_services)]
