"""Trainings that wait: which one is at work next, decided from learning curves and settings."""
