"""Tells twistd of `distccd`, and of endpoints that begin with `distcc-tls:`.

Nothing of the project is imported until it is asked for: every program on Twisted that looks for plugins
reads this.
"""

from twisted.application.service import ServiceMaker
from twisted.internet.interfaces import IStreamServerEndpointStringParser
from twisted.plugin import IPlugin
from zope.interface import implementer

distccd = ServiceMaker("distccd", "twisted_distcc.tap", "A distcc compile server.", "distccd")


@implementer(IPlugin, IStreamServerEndpointStringParser)
class _MutualTls:
    """Reads `distcc-tls:3634:certificate=FILE:key=FILE:ca=FILE`, with `:crl=FILE:interface=ADDRESS`."""

    prefix = "distcc-tls"

    def parseStreamServer(self, reactor, *args, **kwargs):  # type: ignore[no-untyped-def]
        """Give the endpoint, as Twisted asks for it."""
        from twisted_distcc.tls.endpoint import mutual_tls_endpoint

        return mutual_tls_endpoint(reactor, *args, **kwargs)


mutual_tls = _MutualTls()
