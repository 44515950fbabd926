"""Without psycopg the error names the extra."""

import importlib
import sys

import pytest

from gitops_core.errors import Disposition, MissingExtra
from gitops_core.postgres_api import driver


def test_without_psycopg_the_extra_is_named(monkeypatch):
    """The only module that imports it says so; that it is the only one, import-linter checks."""
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MissingExtra, match=r"gitops-core\[postgres\]") as caught:
        importlib.reload(driver)
    assert caught.value.disposition is Disposition.STALL
