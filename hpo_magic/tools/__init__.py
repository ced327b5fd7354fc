"""The entry points of other tools' searches: known by name, and caught when they are called."""
