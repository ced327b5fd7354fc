"""The text of a cell: its `hp` calls, their names, and how values are written into it."""
