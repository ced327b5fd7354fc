"""Hyperparameter optimization for a notebook cell."""
