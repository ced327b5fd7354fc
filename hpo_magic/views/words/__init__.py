"""Sentences for people, made from values: numbers, progress, honest estimates, test results."""
