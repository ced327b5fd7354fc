"""Honest estimates: what a search may claim about its choice. Pure functions, without sentences.

A search selects the best of many noisy scores, so that score is biased. The modules here estimate
the score of the chosen setting from re-runs (`recheck`, `choice`, `rechecking`) and from validation
rows (`bbc`, `resampled_choice`, `by_row`), bound the selection bias (`selection_bias`), compute
intervals (`intervals`, `resplit_intervals`), and recognize test rows (`leaks`, `sketch`,
`test_ledger`). `rechecking`, `by_row`, `several_objectives` and `headline` take trials and
snapshots; the others
take arrays. Scores are oriented so that higher is better (`choice.oriented`).
"""
