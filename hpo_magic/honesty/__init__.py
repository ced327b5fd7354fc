"""Honest results: what a search may claim about its choice. Pure functions of plain arrays.

A search picks the best of many noisy scores, so that score flatters. Here are the numbers that do
not: re-runs on new seeds (`recheck`, `choice`), resampled rows (`bbc`), and the sealed test
(`looks`, `leaks`); how far luck goes (`luck`), how wide an interval is (`intervals`), and the words
for all of it (`report`). `rechecking` and `by_row` alone know of trials: they are what a search and
its views call. Scores are oriented so that higher is better (`choice.oriented`).
"""
