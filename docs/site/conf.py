"""Sphinx's settings for the site; `docs/site/build.py` lays the pages out beside a copy of this."""

from __future__ import annotations

import hpo_magic

project = "hpo_magic"
author = "The hpo_magic authors"
project_copyright = "the hpo_magic authors, BSD 3-Clause"
version = release = hpo_magic.__version__

extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton"]
exclude_patterns: list[str] = []
root_doc = "index"
default_role = "code"
napoleon_google_docstring = False
autodoc_typehints = "none"

# The notebooks are shown as they were stored: nothing is trained here.
nb_execution_mode = "off"
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4
# The magics' first lines are no Python; the notebooks' widgets show their text here.
suppress_warnings = ["misc.highlighting_failure", "mystnb.unknown_mime_type", "toc.not_included"]

# `make links`: what a notebook printed of a server of its own is no page.
linkcheck_ignore = [r"http://(127\.0\.0\.1|localhost)"]
linkcheck_timeout = 20

html_theme = "pydata_sphinx_theme"
html_title = f"hpo_magic {version}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_js_files = ["site.js"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_align": "left",
    "header_links_before_dropdown": 6,
    "navbar_persistent": ["search-button"],
    "navigation_with_keys": True,
    "show_prev_next": True,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
html_sidebars = {
    page: []
    for page in (
        "start",
        "changes",
        "what_you_get",
        "where_it_runs",
        "benchmarks",
        "contribute",
        "licences",
    )
}
