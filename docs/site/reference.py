"""The pages of the reference that are written from the code: options and messages."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from hpo_magic import errors
from hpo_magic.notebook import options as line
from hpo_magic.search.option import Option, Switch
from hpo_magic.search.options import OPTIONS

PACKAGE = Path(errors.__file__).parent
FEWEST_WORDS = 4  # of a sentence; shorter texts are words of code


def options_page() -> str:
    """Return the page of options, in Markdown."""
    head = "# Options of `%%hpo` and `search`\n\nThe same list is shown by `%%hpo?`. "
    head += "Options are declared once, in `hpo_magic/search/options.py`; so a keyword of "
    head += "`hpo_magic.search` has the name of the option, unless said otherwise here.\n"
    together = "\n".join(
        f"    {row.strip()}" if row.startswith("    ") else row
        for row in line._OUTRO.strip().splitlines()
    )
    parts = [option_section(option) for option in OPTIONS]
    return "\n".join([head, *parts, "## How they work together\n", literal(together), ""])


def literal(text: str) -> str:
    """Return prose in Markdown: words of the line stand as code."""
    words = [
        f"`{word}`" if word.startswith(("--", "%%", "%hpo")) and "`" not in word else word
        for word in text.split(" ")
    ]
    return " ".join(words).replace(",`", "`,").replace(".`", "`.").replace(":`", "`:")


def option_section(option: Option) -> str:
    """Return the section of one option."""
    flags = [option.short, option.flag]
    spelled = " · ".join(f"`{f} {option.placeholder}".rstrip() + "`" for f in flags if f)
    rows = [f"On the line of `%%hpo`: {spelled}"]
    keyword = "=True" if isinstance(option.kind, Switch) else "=…"
    rows.append(f"In `search(…)`: `{option.name}{keyword}`")
    if option.kind.values:
        rows.append(f"Values: {', '.join(f'`{value}`' for value in option.kind.values)}")
    rows.append(f"Default: {option.shown_default}")
    text = option.text[0].upper() + option.text[1:]
    listed = "\n".join(f"- {row}" for row in rows)
    return f"## `{option.flag}`\n\n{text}.\n\n{listed}\n"


def error_classes() -> dict[str, type[Exception]]:
    """Return the errors that are meant for the user, by name."""
    found = {name: kind for name, kind in vars(errors).items() if isinstance(kind, type)}
    return {name: kind for name, kind in found.items() if issubclass(kind, errors.HpoError)}


def template(node: ast.AST | None) -> str | None:
    """Return a text of the code with … for what is filled in; None if it is no text."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(p.value if isinstance(p, ast.Constant) else "…" for p in parts)
        case ast.BinOp(left=left, right=right):
            texts = template(left), template(right)
            return None if None in texts else "".join(map(str, texts))
    return None


def raised(tree: ast.AST) -> Iterator[tuple[str, str | None]]:
    """Yield the name and the text of each error that a module makes; None: made elsewhere."""
    names = {*error_classes(), "UsageError"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name in names:
                yield name, template(node.args[0] if node.args else None)


def docstrings(tree: ast.AST) -> set[int]:
    """Return the ids of the nodes that are docstrings, or the parts of a longer text."""
    found = set()
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr):
            found.add(id(body[0].value))
        if isinstance(node, ast.JoinedStr | ast.BinOp) and template(node):
            found |= {id(part) for part in ast.walk(node) if part is not node}
    return found


def sentences(tree: ast.AST) -> list[str]:
    """Return the sentences of a module: its texts of four words and more, no docstrings."""
    without = docstrings(tree)
    found = [template(n) for n in ast.walk(tree) if id(n) not in without]
    return [text for text in found if text and len(text.split()) >= FEWEST_WORDS]


def messages() -> dict[str, list[str]]:
    """Return the texts of all errors by the class, and of notices under "notices"."""
    found: dict[str, list[str]] = {name: [] for name in error_classes()}
    found |= {"UsageError": [], "notices": []}
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        pairs = list(raised(tree))
        for name, text in pairs:
            found[name] += [text] if text else []
        whole = path.parent.name == "words" or path.name == "errors.py"
        if whole or any(text is None for _, text in pairs):
            said = {text for _, text in pairs}
            found["notices"] += [text for text in sentences(tree) if text not in said]
    return {name: sorted({" ".join(t.split()) for t in texts}) for name, texts in found.items()}


def messages_page() -> str:
    """Return the page of messages, in Markdown."""
    head = "# Messages\n\nEvery sentence that hpo_magic may show, from its code: paste a part of "
    head += "yours into the search of this site. … stands for your names and numbers. Each says "
    head += "what happened and what to do; the class is what `except` catches.\n"
    kinds = error_classes()
    parts = [head]
    for name, texts in messages().items():
        if name == "notices":
            parts.append("## What a search and a result say\n")
        else:
            doc = inspect.getdoc(kinds[name]) if name in kinds else "A mistake on a magic's line."
            parts.append(f"## {name}\n\n{str(doc).splitlines()[0]}\n")
        parts += [f"- {quoted(text)}" for text in texts]
        parts.append("")
    return "\n".join(parts)


def quoted(text: str) -> str:
    """Return a text as Markdown's code, whatever quotes are in it."""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def module_page(title: str, intro: str, directives: list[str]) -> str:
    """Return a page that Sphinx fills from docstrings."""
    return "\n".join([f"# {title}\n", f"{intro}\n", "```{eval-rst}", *directives, "```", ""])


def public_names(kind: type | ModuleType) -> list[str]:
    """Return the names of a class that a user may use."""
    return sorted(name for name in dir(kind) if not name.startswith("_"))


def pages() -> dict[str, str]:
    """Return the text of each page of the reference that is made here, by its name."""
    members = ["   :members:", "   :inherited-members:", "   :member-order: bysource", ""]
    exceptions = [f".. autoexception:: hpo_magic.errors.{name}\n" for name in error_classes()]
    return {
        "options": options_page(),
        "messages": messages_page(),
        "hp": module_page(
            "`hp`",
            "What a cell calls. `hp` is the one instance of `HyperParameters`; `%load_ext "
            "hpo_magic` puts it into the notebook.",
            [".. autoclass:: hpo_magic.HyperParameters", *members],
        ),
        "study": module_page(
            "`Study`",
            "What the name of a `%%hpo` cell is afterwards, and what `search`, `load_study` and "
            "`read_study` return.",
            [".. autoclass:: hpo_magic.Study", *members],
        ),
        "search": module_page(
            "Functions",
            "What `from hpo_magic import …` has beside `hp` and `Study`.",
            [
                f".. autofunction:: hpo_magic.{n}\n"
                for n in ("search", "load_study", "read_study", "compare")
            ],
        ),
        "errors": module_page(
            "Errors", "What `except` may catch. All derive from `HpoError`.", exceptions
        ),
    }
