"""How clicks get through, in kernels of each kind, played by simple objects."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from hpo_magic.notebook.panel.clicks import Clicks


class Manager:
    """The subshells of ipykernel 7."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def get_shell_channel_to_subshell_socket(self, subshell: str) -> None:
        """Return where messages for a subshell are sent."""

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


def test_before_7_4_messages_are_moved_to_our_subshell() -> None:
    """Live from `open` on, whatever the frontend knows of subshells."""
    kernel, manager = kernel_7()
    received: list[Any] = []
    kernel.session = SimpleNamespace()
    kernel.shell_channel_thread_main = "theirs"
    kernel.shell_stream = SimpleNamespace(on_recv=lambda receive, copy: received.append(receive))
    clicks = Clicks(kernel)
    clicks.connect([widget(Comm())])
    assert not clicks.is_live
    clicks.open()
    assert manager.made == ["subshell 0"]
    assert clicks.is_live
    clicks.close()
    assert len(received) == 2
    assert received[1] == "theirs"


def test_without_a_kernel_nothing_is_live() -> None:
    """In a terminal, or a kernel that is unlike any known one."""
    clicks = Clicks(None)
    clicks.connect([widget(None), widget(Comm())])
    clicks.open()
    clicks.close()
    assert not clicks.is_live
    assert not Clicks(SimpleNamespace()).is_live


def test_messages_are_handled_without_ipython_s_events() -> None:
    """The callback is called directly, in every mode."""
    comm = Comm()
    Clicks(None).connect([widget(comm)])
    comm.handle_msg({"click": 1})
    assert comm.got == [{"click": 1}]
