"""How a search looks: functions from a snapshot to a figure, a table or a text."""
