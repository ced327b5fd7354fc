"""A real JupyterLab or Notebook in a real browser, as little of it as the tests need.

The page's own application object runs Jupyter's commands, so that no test depends on where a
toolbar has its buttons. Everything a server writes is in a folder of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat
from playwright.sync_api import Browser, Page, sync_playwright

__all__ = ["Notebook", "chromium", "notebook_file", "opened", "served", "shut_down_kernels"]

STARTING_S = 90  # and stopping: a busy kernel is given time before it is killed
WAITING_S = 60
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]

# What the tests say to the page: `panel` is the notebook that is shown.
PANEL = """
const app = window.jupyterapp;
const panel = app && Array.from(app.shell.widgets('main')).find(w => w.content?.widgets);
"""


def chromium() -> str | None:
    """Return the browser to drive: $CHROMIUM, else one on the path; None without one."""
    names = ("chromium", "chromium-browser", "google-chrome")
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)


def notebook_file(path: Path, *cells: str, kernel: str = "python3") -> Path:
    """Write a notebook with these code cells, for the kernel of that name."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in cells])
    notebook.metadata.kernelspec = {"name": kernel, "display_name": kernel}
    nbformat.write(notebook, path)
    return path


@contextmanager
def served(folder: Path, app: str = "lab", settings: dict[str, Any] | None = None) -> Iterator[str]:
    """Serve a folder, and give the address.

    Parameters
    ----------
    folder
        What is served; the server's own files are put beside it.
    app
        "lab" or "notebook".
    settings
        Of JupyterLab, by plugin: `{"@jupyterlab/...:plugin": {"name": value}}`.
    """
    own = folder.parent / f"{folder.name}-jupyter"
    _write_settings(own / "settings", settings or {})
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = [
        "--no-browser",
        "--allow-root",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--IdentityProvider.token=",
        "--ServerApp.disable_check_xsrf=True",  # kernels are shut down by a bare request
        f"--ServerApp.root_dir={folder}",
        f"--{'LabApp' if app == 'lab' else 'JupyterNotebookApp'}.expose_app_in_browser=True",
    ]
    module = "jupyterlab" if app == "lab" else "notebook"
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", module, *options],
            env={**os.environ, **_folders(own)},
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            _wait_for(address, server)
            try:
                yield address
            finally:
                shut_down_kernels(address)
        finally:
            server.terminate()
            server.wait(STARTING_S)


def _folders(own: Path) -> dict[str, str]:
    """Return the environment that keeps a server away from the user's own files."""
    return {
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(own / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(own / "workspaces"),
        "IPYTHONDIR": str(own / "ipython"),
    }


def _write_settings(folder: Path, settings: dict[str, Any]) -> None:
    quiet = {
        "@jupyterlab/apputils-extension:notification": {"fetchNews": "false"},
        "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    }
    for plugin, values in {**quiet, **settings}.items():
        package, name = plugin.split(":")
        file = folder / package / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))


def _wait_for(address: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + STARTING_S
    while time.monotonic() < end and server.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api", timeout=2).close()
            return
        except OSError:
            time.sleep(0.2)
    raise RuntimeError("Jupyter did not start; its log is beside the served folder.")


def shut_down_kernels(address: str) -> None:
    """End all kernels of a server."""
    with urllib.request.urlopen(f"{address}/api/kernels", timeout=5) as answer:
        kernels = json.load(answer)
    for kernel in kernels:
        url = f"{address}/api/kernels/{kernel['id']}"
        urllib.request.urlopen(
            urllib.request.Request(url, method="DELETE"), timeout=STARTING_S
        ).close()


@contextmanager
def opened() -> Iterator[Browser]:
    """Start the browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Notebook:
    """One notebook in one tab.

    Parameters
    ----------
    browser, address
        The browser, and the server's address.
    name
        The notebook's file.
    app
        "lab" or "notebook", as it is served.
    width
        Of the window, in pixels.
    has_kernel
        Wait until the kernel is there.
    """

    def __init__(
        self,
        browser: Browser,
        address: str,
        name: str,
        app: str = "lab",
        width: int = 1000,
        has_kernel: bool = True,
    ) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 1400})
        self.page.set_default_timeout(WAITING_S * 1000)
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self._url = f"{address}/{'doc/tree' if app == 'lab' else 'notebooks'}/{name}"
        self.has_kernel = has_kernel
        self.open()

    def open(self) -> None:
        """Open the notebook, or open it again."""
        self.page.goto(self._url, wait_until="domcontentloaded")
        self._until("panel && panel.context.isReady && panel.content.widgets.length > 0")
        if self.has_kernel:
            self._until("panel.sessionContext.session?.kernel?.connectionStatus === 'connected'")

    def _until(self, condition: str, argument: Any = None) -> None:
        self.page.wait_for_function(f"arg => {{ {PANEL} return {condition}; }}", arg=argument)

    def _do(self, body: str, argument: Any = None) -> Any:
        return self.page.evaluate(f"async arg => {{ {PANEL} {body} }}", argument)

    def run_all(self) -> None:
        """Start all cells, and return at once."""
        self._do("app.commands.execute('notebook:run-all-cells');")

    def run(self, cell: int) -> None:
        """Start one cell, and return at once."""
        self._do("panel.content.activeCellIndex = arg; panel.content.deselectAll();", cell)
        self._do("app.commands.execute('notebook:run-cell');")

    def interrupt(self) -> None:
        """Press the stop square."""
        self._do("app.commands.execute('notebook:interrupt-kernel');")

    def save(self) -> None:
        """Save the file."""
        self._do("await app.commands.execute('docmanager:save');")
        self._until("!panel.context.model.dirty")

    def output(self, cell: int) -> str:
        """Return the text that a cell shows."""
        found = "panel.content.widgets[arg].outputArea?.node.innerText ?? ''"
        return str(self._do(f"return {found};", cell))

    def wait_for_text(self, text: str) -> float:
        """Wait until an output shows the text; return when it did, in seconds."""
        areas = "Array.from(panel.node.querySelectorAll('.jp-OutputArea'))"
        self._until(f"{areas}.some(area => area.innerText.includes(arg))", text)
        return time.monotonic()

    def wait_until_done(self) -> None:
        """Wait until no cell runs or waits."""
        stars = "Array.from(panel.node.querySelectorAll('.jp-InputPrompt'))"
        self._until(f"!{stars}.some(p => p.innerText.includes('*'))")

    def click(self, label: str) -> float:
        """Click a button of the panel; return when, in seconds."""
        button = self.page.locator("button.jupyter-button", has_text=label).first
        button.wait_for()
        at = time.monotonic()
        button.click()
        return at

    def choose_tab(self, title: str) -> None:
        """Choose a tab of the panel."""
        self.page.locator(".hpo-panel .lm-TabBar-tab", has_text=title).first.click()

    def count(self, selector: str) -> int:
        """Return how many elements of the outputs match."""
        return self.page.locator(f".jp-OutputArea {selector}").count()

    def shot(self, path: Path) -> None:
        """Take a picture of what is seen."""
        self.page.screenshot(path=str(path))

    def close(self) -> None:
        """Close the tab."""
        self.page.close()
