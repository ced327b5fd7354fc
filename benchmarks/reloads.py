"""How long a page that is opened again in mid-search waits for the live panel, for each kernel.

    python -m benchmarks.reloads 6.17=PYTHON 6.31=PYTHON 7.0=PYTHON 7.4=PYTHON

JupyterLab of the Python that runs this, in Chromium; each kernel is that of another Python, which
needs what hpo_magic needs. By turns the page is reloaded, closed and opened again, and opened in a
second tab while the first stays. The notebook is saved before the first time, as JupyterLab does
every two minutes. Each batch of the training sleeps for three seconds, so that nothing of ours runs
in the kernel's main thread in between.

A time is from the moment when the page shows the notebook's cells to the moment when it shows the
panel's numbers, in seconds. In the end the search is stopped by a click, and nothing may be lost.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "browser"))
from lab import Notebook, notebook_file, opened, served

__all__ = ["main"]

CELLS = (
    "%load_ext hpo_magic",
    """%%hpo toy --minimize loss --trials 1000 --sampler random --fresh --pruner none --recheck 0
import time
lr = hp.Float(1e-4, 1e-1, sampling="log", default=1e-3)
for epoch in range(1, 4):
    time.sleep(3)
    hp.report(epoch, loss=lr / epoch)
""",
    "print('whole', [trial.number for trial in toy.trials] == list(range(len(toy.trials))))",
)
TEXT = "Array.from(document.querySelectorAll('.hpo-panel')).map(panel => panel.innerText).join()"
MOST_S = 2.0  # the bar
WAITING_S = 60


def main() -> None:
    """Measure each kernel, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("kernels", nargs="+", help="NAME=PYTHON")
    parser.add_argument("--each", type=int, default=25, help="how often for each kernel")
    asked = parser.parse_args()
    kernels = dict(each.split("=", 1) for each in asked.kernels)
    print("| ipykernel | times | median, s | 90%, s | most, s | over 2 s | nothing lost |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as made, opened() as browser:
        folder = Path(made) / "notebooks"
        folder.mkdir()
        _write_kernels(folder.parent / "notebooks-jupyter" / "data" / "kernels", kernels)
        with served(folder) as address:
            for name in kernels:
                notebook_file(folder / f"{name}.ipynb", *CELLS, kernel=name)
                notebook = Notebook(browser, address, f"{name}.ipynb")
                times, is_whole = _measured(browser, address, notebook, asked.each)
                print(_row(name, np.array(times), is_whole), flush=True)


def _write_kernels(folder: Path, kernels: dict[str, str]) -> None:
    for name, python in kernels.items():
        argv = [python, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        (folder / name).mkdir(parents=True)
        spec = {"argv": argv, "display_name": name, "language": "python"}
        (folder / name / "kernel.json").write_text(json.dumps(spec))


def _measured(
    browser: Any, address: str, notebook: Notebook, n_times: int
) -> tuple[list[float], bool]:
    """Return how long each opening took, and whether the search ended as it should."""
    file = notebook.page.url.rsplit("/", 1)[-1]
    notebook.run_all()
    notebook.wait_for_text("epoch 1")
    notebook.save()
    times, others = [], []
    for turn in range(n_times):
        if turn % 3 == 0:
            notebook.has_kernel = False
            notebook.open()
        else:
            if turn % 3 == 1:
                notebook.close()
            else:
                others.append(notebook)
            notebook = Notebook(browser, address, file, has_kernel=False)
        times.append(_wait_for_panel(notebook))
        print(f"{file} {len(times)}: {times[-1]:.2f} s", file=sys.stderr, flush=True)
        notebook.page.wait_for_timeout(500 * (turn % 4))
        for other in others[:-1]:
            other.close()
        others = others[-1:]
    notebook.click("Stop")
    notebook.wait_for_text("The search ended: stopped")
    notebook.page.wait_for_timeout(1000)
    is_whole = "Loading widget" not in notebook.output(1) and _ran_below(notebook)
    for each in (notebook, *others):
        each.close()
    return times, is_whole


def _wait_for_panel(notebook: Notebook) -> float:
    began = time.monotonic()
    try:
        notebook.page.wait_for_function(f"() => {TEXT}.includes('trials done')", polling=20)
    except Exception as error:  # noqa: BLE001  (it counts as one over the bar)
        print(f"not within {WAITING_S} s: {error!r}"[:200], notebook.output(1)[:200], flush=True)
        return float(WAITING_S)
    return time.monotonic() - began


def _ran_below(notebook: Notebook) -> bool:
    """Run the last cell again, since a page that was reloaded has not asked for it."""
    notebook.run(2)
    notebook.wait_for_text("whole")
    return "whole True" in notebook.output(2)


def _row(name: str, times: Any, is_whole: bool) -> str:
    high = np.quantile(times, 0.9)
    over = int((times > MOST_S).sum())
    return (
        f"| {name} | {len(times)} | {np.median(times):.2f} | {high:.2f} | {times.max():.2f} "
        f"| {over} | {'yes' if is_whole else 'no'} |"
    )


if __name__ == "__main__":
    main()
