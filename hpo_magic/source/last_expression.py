"""What the text of a cell's last expression says: whether it may be a score, what it names."""

from __future__ import annotations

import ast

# Functions of modules, and methods of files, that return a number which is no score: objects
# freed, characters written, an exit code.
_OF_MODULES = {
    ("gc", "collect"),
    ("gc", "freeze"),
    ("os", "system"),
    ("subprocess", "call"),
    ("subprocess", "check_call"),
    ("random", "seed"),
}
_OF_FILES = {"write", "write_text", "write_bytes", "writelines", "seek", "truncate"}


def is_chore(expression: ast.expr) -> bool:
    """Return whether an expression is a call whose number is no score.

    >>> is_chore(ast.parse("gc.collect()", mode="eval").body)
    True
    >>> is_chore(ast.parse("model.score(x, y)", mode="eval").body)
    False
    """
    match expression:
        case ast.Call(ast.Attribute(ast.Name(module), name)) if (module, name) in _OF_MODULES:
            return True
        case ast.Call(ast.Attribute(attr=name)):
            return name in _OF_FILES
        case ast.Call(ast.Name("collect"), [], []):  # from gc import collect
            return True
    return False


def words_of(statement: ast.stmt) -> frozenset[str]:
    """Return the names, attributes and strings in a statement.

    >>> sorted(words_of(ast.parse("max(h.history['val_loss'])").body[0]))
    ['h', 'history', 'max', 'val_loss']
    """
    found: set[str] = set()
    for node in ast.walk(statement):
        match node:
            case ast.Name(word) | ast.Attribute(attr=word) | ast.Constant(str() as word):
                found.add(word)
    return frozenset(found)
