"""Load at once the modules that are otherwise loaded on demand.

A server starts quickly by loading late.  But after giving up root it may be unable to read these files,
as they may be where only root can go.
"""

from __future__ import annotations

from twisted_distcc.server.options.config import ServerConfig


def load_everything(config: ServerConfig) -> None:
    """Load what a server with this `config` may need later."""
    import hashlib  # noqa: F401
    import json  # noqa: F401
    import shutil  # noqa: F401
    import traceback  # noqa: F401

    import twisted_distcc.toolchain.known_toolchains

    if config.policy is not None:
        import tomllib  # noqa: F401
    if config.sandbox != "off":
        import twisted_distcc.execution.sandbox.builder  # noqa: F401
