"""What a reloaded page asks is answered by a subshell; all else goes its way."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from hpo_magic.notebook.panel.answered import WIDGETS, Answered
from hpo_magic.notebook.panel.reloads import Reloads


class Kernel:
    """As much of ipykernel 7.4 as the messages pass: who got them is in `main` and `moved`."""

    def __init__(self) -> None:
        self.session = Session(key=b"secret")
        self.main: list[Any] = []
        self.moved: list[Any] = []
        self.receive: Any = self.shell_channel_thread_main
        socket = SimpleNamespace(send_multipart=self.moved.append)
        manager = SimpleNamespace(get_shell_channel_to_subshell_socket=lambda _: socket)
        self.shell_channel_thread = SimpleNamespace(
            manager=manager, io_loop=SimpleNamespace(add_callback=self._call)
        )
        self.shell_stream = SimpleNamespace(on_recv=self._on_recv)

    def _call(self, function: Callable[[], None]) -> None:
        function()

    def _on_recv(self, receive: Any, copy: bool) -> None:
        self.receive = receive

    async def shell_channel_thread_main(self, message: Any) -> None:
        self.main.append(message)

    def get(self, kind: str, content: dict[str, Any], subshell: str | None = None) -> None:
        """Take a message from a page."""
        page = Session(key=b"secret")
        message = page.msg(kind, content)
        message["header"]["subshell_id"] = subshell
        self.get_raw([zmq.Frame(part) for part in page.serialize(message, b"page")])

    def get_raw(self, frames: list[zmq.Frame]) -> None:
        asyncio.run(self.receive(frames))


@pytest.fixture
def kernel() -> Kernel:
    """Return a kernel in which reloads are answered."""
    made = Kernel()
    Reloads(made, "ours", Answered()).begin()
    return made


@pytest.mark.parametrize("kind", ["kernel_info_request", "comm_info_request"])
def test_questions_go_to_the_subshell(kernel: Kernel, kind: str) -> None:
    """Signed anew, since the subshell stands in the header, and for the same page."""
    kernel.get(kind, {})
    (frames,) = kernel.moved
    identities, rest = kernel.session.feed_identities(frames)
    message = kernel.session.deserialize(rest)
    assert identities == [b"page"]
    assert message["header"]["subshell_id"] == "ours"
    assert message["msg_type"] == kind
    assert kernel.main == []


def test_the_comm_that_asks_for_all_widgets_goes_there_too(kernel: Kernel) -> None:
    """Its opening and its messages, and no other comm's."""
    kernel.get("comm_open", {"comm_id": "a", "target_name": "jupyter.widget.control", "data": {}})
    kernel.get("comm_msg", {"comm_id": "a", "data": {"method": "request_states"}})
    assert len(kernel.moved) == 2
    kernel.get("comm_open", {"comm_id": "b", "target_name": "jupyter.widget", "data": {}})
    kernel.get("comm_msg", {"comm_id": "b", "data": {}})
    assert (len(kernel.moved), len(kernel.main)) == (2, 2)


@pytest.mark.parametrize("kind", ["execute_request", "complete_request", "history_request"])
def test_what_the_user_runs_waits_for_its_turn(kernel: Kernel, kind: str) -> None:
    """Cells stay in their order."""
    kernel.get(kind, {})
    assert (len(kernel.moved), len(kernel.main)) == (0, 1)


def test_clicks_on_our_widgets_go_there_and_on_others_do_not() -> None:
    """Before ipykernel 7.4 a frontend without subshells has no other way."""
    kernel, answered = Kernel(), Answered()
    answered.comm_ids.add("mine")
    Reloads(kernel, "ours", answered).begin()
    kernel.get("comm_msg", {"comm_id": "mine", "data": {"method": "custom"}})
    kernel.get("comm_msg", {"comm_id": "theirs", "data": {"method": "custom"}})
    assert (len(kernel.moved), len(kernel.main)) == (1, 1)


def test_the_comm_that_asks_for_all_widgets_leaves_figures_alone() -> None:
    """Its messages do not fire IPython's events; afterwards all is as before."""
    kernel, got = Kernel(), []
    comm = SimpleNamespace(_msg_callback=got.append, handle_msg=lambda message: got.append("event"))

    def opened(comm: Any, message: Any) -> None:
        comm.handle_msg("asked")

    kernel.comm_manager = SimpleNamespace(targets={WIDGETS: opened})
    reloads = Reloads(kernel, "ours", Answered())
    reloads.begin()
    kernel.comm_manager.targets[WIDGETS](comm, {})
    assert got == ["asked"]
    reloads.end()
    assert kernel.comm_manager.targets == {WIDGETS: opened}


def test_what_has_a_subshell_already_is_left_alone(kernel: Kernel) -> None:
    """The page knows better."""
    kernel.get("comm_info_request", {}, subshell="theirs")
    assert (len(kernel.moved), len(kernel.main)) == (0, 1)


def test_a_message_that_cannot_be_read_goes_its_way(kernel: Kernel) -> None:
    """The kernel says what is wrong with it."""
    broken = [zmq.Frame(b"<IDS|MSG>"), zmq.Frame(b"no signature")]
    kernel.get_raw(broken)
    assert kernel.main == [broken]


def test_after_the_end_the_kernel_receives_by_itself(kernel: Kernel) -> None:
    """Nothing of ours is left."""
    Reloads(kernel, "ours", Answered()).end()
    kernel.get("kernel_info_request", {})
    assert (len(kernel.moved), len(kernel.main)) == (0, 1)


def test_a_kernel_of_another_kind_is_left_alone() -> None:
    """Nothing happens, and nothing breaks."""
    reloads = Reloads(SimpleNamespace(shell_channel_thread=None), "ours", Answered())
    reloads.begin()
    reloads.end()
