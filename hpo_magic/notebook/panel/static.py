"""What stays in the notebook: two outputs that need neither kernel nor widgets.

The live output is *replaced* by HTML and text, and a second one by a PNG: in a reopened notebook a
widget without its kernel shows an error and hides whatever lies in the same output (measured in
JupyterLab 4.6: trusted notebooks show "model not found", untrusted ones "VBox(...)").
"""

from __future__ import annotations

import base64
from html import escape
from typing import Any, NamedTuple

from IPython.display import display

from hpo_magic.core.snapshot import Snapshot
from hpo_magic.views.canvas import SHARPNESS, png, words
from hpo_magic.views.convergence import convergence_alt
from hpo_magic.views.result import SIZE_PX, result_figure, result_html
from hpo_magic.views.text import result_text


class Bundle(NamedTuple):
    """An output: its forms by MIME type, and their metadata."""

    data: dict[str, str]
    metadata: dict[str, Any]


def result_bundle(snapshot: Snapshot) -> Bundle:
    """Return the result as HTML and as text."""
    return Bundle(
        {"text/plain": result_text(snapshot), "text/html": result_html(snapshot)},
        {},
    )


def picture_bundle(snapshot: Snapshot) -> Bundle:
    """Return the picture that stays as PNG, with its numbers as text; text alone without one."""
    figure = result_figure(snapshot)
    alt = convergence_alt(snapshot) if figure is None else words(figure)
    if figure is None:
        return Bundle({"text/plain": alt}, {})
    image = base64.b64encode(png(figure, SHARPNESS)).decode("ascii")
    # "alt" is read by nbconvert; JupyterLab 4.6 reads the width alone.
    metadata = {"image/png": {"width": SIZE_PX[0], "height": SIZE_PX[1], "alt": alt}}
    return Bundle({"text/plain": alt, "image/png": image}, metadata)


def show_result(snapshot: Snapshot, handles: Any = None) -> tuple[Bundle, Bundle]:
    """Show the result that stays, in place of the two outputs of `handles` where they are given.

    The picture stands first, where there is one.
    """
    bundles = result_bundle(snapshot), picture_bundle(snapshot)
    order = reversed(bundles) if "image/png" in bundles[1].data else bundles
    for k, bundle in enumerate(order):
        if handles is None:
            display(bundle.data, metadata=bundle.metadata, raw=True)
        else:
            handles[k].update(bundle.data, metadata=bundle.metadata, raw=True)
    return bundles


def show_nothing(handles: Any) -> None:
    """Empty the outputs of `handles`; None: there are none."""
    for handle in handles or ():
        handle.update({"text/plain": ""}, raw=True)


def result_in_one(result: Bundle, picture: Bundle) -> str:
    """Return both as HTML for a page that can show nothing else: the picture first."""
    html, image = result.data["text/html"], picture.data.get("image/png")
    if image is None:
        return html
    alt = escape(picture.data["text/plain"])
    width = SIZE_PX[0]
    source = f"data:image/png;base64,{image}"
    return f'<img width="{width}" style="max-width:100%" alt="{alt}" src="{source}">{html}'
