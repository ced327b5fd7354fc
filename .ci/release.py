"""Build a release, check it, and run the quickstart from the wheel in an empty environment.

    make release

Ends with an error at the first thing that does not hold. The two files are in `build/release/`.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import time
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

ROOT = Path(__file__).parents[1]
OUT = ROOT / "build" / "release"
MOST_BYTES = 2_000_000  # of each file
QUICKSTART = "01_quickstart.ipynb"


class NotReleasable(Exception):
    """Something of the release does not hold."""


def require(holds: object, otherwise: str) -> None:
    """Raise `NotReleasable` with the sentence unless `holds`."""
    if not holds:
        raise NotReleasable(otherwise)


def run(*command: object, where: Path = ROOT) -> str:
    """Run a command and return what it printed; its errors go to the screen."""
    words = [str(word) for word in command]
    done = subprocess.run(words, cwd=where, stdout=subprocess.PIPE, text=True, check=False)
    require(done.returncode == 0, f"{' '.join(words)} failed:\n{done.stdout}")
    return done.stdout


def tracked_files() -> set[str]:
    """Return the files of the package that are in the repository."""
    return set(run("git", "ls-files", "hpo_magic").split())


def version() -> str:
    """Return the version; `hpo_magic/__init__.py` is the only place that has it."""
    text = (ROOT / "hpo_magic" / "__init__.py").read_text(encoding="utf-8")
    found = re.findall(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    require(len(found) == 1, "hpo_magic/__init__.py must have one __version__.")
    return str(found[0])


def check_changelog(released: str) -> None:
    """Check that a version that is to be released has its section; a `.dev` version needs none."""
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    if ".dev" not in released:
        require(f"\n## {released}" in changelog, f"CHANGELOG.md has no section ## {released}.")
        require("\n## Unreleased" not in changelog, f"Rename ## Unreleased to ## {released}.")


def build() -> tuple[Path, Path]:
    """Return the wheel and the sdist, newly built; the wheel is built from the sdist."""
    shutil.rmtree(OUT, ignore_errors=True)
    run(sys.executable, "-m", "build", "--outdir", OUT)
    (wheel,), (sdist,) = OUT.glob("*.whl"), OUT.glob("*.tar.gz")
    run(sys.executable, "-m", "twine", "check", "--strict", wheel, sdist)
    return wheel, sdist


def check_size(path: Path) -> None:
    """Check that a file is not too large."""
    size = path.stat().st_size
    require(size <= MOST_BYTES, f"{path.name} has {size:,} bytes, more than {MOST_BYTES:,}.")
    print(f"{path.name}: {size / 1e6:.2f} MB of at most {MOST_BYTES / 1e6:.0f} MB")


def check_wheel(wheel: Path) -> Message:
    """Check that the wheel has the package's files and nothing else; return its metadata."""
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        (described,) = [name for name in names if name.endswith(".dist-info/METADATA")]
        metadata = Parser().parsestr(archive.read(described).decode())
    code = {name for name in names if ".dist-info/" not in name}
    wanted = tracked_files()
    require(code == wanted, f"In the wheel or the repository alone: {sorted(code ^ wanted)}")
    require(any(name.endswith("/licenses/LICENSE") for name in names), "The wheel has no LICENSE.")
    return metadata


def check_sdist(sdist: Path) -> None:
    """Check that the sdist has what builds and describes the package."""
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    needed = {"pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "PKG-INFO"}
    missing = (tracked_files() | needed) - names
    require(not missing, f"The sdist lacks {sorted(missing)}.")


def check_metadata(metadata: Message, released: str) -> None:
    """Check name, version, licence, and a description whose links lead out of the package index."""
    wanted = {"Name": "hpo_magic", "Version": released, "License-Expression": "BSD-3-Clause"}
    found = {key: metadata[key] for key in wanted}
    require(found == wanted, f"The metadata are {found}, not {wanted}.")
    require(metadata["Requires-Python"] == ">=3.11", "The metadata lack Requires-Python >=3.11.")
    description = metadata.get_payload()
    links = re.findall(r"\]\((?!https?://|#)([^)]+)\)", str(description))
    require(not links, f"The description has links that lead nowhere on an index: {links}")


def check_installed(wheel: Path) -> None:
    """Install the wheel into an empty environment and run the quickstart there."""
    place = OUT / "empty"
    start = time.monotonic()
    run(sys.executable, "-m", "venv", place)
    python = place / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", f"{wheel}[lab]")
    run(python, "-m", "pip", "check")
    installed = time.monotonic()
    for name in ("execute.py", QUICKSTART):
        shutil.copy(ROOT / "notebooks" / name, place / name)
    told = run(python, "execute.py", QUICKSTART, where=place)
    require("trials done" in told and "test 0." in told, f"The quickstart did not end:\n{told}")
    print(
        "\n".join(
            line for line in told.splitlines() if re.match(r" +(start|best|honest) |test", line)
        )
    )
    ended = time.monotonic()
    print(f"installed in {installed - start:.0f} s, quickstart in {ended - installed:.0f} s")
    shutil.rmtree(place)


def main() -> None:
    """Build and check; stop at the first thing that does not hold."""
    released = version()
    check_changelog(released)
    wheel, sdist = build()
    for path in (wheel, sdist):
        check_size(path)
    check_metadata(check_wheel(wheel), released)
    check_sdist(sdist)
    check_installed(wheel)
    print(f"hpo_magic {released} can be released: build/release/{wheel.name}, {sdist.name}")


if __name__ == "__main__":
    try:
        main()
    except NotReleasable as error:
        sys.exit(f"Not releasable: {error}")
