"""How Sphinx makes pages of this folder."""

from twisted_distcc import __version__

project = "twisted_distcc"
author = "the twisted_distcc authors"
copyright = author  # noqa: A001  # Sphinx's own name
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"twisted_distcc {__version__}"
