"""What is loaded when it is wanted, loaded at once.

In: nothing.  Out: modules that are there.  Who starts quickly loads late; but who gives root away may
not be able to read these files afterwards: they may lie where nobody but root can go.
"""

from __future__ import annotations

from twisted_distcc.server.options.config import ServerConfig


def load_everything(config: ServerConfig) -> None:
    """Load what a server that `config` describes may want later."""
    import json  # noqa: F401
    import shutil  # noqa: F401
    import traceback  # noqa: F401

    if config.audit_log is not None or config.sandbox != "off":
        import hashlib  # noqa: F401
    if config.policy is not None:
        import tomllib  # noqa: F401
    if config.sandbox != "off":
        import twisted_distcc.execution.sandbox.builder  # noqa: F401
