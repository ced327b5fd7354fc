"""The options of a search without the user's words, for a bug report."""

from __future__ import annotations

from hpo_magic.search.options import OPTIONS, Options


def anonymous(options: Options) -> str:
    """Return the options that differ from their defaults.

    Numbers and the words that an option lists are written out. Any other text may be a name, a path
    or an address of the user's, and is only "given".

    >>> anonymous(Options(trials=20, sampler="random", from_study="secret"))
    'trials=20, sampler=random, from_study given'
    """
    texts = ["goals given"] if options.goals else []
    for option in OPTIONS:
        value = getattr(options, option.name, option.default)
        if value != option.default:
            is_number = isinstance(value, int | float) or str(value).isdigit()
            is_known = is_number or value in option.kind.values
            texts.append(f"{option.name}={value}" if is_known else f"{option.name} given")
    return ", ".join(texts) or "defaults"
