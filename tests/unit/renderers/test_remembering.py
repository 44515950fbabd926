from __future__ import annotations

from gitops_core.renderers.remembering import Remembered


def test_what_was_asked_for_last_is_kept() -> None:
    remembered: Remembered[str, int] = Remembered(2)
    remembered.put("a", 1)
    remembered.put("b", 2)
    assert remembered.get("a") == 1
    remembered.put("c", 3)
    assert [remembered.get(key) for key in "abc"] == [1, None, 3]
    assert len(remembered) == 2


def test_an_answer_may_be_replaced() -> None:
    remembered: Remembered[str, int] = Remembered(2)
    remembered.put("a", 1)
    remembered.put("a", 2)
    assert (remembered.get("a"), len(remembered)) == (2, 1)
