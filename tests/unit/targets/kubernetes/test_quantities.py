"""Two spellings of one amount are one amount."""

from __future__ import annotations

from fractions import Fraction

import pytest

from gitops_core.targets.kubernetes.quantities import has_unit, parse_quantity, same_quantity


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("1", 1), ("+1", 1), ("-1", -1), ("1.", 1), (".5", Fraction(1, 2)), ("0.50", Fraction(1, 2)), ("100m", Fraction(1, 10)),
        ("1k", 1000), ("1Ki", 1024), ("1.5Gi", 1536 * 2**20), ("2M", 2 * 10**6), ("3E", 3 * 10**18), ("3Ei", 3 * 2**60),
        ("1e3", 1000), ("1E3", 1000), ("1e-3", Fraction(1, 1000)), ("5n", Fraction(5, 10**9)), ("5u", Fraction(5, 10**6)),
        (2, 2), (0.1, Fraction(1, 10)), (-3, -3), (1e-7, Fraction(1, 10**7)),
    ],
)  # fmt: skip
def test_a_quantity_is_an_exact_number(text, amount):
    assert parse_quantity(text) == amount


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "+",
        "m",
        "1K",
        "1mi",
        "1 Gi",
        " 1",
        "1\n",
        "1ee3",
        "1e3m",
        "1e9999",
        "0x10",
        "٣",
        "9" * 41,
        True,
        None,
        [],
        float("inf"),
        float("nan"),
    ],
)
def test_whatever_else_is_none(value):
    assert parse_quantity(value) is None


def test_equal_amounts_are_equal_however_they_are_written():
    assert all(same_quantity(*pair) for pair in [("1000m", "1"), ("1Gi", "1024Mi"), (0.5, "500m"), (1, "1"), ("0", "-0")])
    assert not any(same_quantity(*pair) for pair in [("1G", "1Gi"), ("1", "1m"), ("x", "x"), (True, 1), ("1", None)])


def test_a_unit_is_what_a_version_does_not_have():
    assert [has_unit(v) for v in ("1Gi", "5m", "1", "1.10", "x", "", 1)] == [True, True, False, False, False, False, False]
