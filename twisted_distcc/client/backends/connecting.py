"""Connecting to a server, with what goes wrong on the way said as a `HostError`."""

from __future__ import annotations

from typing import TypeVar

from twisted.internet.defer import CancelledError
from twisted.internet.defer import TimeoutError as DeferredTimeoutError
from twisted.internet.error import ConnectError, ConnectingCancelledError, DNSLookupError
from twisted.internet.error import TimeoutError as ConnectTimeoutError
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol

from twisted_distcc.client.backends.host_faults import CannotConnectError

P = TypeVar("P", bound=Protocol)


async def connected(endpoint: IStreamClientEndpoint, protocol: P) -> P:
    """Return `protocol` when it is connected to the server at `endpoint`.

    Raises:
        HostError: if it cannot be.
    """
    factory = Factory.forProtocol(lambda: protocol)
    factory.noisy = False
    try:
        await endpoint.connect(factory)
    except (ConnectTimeoutError, DeferredTimeoutError) as error:
        raise CannotConnectError("cannot be reached in time") from error
    except (ConnectError, DNSLookupError, ValueError) as error:  # ValueError: a name that is none
        raise CannotConnectError(f"cannot be reached: {error}") from error
    except ConnectingCancelledError as error:
        raise CancelledError from error
    return protocol
