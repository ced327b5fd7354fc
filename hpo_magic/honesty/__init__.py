"""Honest results: what a search may claim about its choice. Pure functions of plain arrays.

A search picks the best of many noisy scores, so that score flatters. Here are the numbers that do
not: re-runs on new seeds (`recheck`, `choice`), resampled rows (`bbc`), and the sealed test
(`looks`, `leaks`); how far luck goes (`luck`), how wide an interval is (`intervals`), and the words
for all of it (`report`). `rechecking` alone knows of trials: it is what a search calls. Scores are
oriented so that higher is better (`choice.oriented`).
"""
