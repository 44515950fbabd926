"""
Where FakeCluster answers differently from the real API server.

Each entry names a case of the suite (``test_api_*.py``; the test's name, with its parameters but without the server's) that the
fake does not pass. It is expected to fail there: as soon as it passes, the suite fails and the entry must go.
``docs/reference/fake-cluster.md`` tells users the same.
"""

from __future__ import annotations

from typing import NamedTuple


class Difference(NamedTuple):
    """What the fake does, what the real server does, and why it stays so; ``always`` is false where the fake differs sometimes."""

    fake: str
    real: str
    why: str
    always: bool = True


_TO_MEND = "not mended yet"

DIFFERENCES: dict[str, Difference] = {
    "test_the_order_of_items_follows_the_configuration": Difference("keeps the live order", "takes the applied order", _TO_MEND),
    "test_a_group_is_there[events.k8s.io]": Difference("lacks it", "serves it", "its events are those of v1, converted"),
    "test_one_object_is_served_in_each_version_of_its_kind[autoscaling/v1]": Difference(
        "no conversion", "converts", "the fake has one version of each built-in kind"
    ),
}
