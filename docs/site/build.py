"""Build the site into `build/site`, offline, from what is in the repository.

    make docs
    make links

The pages of `docs/`, the notebooks as they are stored, and the pages that lie elsewhere (changes,
benchmarks, architecture) are laid out in `build/pages`, where links between them are rewritten.
The reference is written from the code. Then Sphinx runs, and every internal link is checked.
`make links` builds nothing: it asks every address that the repository names, and needs a network.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import nbformat
import reference
from sphinx.cmd.build import build_main

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "build" / "pages"
SITE = ROOT / "build" / "site"
# Pages that lie outside docs/, by their place on the site.
ELSEWHERE = {
    "CHANGELOG.md": "changes.md",
    "CONTRIBUTING.md": "contribute.md",
    "hpo_magic/README.md": "architecture.md",
    "benchmarks/README.md": "benchmarks.md",
    "README.md": "index.md",  # links to it lead to the first page
}
LINK = re.compile(
    r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?://|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)"
)

# Of servers of the reader's own, and of names that XML gives to its parts.
NO_PAGE = ("http://127.0.0.1", "http://localhost", "http://www.w3.org/2000/svg")
ADDRESS = re.compile(r"https?://[^\s<>()\[\]{}\"'`\\,]*[\w/]")


def places() -> dict[Path, Path]:
    """Return where each page of the repository stands on the site."""
    found = {ROOT / source: PAGES / place for source, place in ELSEWHERE.items()}
    docs = ROOT / "docs"
    for path in docs.rglob("*.md"):
        found[path] = PAGES / path.relative_to(docs)
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        found[path] = PAGES / "gallery" / path.name
    return found


def relinked(text: str, source: Path, target: Path, known: dict[Path, Path]) -> str:
    """Return a page's text with its links leading to pages of the site.

    A picture is copied beside the pages. A link to a file that is no page becomes its text.
    """

    def new(found: re.Match[str]) -> str:
        mark, words, path, anchor = found.groups()
        wanted = (source.parent / path).resolve()
        if wanted in known:
            to = os.path.relpath(known[wanted], target.parent)
            return f"{mark}[{words}]({to}{anchor or ''})"
        if wanted.suffix in (".png", ".svg", ".gif") and wanted.exists():
            copy = PAGES / "images" / wanted.name
            copy.parent.mkdir(exist_ok=True)
            shutil.copy(wanted, copy)
            return f"{mark}[{words}]({os.path.relpath(copy, target.parent)})"
        if (target.parent / path).resolve().is_relative_to(PAGES) and path.endswith(".md"):
            name = (target.parent / path).resolve().relative_to(PAGES)
            if name.parts[0] == "reference":  # written from the code
                return found[0]
        return words

    return LINK.sub(new, text)


def without_missing(text: str, target: Path, known: dict[Path, Path]) -> str:
    """Return a page's text whose tables of contents name only pages that there are."""
    there = {path.with_suffix("") for path in known.values()}
    there |= {PAGES / "reference" / name for name in reference.pages()}

    def kept(found: re.Match[str]) -> str:
        lines = found[0].splitlines()
        of_pages = [n for n in lines if re.fullmatch(r"(?:.*<)?[\w./]+>?", n) and n.strip("`")]
        for row in of_pages:
            name = re.sub(r".*<|>", "", row)
            if (target.parent / name).resolve() not in there:
                lines.remove(row)
        return "\n".join(lines)

    return re.sub(r"^```\{toctree\}.*?^```$", kept, text, flags=re.MULTILINE | re.DOTALL)


def lay_out() -> None:
    """Write all pages into `build/pages`."""
    shutil.rmtree(PAGES, ignore_errors=True)
    shutil.copytree(ROOT / "docs" / "site" / "_static", PAGES / "_static")
    shutil.copy(ROOT / "docs" / "site" / "conf.py", PAGES)
    known = places()
    for source, target in known.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.suffix == ".ipynb":
            nbformat.write(laid_out(nbformat.read(source, as_version=4), source, target), target)
        elif source != ROOT / "README.md":
            text = relinked(source.read_text(encoding="utf-8"), source, target, known)
            target.write_text(without_missing(text, target, known), encoding="utf-8")
    for name, text in reference.pages().items():
        (PAGES / "reference" / f"{name}.md").write_text(text, encoding="utf-8")


def laid_out(notebook: nbformat.NotebookNode, source: Path, target: Path) -> nbformat.NotebookNode:
    """Return a notebook with its links rewritten, and texts for its pictures."""
    known = places()
    notebook.metadata.language_info.pygments_lexer = "python"  # ipython3 stops at %%hpo
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = relinked(cell.source, source, target, known)
        for output in cell.get("outputs", []):
            alt = output.get("metadata", {}).get("image/png", {}).get("alt")
            if alt:
                cell.metadata["mystnb"] = {"image": {"alt": " ".join(alt.split())}}
    return notebook


class Page(HTMLParser):
    """The links and anchors of a page, and what it loads."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loads: list[str] = []
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note what the tag leads to, loads, or names."""
        found = {name: value or "" for name, value in attrs}
        self.anchors |= {found[key] for key in ("id", "name") if key in found}
        if tag == "a" and "href" in found:
            self.links.append(found["href"])
        if tag in ("script", "img", "link", "iframe"):
            self.loads.append(found.get("src", found.get("href", "")))


def broken_links() -> list[str]:
    """Return the internal links that lead nowhere, and what would be loaded from elsewhere."""
    pages = {path: Page(path) for path in SITE.rglob("*.html") if "_static" not in path.parts}
    found = []
    for path, page in pages.items():
        name = path.relative_to(SITE)
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme in ("http", "https") or parts.netloc:
                if link in page.loads and "data:" not in link:
                    found.append(f"{name} loads {link}")
                continue
            if parts.scheme:
                continue
            to = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not to.exists():
                found.append(f"{name}: {link} is not there")
            elif (
                parts.fragment and to in pages and unquote(parts.fragment) not in pages[to].anchors
            ):
                found.append(f"{name}: {link} names no part of the page")
    return found


def without_empty_headers() -> None:
    """Make the empty header cells of tables plain cells: a screen reader would announce them."""
    for path in SITE.rglob("*.html"):
        text = path.read_text(encoding="utf-8")
        plain = re.sub(r"<th(\s[^>]*)?>\s*(?:<p>\s*</p>)?\s*</th>", r"<td\1></td>", text)
        path.write_text(plain, encoding="utf-8")


def addresses() -> dict[str, str]:
    """Return the addresses that the repository names, each with the first file that does."""
    kinds = ("*.md", "*.py", "*.ipynb", "*.cff", "*.toml", "*.js")
    command = ["git", "ls-files", "--", *kinds]
    tracked = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603
    found: dict[str, str] = {}
    for name in tracked.stdout.splitlines():
        if name.startswith("tests/"):
            continue
        for address in ADDRESS.findall((ROOT / name).read_text(encoding="utf-8")):
            if not address.startswith(NO_PAGE):
                found.setdefault(address, name)
    return found


def check_addresses() -> int:
    """Ask every address, also those of pages written from the code; return Sphinx's exit code."""
    lay_out()
    rows = [f"- [{name}]({address})" for address, name in sorted(addresses().items())]
    (PAGES / "addresses.md").write_text("\n".join(["# Addresses", "", *rows]), encoding="utf-8")
    options = ["-q", "-b", "linkcheck", "-d", str(ROOT / "build" / "doctrees-links")]
    return int(build_main([*options, str(PAGES), str(ROOT / "build" / "links")]))


def main() -> None:
    """Lay the pages out, run Sphinx, check the links."""
    if "--links" in sys.argv:
        sys.exit(check_addresses())
    lay_out()
    shutil.rmtree(SITE, ignore_errors=True)
    options = ["-q", "-W", "--keep-going", "-b", "html", "-d", str(ROOT / "build" / "doctrees")]
    failed = build_main([*options, str(PAGES), str(SITE)])
    without_empty_headers()
    found = broken_links() if not failed else []
    print("\n".join(found))
    if failed or found:
        sys.exit("The site has faults.")
    print(f"The site: {SITE.relative_to(ROOT)}/index.html")


if __name__ == "__main__":
    main()
