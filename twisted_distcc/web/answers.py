"""Resources that answer with what a function returns at that moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import INTERNAL_SERVER_ERROR, OK
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

_FAILED: Final = b"This page could not be made; the log says why.\n"
PLAIN: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Answer:
    """A body, what it is, and the status with which it is sent."""

    body: bytes
    kind: str = PLAIN
    status: int = OK


Make: TypeAlias = Callable[[Request], Answer | Deferred[Answer]]
"""Makes an answer, now or later."""


class Answers(Resource):
    """Answers with what `make` makes."""

    isLeaf = True
    _log = Logger()

    def __init__(self, make: Make) -> None:
        super().__init__()
        self._make = make

    def render_GET(self, request: Request) -> int:
        """Answer when it is made."""
        Deferred.fromCoroutine(self._answered(request))
        return NOT_DONE_YET

    render_HEAD = render_GET

    async def _answered(self, request: Request) -> None:
        gone: list[Failure] = []
        request.notifyFinish().addErrback(gone.append)
        answer = await self._made(request)
        if not gone:
            _send(answer, request)

    async def _made(self, request: Request) -> Answer:
        try:
            made = self._make(request)
            return await made if isinstance(made, Deferred) else made
        except Exception:
            self._log.failure("a page could not be made")
            return Answer(_FAILED, status=INTERNAL_SERVER_ERROR)


def _send(answer: Answer, request: Request) -> None:
    request.setResponseCode(answer.status)
    request.responseHeaders.setRawHeaders("Content-Type", [answer.kind])
    request.responseHeaders.setRawHeaders("Content-Length", [str(len(answer.body))])
    request.write(b"" if request.method == b"HEAD" else answer.body)
    request.finish()
