"""In ipykernel 6 a thread answers a page while a cell runs, on real sockets."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
import zmq
from jupyter_client.session import Session

from hpo_magic.notebook.panel.answered import HEADER, Answered
from hpo_magic.notebook.panel.pump import Pump

WAITING_S = 10


class Queue(deque[Any]):
    """The message queue of ipykernel 6."""

    qsize = deque.__len__
    get_nowait = deque.popleft
    put_nowait = deque.append


class Stream:
    """What wraps the kernel's socket."""

    def __init__(self, socket: zmq.Socket[bytes]) -> None:
        self.socket = socket
        self.n_flushed = 0

    def flush(self) -> None:
        self.n_flushed += 1


class Kernel:
    """As much of ipykernel 6 as the messages pass, in the middle of a cell."""

    def __init__(self, context: zmq.Context[Any]) -> None:
        self.session = Session(key=b"secret")
        self.page_session = Session(key=b"secret")
        socket, self.page = context.socket(zmq.ROUTER), context.socket(zmq.DEALER)
        self.page.connect(f"tcp://127.0.0.1:{socket.bind_to_random_port('tcp://127.0.0.1')}")
        self.shell_stream = Stream(socket)
        self.msg_queue = Queue()
        self.said: list[str] = []
        self.clicked: list[Any] = []
        comm = SimpleNamespace(_msg_callback=self.clicked.append)
        self.comm_manager = SimpleNamespace(comms={"mine": comm, "theirs": comm})
        self.shell_handlers = {"kernel_info_request": self.kernel_info_request}

    def dispatch_shell(self, frames: Any) -> None: ...

    def schedule_dispatch(self, dispatch: Any, frames: Any) -> None:
        self.msg_queue.put_nowait((0, dispatch, (frames,)))

    def _publish_status(self, status: str, channel: str, parent: Any) -> None:
        self.said.append(status)

    async def kernel_info_request(self, stream: Any, identities: Any, message: Any) -> None:
        self.session.send(stream, "kernel_info_reply", {}, message, identities)

    def send(self, kind: str, content: dict[str, Any]) -> None:
        """Send a message from the page."""
        self.page_session.send(self.page, kind, content)

    def frames(self, kind: str, content: dict[str, Any]) -> list[zmq.Frame]:
        """Return a message from the page, as the kernel has it in its queue."""
        message = self.page_session.msg(kind, content)
        return [zmq.Frame(part) for part in self.page_session.serialize(message, b"page")]

    def reply(self) -> str:
        """Wait for a reply to the page; return its kind."""
        assert self.page.poll(1000 * WAITING_S)
        return str(self.page_session.recv(self.page)[1]["msg_type"])

    @property
    def queued(self) -> list[str]:
        """The kinds of the messages that wait for the end of the cell, in order."""
        frames = [item[-1][0] for item in self.msg_queue]
        parts = [self.session.feed_identities(each, copy=False)[1] for each in frames]
        return [self.session.unpack(part[HEADER].bytes)["msg_type"] for part in parts]


@pytest.fixture
def kernel() -> Iterator[Kernel]:
    """Return a kernel with a socket of its own."""
    with zmq.Context() as context:
        made = Kernel(context)
        yield made
        for socket in (made.page, made.shell_stream.socket):
            socket.close(0)


def pump(kernel: Kernel) -> Pump:
    """Return a pump for a panel whose widget has the comm "mine"."""
    answered = Answered()
    answered.comm_ids.add("mine")
    found = Pump.of(kernel, answered)
    assert found is not None
    return found


def test_a_page_is_answered_while_the_kernel_s_thread_is_busy(kernel: Kernel) -> None:
    """Who the kernel is, and clicks; cells and the user's widgets wait, in their order."""
    running = pump(kernel)
    running.begin()
    kernel.send("execute_request", {"code": "1"})
    kernel.send("comm_msg", {"comm_id": "mine", "data": {"method": "custom"}})
    kernel.send("comm_msg", {"comm_id": "theirs", "data": {"method": "custom"}})
    kernel.send("comm_msg", {"comm_id": "theirs", "data": {"method": "request_state"}})
    kernel.send("complete_request", {})
    kernel.send("kernel_info_request", {})
    assert kernel.reply() == "kernel_info_reply"
    running.end()
    assert kernel.queued == ["execute_request", "comm_msg", "complete_request"]
    clicked = [message["content"]["data"]["method"] for message in kernel.clicked]
    assert clicked == ["custom", "request_state"]
    assert kernel.said == ["busy", "idle"] * 3


def test_what_the_kernel_has_read_already_is_answered_first(kernel: Kernel) -> None:
    """It waits in the kernel's queue behind the cell; the rest of the queue stays as it is."""
    waiting = [
        (0, None, (kernel.frames("execute_request", {}),)),
        (1, None, (kernel.frames("comm_msg", {"comm_id": "mine", "data": {}}),)),
        (2, None, ()),
    ]
    kernel.msg_queue.extend(waiting)
    running = pump(kernel)
    running.begin()
    running.end()
    assert list(kernel.msg_queue) == [waiting[0], waiting[2]]
    assert len(kernel.clicked) == 1


def test_a_message_that_cannot_be_read_is_given_back(kernel: Kernel) -> None:
    """The kernel says what is wrong with it; the next one is answered."""
    running = pump(kernel)
    running.begin()
    kernel.page.send_multipart([b"<IDS|MSG>", b"no signature"])
    kernel.send("kernel_info_request", {})
    assert kernel.reply() == "kernel_info_reply"
    running.end()
    assert len(kernel.msg_queue) == 1


def test_an_answer_that_fails_ends_nothing(kernel: Kernel) -> None:
    """The page is told that the kernel is idle again."""

    def broken(message: Any) -> None:
        raise ValueError

    kernel.comm_manager.comms["mine"]._msg_callback = broken
    running = pump(kernel)
    running.begin()
    kernel.send("comm_msg", {"comm_id": "mine", "data": {}})
    kernel.send("kernel_info_request", {})
    assert kernel.reply() == "kernel_info_reply"
    running.end()
    assert kernel.said == ["busy", "idle"] * 2


def test_code_that_polls_in_a_cell_reads_nothing_meanwhile(kernel: Kernel) -> None:
    """Two threads on one socket would crash the kernel; afterwards the stream is as it was."""
    running = pump(kernel)
    running.begin()
    kernel.shell_stream.flush()
    assert kernel.shell_stream.n_flushed == 0
    running.end()
    running.end()
    assert kernel.shell_stream.n_flushed == 1
    kernel.shell_stream.flush()
    assert kernel.shell_stream.n_flushed == 2


def test_a_kernel_of_another_kind_has_no_pump() -> None:
    """One of ipykernel 7, and what is unlike any known kernel."""
    assert Pump.of(SimpleNamespace(shell_channel_thread=object()), Answered()) is None
    assert Pump.of(None, Answered()) is None
