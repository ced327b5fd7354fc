"""Install hpo_magic on the packages that a hosted notebook has, and run a notebook's tests there.

    python tests/stacks/run.py colab [--light]

The packages are those of `colab.txt` or `kaggle.txt`, with the image's version of Python where this
machine has it. It ends with an error if the installation replaces one of them. `--light` leaves
TensorFlow and Keras out, which are most of the download.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PYTHONS = {"colab": "python3.13", "kaggle": "python3.12"}
HEAVY = {"tensorflow", "keras", "tensorboard", "tensorboard-data-server", "grpcio", "libclang"}
# What installing brings on Colab's image, and Kaggle's has: `test_pins.py` holds this.
BROUGHT = ("scikit-optimize==0.10.2", "pyaml")
FOR_TESTS = ("pytest", "pytest-timeout", "hypothesis")
TESTS = (
    *("test_page.py", "test_magic.py", "test_going_on.py", "test_cell.py", "test_completion.py"),
    *("test_lines.py", "panel/test_pump.py", "panel/test_clicks.py", "panel/test_panel.py"),
    *("panel/test_buttons.py", "panel/test_pages.py", "panel/test_stored.py"),
)
NOTEBOOKS = ("03_scikit_learn.ipynb",)
WITH_KERAS = ("01_quickstart.ipynb",)


def main() -> None:
    """Make the environment, install, test."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("stack", choices=PYTHONS)
    parser.add_argument("--light", action="store_true", help="without TensorFlow and Keras")
    asked = parser.parse_args()
    python = made(asked.stack, asked.light)
    before = frozen(python)
    wanted = ("--no-deps", ROOT, *BROUGHT) if asked.light else (ROOT,)
    run(python, "-m", "pip", "install", "--quiet", *wanted)
    before = kept(asked.stack, before, frozen(python))
    run(python, "-m", "pip", "install", "--quiet", f"distributed=={dask_of(asked.stack)}")
    kept(f"{asked.stack} with workers", before, frozen(python))
    test(python, asked.light)


def kept(what: str, before: set[str], after: set[str]) -> set[str]:
    """Return what is installed now; end with an error if something was replaced."""
    print(f"{what}: replaced {sorted(before - after)}, added {sorted(after - before)}", flush=True)
    if before - after:
        raise SystemExit(1)
    return after


def dask_of(stack: str) -> str:
    """Return the stack's version of Dask: `distributed` of another one would replace it."""
    pins = (HERE / f"{stack}.txt").read_text()
    (found,) = [line for line in pins.splitlines() if line.startswith("dask==")]
    return found.partition("==")[2]


def test(python: Path, is_light: bool) -> None:
    """Run the tests, the page on workers, and the notebooks."""
    # Libraries of the stack use what is deprecated, and leave a context of ZeroMQ open in tests.
    ignored = ("-W", "ignore::DeprecationWarning", "-W", "ignore::ResourceWarning")
    pytest = ("-m", "pytest", "-q", *ignored)
    tests = ROOT / "tests"
    run(python, *pytest, *(tests / "notebook" / name for name in TESTS))
    if not is_light:
        run(python, *pytest, tests / "test_site.py", "-k", "workers")
    for name in NOTEBOOKS if is_light else (*NOTEBOOKS, *WITH_KERAS):
        run(python, ROOT / "notebooks" / "execute.py", ROOT / "notebooks" / name)


def made(stack: str, is_light: bool) -> Path:
    """Return the Python of a new environment with the stack's packages."""
    folder = ROOT / ".venv-stacks" / (f"{stack}-light" if is_light else stack)
    shutil.rmtree(folder, ignore_errors=True)
    run(image_python(PYTHONS[stack]), "-m", "venv", folder)
    python = folder / "bin" / "python"
    pins = HERE / f"{stack}.txt"
    lines = [line for line in pins.read_text().splitlines() if "==" in line]
    wanted = [line for line in lines if not (is_light and line.split("==")[0] in HEAVY)]
    pip = ("-m", "pip", "install", "--quiet", "--prefer-binary")
    run(python, *pip, "--no-deps", *wanted)
    run(python, *pip, "--constraint", pins, *FOR_TESTS)
    return python


def image_python(name: str) -> str:
    """Return the image's Python if it is here and runs, else the one that runs this."""
    found = shutil.which(name)
    if found is not None and subprocess.run([found, "-V"], check=False).returncode == 0:
        return found
    return sys.executable


def frozen(python: Path) -> set[str]:
    """Return what is installed, hpo_magic itself left out."""
    done = subprocess.run(
        [python, "-m", "pip", "freeze"], check=True, stdout=subprocess.PIPE, text=True
    )
    return {line for line in done.stdout.splitlines() if not line.startswith("hpo_magic")}


def run(*command: object) -> None:
    """Run a command from the root of the repository; its failure ends this program."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(words[:6])} ... failed")


if __name__ == "__main__":
    main()
