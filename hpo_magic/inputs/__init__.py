"""What the code of a cell reads from the notebook: its values, their state, and what changed."""
