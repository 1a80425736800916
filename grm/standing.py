"""The state of a served model, and waiting for it to change."""

import asyncio
import logging

from grm.backend import ModelState, Phase

log = logging.getLogger(__name__)

_SETTLED = (Phase.READY, Phase.FAILED, Phase.CLOSED)


class Standing:
    """Holds the state; `move` changes it and wakes whoever waits. One event loop only."""

    def __init__(self, name: str, detail: str) -> None:
        self._name = name
        self.state = ModelState(Phase.STARTING, detail)
        self._moved = asyncio.Event()

    def move(self, phase: Phase, detail: str) -> None:
        """Enter a phase, and log it."""
        if (phase, detail) == (self.state.phase, self.state.detail):
            return
        level = logging.WARNING if phase in (Phase.UNREACHABLE, Phase.RESTARTING, Phase.FAILED) else logging.INFO
        log.log(level, "model %s: %s, %s", self._name, phase, detail)
        self.state = ModelState(phase, detail)
        self._moved.set()
        self._moved = asyncio.Event()

    async def settled(self, timeout_s: float) -> ModelState:
        """The state once it is ready, failed or closed, or after `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                while self.state.phase not in _SETTLED:
                    await self._moved.wait()
        except TimeoutError:
            pass
        return self.state
