"""The honest number as a bar."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

from hpo_magic import hp, search
from hpo_magic.core.snapshot import Snapshot
from hpo_magic.views.interval_bar import MARGIN, WIDTH, interval_bar
from hpo_magic.views.live import numbers_html


def test_everything_is_inside_and_in_order() -> None:
    """The interval is as long as it is wide, and each value stands where it belongs."""
    text = interval_bar(0.8, (0.7, 0.9), {"start": 0.5, "best seen": 0.95})
    root = ElementTree.fromstring(text)
    lines = [tag.attrib for tag in root.iter() if tag.tag.endswith("line")]
    (low, high), start, best = (
        (float(lines[0]["x1"]), float(lines[0]["x2"])),
        float(lines[1]["x1"]),
        float(lines[2]["x1"]),
    )
    assert MARGIN == start < low < high < best == WIDTH - MARGIN
    assert abs((high - low) / (best - start) - 0.2 / 0.45) < 1e-3
    assert root.attrib["role"] == "img"
    assert "best seen 0.9500" in root.attrib["aria-label"]


def test_no_name_is_written_over_another() -> None:
    """Values that are close have their names in rows of their own, inside the picture."""
    text = interval_bar(0.9, (0.85, 0.95), {"start": 0.2, "best seen": 0.95, "test": 0.951})
    root = ElementTree.fromstring(text)
    at = {tag.text: float(tag.attrib["y"]) for tag in root.iter() if tag.tag.endswith("text")}
    assert at["best seen"] != at["test"]
    assert at["start"] == min(at["best seen"], at["test"])
    assert max(at.values()) < float(root.attrib["height"])


def test_equal_values_and_strange_names_draw_as_well() -> None:
    """A name is escaped, and one place is enough."""
    text = interval_bar(1.0, (1.0, 1.0), {"<start>": 1.0})
    ElementTree.fromstring(text)
    assert "&lt;start&gt;" in text


def accuracy() -> float:
    """Return a score on rows that the seed chooses."""
    model = hp.Float(0, 1, name="x")
    numbers = [(i * 7 + hp.seed()) % 11 for i in range(40)]
    return float(hp.score("accuracy", numbers, [n if n < 10 * model else -1 for n in numbers]))


def test_a_running_search_shows_the_bar_once_a_setting_was_run_again() -> None:
    """Before that there is no interval, and no bar."""
    study = search(accuracy, trials=12, maximize="value", ui="none", sampler="random")
    running = replace(study.snapshot, ended=None, is_live=True)
    assert "<svg" in numbers_html(running)
    assert "<svg" not in numbers_html(without_reruns(running))


def without_reruns(snapshot: Snapshot) -> Snapshot:
    """Return the search before its re-check."""
    return replace(snapshot, trials=snapshot.history.trials)


def test_a_result_with_an_interval_has_a_bar() -> None:
    """One without has none."""
    study = search(accuracy, trials=8, maximize="value", ui="none", sampler="random")
    html = study._repr_html_()
    assert study.honest is not None
    assert bool(study.honest.half_width) == bool(re.search("<svg", html))
    bare = search(lambda: hp.Float(0, 1, name="x"), trials=3, minimize="value", ui="none")
    assert "<svg" not in bare._repr_html_()
