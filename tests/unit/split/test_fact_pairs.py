"""Groups of equal names: the same whether hashes tell first which names stand alone, or not."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qaloom.split import fact_pairs


@pytest.mark.parametrize("many", [1, 1000])
@given(names=st.lists(st.sampled_from(["", "가", "나", "다 1", "라", "마", "바"])))
def test_groups_are_in_the_order_of_their_first_members(many, names):
    members = range(10, 10 + len(names))
    expected = defaultdict(list)
    for member, name in zip(members, names, strict=True):
        expected[name].append(member)
    expected.pop("", None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fact_pairs, "_MANY", many)
        found = list(fact_pairs._groups(members, lambda member: names[member - 10]))
    assert found == [group for group in expected.values() if len(group) > 1]
