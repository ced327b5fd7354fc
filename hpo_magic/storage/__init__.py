"""Where studies are kept: in one SQLite file per folder, or in memory.

The SQLite storage is loaded by whoever asks for it: `hpo_magic.storage.sqlite`.
"""
