"""How clicks get through, in kernels of each kind, played by simple objects."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from hpo_magic.notebook.panel.clicks import Clicks
from hpo_magic.notebook.panel.pump import Pump
from hpo_magic.testing.fakes import FakeClock


class Manager:
    """The subshells of ipykernel 7."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def _create_subshell(self) -> str:
        self.made.append(f"subshell {len(self.made)}")
        return self.made[-1]

    def list_subshell(self) -> list[str]:
        return self.made


def kernel_7() -> tuple[Any, Manager]:
    """Return a kernel with subshells."""
    manager = Manager()

    def add_callback(make: Callable[[], None]) -> None:
        make()

    thread = SimpleNamespace(manager=manager, io_loop=SimpleNamespace(add_callback=add_callback))
    return SimpleNamespace(_supports_kernel_subshells=True, shell_channel_thread=thread), manager


class Comm:
    """The comm of a widget."""

    def __init__(self, comm_id: str = "mine") -> None:
        self.comm_id = comm_id
        self.got: list[Any] = []
        self._msg_callback = self.got.append

    def handle_msg(self, message: Any) -> None:
        raise AssertionError("this one fires IPython's events, which close the user's figures")


class RoutedComm(Comm):
    """A comm of ipykernel 7.4, which chooses the subshell itself."""

    def _reply_subshell_for(self, data: Any, default: str | None) -> str | None:
        return None


def widget(comm: Any) -> Any:
    """Return something with a comm."""
    return SimpleNamespace(comm=comm)


def test_from_7_4_on_messages_go_to_a_subshell_of_ours() -> None:
    """Whatever the frontend asks for; and one subshell serves all searches of a kernel."""
    kernel, manager = kernel_7()
    first, second = RoutedComm(), RoutedComm()
    clicks = Clicks(kernel)
    clicks.connect([widget(first)])
    Clicks(kernel).connect([widget(second)])
    assert first._reply_subshell_for({}, "theirs") == "subshell 0"
    assert second._reply_subshell_for({}, None) == "subshell 0"
    assert manager.made == ["subshell 0"]
    assert clicks.is_live


def test_a_subshell_that_is_gone_is_made_again() -> None:
    """A restart of the shell channel leaves an id that leads nowhere."""
    kernel, manager = kernel_7()
    Clicks(kernel).connect([widget(RoutedComm())])
    manager.made = ["another"]
    comm = RoutedComm()
    Clicks(kernel).connect([widget(comm)])
    assert comm._reply_subshell_for({}, None) == "subshell 1"


def test_before_7_4_it_depends_on_the_frontend() -> None:
    """Live while a subshell of the frontend is there, or may still come."""
    kernel, manager = kernel_7()
    clock = FakeClock()
    clicks = Clicks(kernel, clock)
    clicks.connect([widget(Comm())])
    assert manager.made == []
    assert clicks.is_live
    clock.advance(2)
    assert not clicks.is_live
    manager.made.append("theirs")
    assert clicks.is_live


def test_without_a_kernel_nothing_is_live() -> None:
    """In a terminal, or a kernel that is unlike any known one."""
    clicks = Clicks(None)
    clicks.connect([widget(None), widget(Comm())])
    clicks.take()
    assert not clicks.is_live
    assert not Clicks(SimpleNamespace()).is_live


def test_messages_are_handled_without_ipython_s_events() -> None:
    """The callback is called directly, in every mode."""
    comm = Comm()
    Clicks(None).connect([widget(comm)])
    comm.handle_msg({"click": 1})
    assert comm.got == [{"click": 1}]


class Frame:
    """A part of a message on the wire."""

    def __init__(self, content: Any) -> None:
        self.bytes = json.dumps(content).encode()


class Queue(deque[Any]):
    """The message queue of ipykernel 6."""

    qsize = deque.__len__
    get_nowait = deque.popleft
    put_nowait = deque.append


def message(kind: str, comm_id: str) -> Any:
    """Return what waits in the queue: an index, a function and the frames."""
    frames = [Frame("signature"), Frame({"msg_type": kind}), Frame({}), Frame({})]
    return (0, None, ([*frames, Frame({"comm_id": comm_id})],))


def kernel_6(queue: Queue, handled: list[str], said: list[str]) -> Any:
    """Return a kernel without subshells, in the middle of a cell."""

    def handle(stream: Any, identities: Any, parsed: Any) -> None:
        handled.append(parsed["comm_id"])

    session = SimpleNamespace(
        feed_identities=lambda raw, copy: ([], raw),
        unpack=json.loads,
        deserialize=lambda frames, content, copy: json.loads(frames[4].bytes),
    )
    return SimpleNamespace(
        shell_stream=SimpleNamespace(flush=lambda: None),
        msg_queue=queue,
        shell_handlers={"comm_msg": handle},
        session=session,
        _publish_status=lambda status, channel, parent: said.append(status),
    )


def test_pump_handles_our_messages_and_leaves_the_others() -> None:
    """A cell that waits, and another widget's click, stay in their order."""
    handled: list[str] = []
    said: list[str] = []
    waiting = [
        message("execute_request", ""),
        message("comm_msg", "mine"),
        message("comm_msg", "another"),
        (1, None, ()),
    ]
    queue = Queue(waiting)
    clicks = Clicks(kernel_6(queue, handled, said))
    clicks.connect([widget(Comm("mine"))])
    assert clicks.is_live
    clicks.take()
    assert handled == ["mine"]
    assert said == ["busy", "idle"]
    assert list(queue) == [waiting[0], waiting[2], waiting[3]]


def test_pump_looks_ten_times_a_second_at_most() -> None:
    """It is called at every batch."""
    handled: list[str] = []
    queue, clock = Queue(), FakeClock()
    pump = Pump(kernel_6(queue, handled, []), clock)
    pump.comm_ids.add("mine")
    pump.take()
    queue.append(message("comm_msg", "mine"))
    clock.advance(0.05)
    pump.take()
    assert handled == []
    clock.advance(0.06)
    pump.take()
    assert handled == ["mine"]
