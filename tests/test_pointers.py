"""Reports that only point to another one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.places import linked_to


@pytest.mark.parametrize(
    ("texts", "target"),
    [
        (["We found this issue to be linked to the Storage incident. More there."], "the Storage incident"),
        (
            [
                "This problem is linked to one Mail incident, see https://status.acme.example/incidents/Ab3dE.",
                "Still linked.",
            ],
            None,
        ),
        (["This issue is linked to one more: https://status.acme.example/incidents/Ab3dE."], "Ab3dE"),
        (["Queues are affected by the same underlying issue as Topics (see there)"], "Topics (see there)"),
        (["This is tracked under the ongoing Login incident."], "the ongoing Login incident"),
        (["Please see it as a duplicate of the Login incident"], "the Login incident"),
        (["Between 10:00 and 11:00 UTC the queues failed."], None),
        (["Accounts linked to a bank fail."], None),
        (["Every change is tracked in our log."], None),
        (["This issue is linked to the Login incident.", "Queues failed until 11:00 UTC."], None),
        ([], None),
    ],
)
def test_pointers(texts: list[str], target: str | None) -> None:
    assert linked_to(texts) == target


@given(st.lists(st.text(max_size=300), max_size=4))
def test_any_text_is_read(texts: list[str]) -> None:
    found = linked_to(texts)
    assert found is None or found
