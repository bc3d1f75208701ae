"""A site for one machine's own pages, which does nothing but answer, and answers nobody by mistake.

A page of a stranger, open in the same browser, must neither read ours nor make it do anything.  So the
site only reads (`GET` and `HEAD`), and it answers no request that was meant for another name: a stranger
can have the name of its own site resolve to our address (DNS rebinding), but the browser then asks for
that name.  Numeric addresses are always answered, as nobody else can give them out.

Scripts and styles come from the site alone, and no other site may frame it, or use what it answers.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Any, Final, cast

from twisted.internet.interfaces import IProtocolFactory
from twisted.protocols.policies import ThrottlingFactory
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

_MISDIRECTED: Final = (421, b"Misdirected Request")  # RFC 9110, 15.5.20
_NOT_ALLOWED: Final = (405, b"Method Not Allowed")
_METHODS: Final = (b"GET", b"HEAD")
_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Server": "twisted_distcc",
}


def is_own_host(host: str | None, names: Iterable[str]) -> bool:
    """Return whether a request with this `Host` is meant for a site that has these `names`.

    Programs may leave it out; browsers never do.
    """
    if host is None:
        return True
    name = host.rpartition(":")[0] if _has_port(host) else host
    if name.startswith("[") and name.endswith("]"):
        return _is_address(name[1:-1])
    name = name.rstrip(".").lower()
    return name == "localhost" or name in {one.lower() for one in names} or _is_address(name)


def _has_port(host: str) -> bool:
    name, colon, port = host.rpartition(":")
    return bool(colon) and port.isdecimal() and (":" not in name or name.endswith("]"))


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


class GuardedRequest(Request):
    """A request that is answered only if it reads, and is meant for this site."""

    def gotLength(self, length: int | None) -> None:
        """Hang up on whoever sends something: it would be kept on the disk."""
        super().gotLength(0)
        if length != 0:
            self.channel.forceAbortClient()

    def process(self) -> None:
        """Answer, or say why not."""
        site: GuardedSite = cast(Any, self.channel).site
        host = self.requestHeaders.getRawHeaders("Host", [None])[0]
        if self.method not in _METHODS:
            self._refuse(_NOT_ALLOWED, "This site only answers GET and HEAD.\n")
        elif not is_own_host(host, site.names):
            self._refuse(_MISDIRECTED, "This site has another name: see --stats-name.\n")
        else:
            self._guard()
            super().process()

    def setHeader(self, name: Any, value: Any) -> None:
        """Set a header, unless it would name the program and its version to everybody."""
        if name.lower() != b"server":
            super().setHeader(name, value)

    def _guard(self) -> None:
        for name, value in _HEADERS.items():
            self.responseHeaders.setRawHeaders(name, [value])

    def _refuse(self, status: tuple[int, bytes], sentence: str) -> None:
        self._guard()
        self.setResponseCode(*status)
        self.responseHeaders.setRawHeaders("Content-Type", ["text/plain; charset=utf-8"])
        self.responseHeaders.setRawHeaders("Content-Length", [str(len(sentence))])
        self.write(sentence.encode())
        self.finish()


class GuardedSite(Site):
    """A site that has these `names`, besides `localhost` and all numeric addresses."""

    displayTracebacks = False
    requestFactory = GuardedRequest
    noisy = False

    def __init__(self, root: Resource, reactor: Any, names: Iterable[str] = ()) -> None:
        super().__init__(root, reactor=reactor)
        self.names = frozenset(names)

    def log(self, request: Any) -> None:
        """Log nothing: somebody asks every second."""


class _Bounded(ThrottlingFactory):
    """Closes connections beyond a number."""

    noisy = False


def guarded_site(
    root: Resource, reactor: Any, names: Iterable[str] = (), most: int = 64
) -> IProtocolFactory:
    """Return the factory of a site.

    Args:
        root: what is served.
        reactor: provides `IReactorTime`.
        names: by which names it may be asked for, besides `localhost` and numeric addresses.
        most: how many connections there may be at a time; further ones are closed.
    """
    return _Bounded(GuardedSite(root, reactor, names), most)
