"""What routes may ask for."""

from typing import Annotated, cast

from fastapi import Depends, Request

from app.services import Services


def _services(request: Request) -> Services:
    return cast("Services", request.app.state.services)


ServicesDep = Annotated[Services, Depends(_services)]
