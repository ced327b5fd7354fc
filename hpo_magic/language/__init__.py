"""What a cell says to the search: `hp`, scores, the Optuna trial."""
