"""How Sphinx makes pages of this folder."""

import re
from typing import Any

from twisted_distcc import __version__

project = "twisted_distcc"
author = "the twisted_distcc authors"
copyright = author  # noqa: A001  # Sphinx's own name
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"twisted_distcc {__version__}"


def _plain(
    app: Any, what: str, name: str, it: Any, options: Any, *signature: str | None
) -> tuple[Any, ...]:
    """Name Twisted's interfaces, which are no types and would be shown by their representation."""
    return tuple(text and re.sub(r"<InterfaceClass [\w.]+?(\w+)>", r"\1", text) for text in signature)


def setup(app: Any) -> None:
    """Take part in what autodoc does."""
    app.connect("autodoc-process-signature", _plain)
