"""Stop, pause, resume, skip and finish: the buttons, and the sentence that says what they did.

Where trainings wait, a list says which one *Skip trial* and *Finish this one* act on.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Any

import ipywidgets as widgets

from hpo_magic.core.ports import Controls
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.core.summary import running_trials, waiting_trials
from hpo_magic.core.trial import Trial
from hpo_magic.notebook.panel.versions import tooltip
from hpo_magic.views.words.progress import epoch_text

NOT_LIVE = (
    "Clicks do not reach this kernel while a cell runs. To stop: interrupt the kernel (■ in the "
    "toolbar). What was found stays."
)
# The list's first entry: its text, and in place of a number (None would be no choice at all).
IN_TRAINING = ("the trial in training", -1)


class Buttons:
    """The row of buttons. They may be clicked in another thread: they only leave a wish behind."""

    def __init__(self, controls: Controls) -> None:
        self._controls = controls
        self._is_stopping = False
        self._skipping: int | None = None
        self._current: int | None = None
        self.stop = _button("Stop", "stop", "End the search at the next batch; the results stay")
        self.pause = _button("Pause", "pause", "Hold the training at its next batch")
        self.skip = _button("Skip trial", "forward", "End this trial and go on with the next")
        self.finish = _button("Finish this one", "flag-checkered", "Train this trial to its end")
        self.which = _list_of_trials()
        self.status = widgets.HTML()
        self.stop.on_click(self._on_stop)
        self.pause.on_click(self._on_pause)
        self.skip.on_click(self._on_skip)
        self.finish.on_click(self._on_finish)
        self.clickable = [self.stop, self.pause, self.which, self.skip, self.finish]
        self.which.layout.display = self.finish.layout.display = "none"  # until a trial waits
        self.widget = widgets.HBox(
            [*self.clickable, self.status],
            layout=widgets.Layout(flex_flow="row wrap", align_items="center", max_width="100%"),
        )

    def _on_stop(self, _: Any) -> None:
        self._is_stopping = True
        self._controls.stop()
        for button in self.clickable:
            button.disabled = True
        self.say("■ Stopping: the training ends at its next batch.")

    def _on_pause(self, _: Any) -> None:
        if self._controls.is_paused:
            self._controls.resume()
            self.say("▶ Going on.")
        else:
            self._controls.pause()
            self.say("❚❚ Paused. The training waits at its next batch.")
        self._show_pause()

    def _on_skip(self, _: Any) -> None:
        if self._chosen is not None:
            self._controls.skip(self._chosen)
            self.say(f"✗ Trial {self._chosen} is given up.")
            return
        self._skipping = self._current
        self._controls.skip()
        self.skip.disabled = True
        self._show_pause()
        self.say(f"✗ Ending trial {self._current} at its next batch.")

    def _on_finish(self, _: Any) -> None:
        number = self._current if self._chosen is None else self._chosen
        if number is not None:
            self._controls.finish(number)
            self.say(f"⚑ Trial {number} is trained to its end, before all that wait.")

    @property
    def _chosen(self) -> int | None:
        """The waiting trial that is chosen in the list; None: the one in training."""
        return None if self.which.value == IN_TRAINING[1] else self.which.value

    def _show_waiting(self, waiting: Sequence[Trial]) -> None:
        """List the trials that wait; list and button stay once there was one."""
        listed = [IN_TRAINING, *((_waiting_text(t), t.number) for t in waiting)]
        if list(self.which.options) == listed:
            return
        before = self.which.value
        is_there = any(number == before for _, number in listed)
        with self.which.hold_trait_notifications():
            self.which.options = listed
            self.which.value = before if is_there else IN_TRAINING[1]
        if waiting:
            self.which.layout.display = self.finish.layout.display = ""

    def _show_pause(self) -> None:
        is_paused = self._controls.is_paused
        self.pause.description = "Resume" if is_paused else "Pause"
        self.pause.icon = "play" if is_paused else "pause"
        self.pause.tooltip = "Go on with the training" if is_paused else "Hold the training"

    def say(self, sentence: str) -> None:
        """Say what was done; read out by screen readers."""
        self.status.value = f'<span role="status">{html.escape(sentence)}</span>'

    def update(self, snapshot: Snapshot, is_live: bool) -> None:
        """Follow the search: what can be clicked, and what is over."""
        running = running_trials(snapshot)
        self._current = running[-1].number if running else None
        if not is_live:
            for button in self.clickable:
                button.disabled = True
            self.say(NOT_LIVE)
            return
        if self._skipping is not None and self._skipping != self._current:
            self.say(f"Trial {self._skipping} was ended.")
            self._skipping = None
        if not self._is_stopping:
            self._show_waiting(waiting_trials(snapshot))
            is_none = self._current is None or self._skipping == self._current
            self.skip.disabled = self._chosen is None and is_none
            self.finish.disabled = self._chosen is None and self._current is None


def _waiting_text(trial: Trial) -> str:
    after = epoch_text(trial)
    return f"trial {trial.number}, waiting" + (f" after {after}" if after else "")


def _list_of_trials() -> widgets.Dropdown:
    """Return the list of what the buttons beside it act on."""
    return widgets.Dropdown(
        options=[IN_TRAINING],
        description="Act on",
        **tooltip("What Skip trial and Finish this one act on"),
        layout=widgets.Layout(width="auto", max_width="24em"),
        style={"description_width": "initial"},
    )


def _button(label: str, icon: str, help_text: str) -> widgets.Button:
    layout = widgets.Layout(width="auto")
    return widgets.Button(description=label, icon=icon, tooltip=help_text, layout=layout)
