"""Load at once what is otherwise loaded when it is wanted.

A server that starts quickly loads late.  But one that gives root away may not be able to read these
files afterwards, as they may lie where nobody but root can go.
"""

from __future__ import annotations

from twisted_distcc.server.options.config import ServerConfig


def load_everything(config: ServerConfig) -> None:
    """Load what a server that `config` describes may want later."""
    import hashlib  # noqa: F401
    import json  # noqa: F401
    import shutil  # noqa: F401
    import traceback  # noqa: F401

    import twisted_distcc.toolchain.known_toolchains

    if config.policy is not None:
        import tomllib  # noqa: F401
    if config.sandbox != "off":
        import twisted_distcc.execution.sandbox.builder  # noqa: F401
