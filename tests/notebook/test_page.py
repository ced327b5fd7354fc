"""A frontend that knows no subshells, as VS Code and Colab are, in a real kernel.

It sends every message on the shell channel, without a subshell's id, while a cell runs.
"""

from __future__ import annotations

import contextlib
import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client import KernelManager
from jupyter_client.blocking import BlockingKernelClient

pytestmark = pytest.mark.slow

WAITING_S = 60
# The start is short. Any other trial is one batch, which sleeps for some seconds.
SEARCH = """%%hpo study --minimize loss --trials 5 --sampler random --recheck 0 --fresh
import time
x = hp.Float(0.0, 1.0, default=0.5)
hp.report(1, loss=x)
if x != 0.5:
    open("begun", "w").close()
    time.sleep(SECONDS)
hp.report(2, loss=x)
"""


class Page:
    """A page with a kernel of its own; `widgets` has the state of each widget by its comm."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client
        self.widgets: dict[str, dict[str, Any]] = {}
        self.replies: list[str] = []
        self.shown: list[dict[str, Any]] = []

    def send(self, kind: str, content: dict[str, Any]) -> str:
        """Send a message on the shell channel; return its id."""
        message = self.client.session.msg(kind, content, metadata={"version": "1.0.0"})
        assert "subshell_id" not in message["header"]
        self.client.shell_channel.send(message)
        return str(message["header"]["msg_id"])

    def run(self, code: str, is_watched: bool = True) -> None:
        """Start a cell, and return at once; somebody watches if questions could be answered."""
        self.client.execute(code, allow_stdin=is_watched)

    def wait_for(self, holds: Callable[[], bool]) -> float:
        """Read what the kernel sends until something holds; return how long that took, in s."""
        began = time.monotonic()
        while not holds():
            assert time.monotonic() - began < WAITING_S, (self.replies, self.shown)
            with contextlib.suppress(queue.Empty):
                self._take(self.client.get_iopub_msg(timeout=0.01))
            with contextlib.suppress(queue.Empty):
                self.replies.append(self.client.get_shell_msg(timeout=0.001)["msg_type"])
        return time.monotonic() - began

    def _take(self, message: dict[str, Any]) -> None:
        kind, content = message["msg_type"], message["content"]
        if kind == "comm_open":
            self.widgets[content["comm_id"]] = dict(content["data"].get("state", {}))
        elif kind == "comm_msg":
            data = content["data"]
            self.widgets.setdefault(content["comm_id"], {}).update(data.get("state", {}))
            if data.get("method") == "update_states":
                self.replies.append("update_states")
        elif kind in ("display_data", "update_display_data", "execute_result"):
            self.shown.append(content["data"])
        elif kind == "error":
            self.replies.append(content["ename"])

    def has(self, text: str) -> bool:
        """Return whether a widget or an output has the text."""
        return text in str([list(self.widgets.values()), self.shown])

    def click(self, label: str) -> None:
        """Click the button with this label."""
        (comm,) = (c for c, state in self.widgets.items() if state.get("description") == label)
        content = {"method": "custom", "content": {"event": "click"}}
        self.send("comm_msg", {"comm_id": comm, "data": content})


@pytest.fixture
def page(tmp_path: Path) -> Iterator[Page]:
    """Return a page whose kernel has loaded the extension."""
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=str(tmp_path))
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=WAITING_S)
        made = Page(client)
        made.run("%load_ext hpo_magic")
        made.wait_for(lambda: "execute_reply" in made.replies)
        made.replies.clear()
        yield made
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        manager.cleanup_resources()


def test_a_click_and_a_reload_reach_a_search(page: Page, tmp_path: Path) -> None:
    """Both while a batch runs that does not end; the cell that waits is not lost."""
    page.run(SEARCH.replace("SECONDS", "10"))
    page.wait_for((tmp_path / "begun").exists)
    page.run("print('below')")
    page.send("kernel_info_request", {})
    page.send("comm_info_request", {"target_name": "jupyter.widget"})
    page.send("comm_open", {"comm_id": "a", "target_name": "jupyter.widget.control", "data": {}})
    page.send("comm_msg", {"comm_id": "a", "data": {"method": "request_states"}})
    asked = {"kernel_info_reply", "comm_info_reply", "update_states"}
    took_s = page.wait_for(lambda: asked <= set(page.replies))
    assert "execute_reply" not in page.replies
    page.click("Pause")
    pause_s = page.wait_for(lambda: page.has("Paused."))
    assert "execute_reply" not in page.replies
    page.click("Stop")
    stop_s = page.wait_for(lambda: page.has("■ Stopping"))
    assert "execute_reply" not in page.replies
    page.wait_for(lambda: page.replies.count("execute_reply") == 2)
    page.wait_for(lambda: page.has("The search ended: stopped by the user"))
    print(f"reload {took_s:.2f} s, pause {pause_s:.2f} s, stop {stop_s:.2f} s")


def test_the_result_is_read_without_widgets(page: Page) -> None:
    """What is left of the panel is an output of text, HTML and picture; clicks need nobody."""
    page.run(SEARCH.replace("SECONDS", "0.1"))
    page.wait_for(lambda: "execute_reply" in page.replies)

    def results() -> list[dict[str, Any]]:
        return [data for data in page.shown if "<table" in data.get("text/html", "")]

    page.wait_for(lambda: bool(results()))
    page.wait_for(lambda: any("image/png" in data for data in page.shown))
    result = results()[0]
    assert "5 of 5 trials done" in result["text/plain"]
    assert not any("widget-view" in kind for kind in result)


def test_nobody_who_could_click_gets_text(page: Page) -> None:
    """A page that answers no questions has no widgets: a line for each trial, then the result."""
    page.run(SEARCH.replace("SECONDS", "0.1"), is_watched=False)
    page.wait_for(lambda: "execute_reply" in page.replies)
    page.wait_for(lambda: page.has("5 of 5 trials done"))
    assert page.widgets == {}
