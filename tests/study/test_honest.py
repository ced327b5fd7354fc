"""`study.honest`: the estimates with their words."""

from __future__ import annotations

from hpo_magic.honesty.estimate import Method
from hpo_magic.study.honest import HonestNumber


def test_the_user_s_number_has_its_words_as_attributes() -> None:
    """`study.honest.how` and `.sentence`."""
    number = HonestNumber(0.914, 0.035, Method.NEW_SPLITS, n_settings=4, n_reruns=2)
    assert number.how == "4 best settings re-run on 2 new splits"
    assert number.sentence == f"expect about 0.914 ± 0.035: {number.how}"
