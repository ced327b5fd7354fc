"""Honest results: what a search may claim about its choice. Pure functions of plain arrays.

A search picks the best of many noisy scores, so that score flatters. Here are the numbers that do
not: re-runs on new seeds (`recheck`, `choice`), resampled rows (`bbc`), and the sealed test
(`test_ledger`, `leaks`); how large the bias may be (`selection_bias`), how wide an interval is
(`intervals`, `resplit_intervals`). The estimators of one number are `resampled_choice` (rows) and
`shrunken_mean` (scores).
`rechecking` and `by_row` alone know of trials: they are what a search and
its views call. Scores are oriented so that higher is better (`choice.oriented`).
"""
