"""Whatever a plug-in throws leaves as one of our errors."""

from __future__ import annotations

import pytest

from gitops_core.engine.calls import Call, failures_of, translated
from gitops_core.errors import Denied, GitOpsError, ManifestError, PluginError, RenderError
from gitops_core.model.resources import Origin, Resource, ResourceKey
from gitops_core.model.secrets import Redactor

KEY = ResourceKey("", "Secret", "", "db")
SECRET = Resource.of({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "db"}, "stringData": {"password": "hunter22"}})


def raised(error: Exception, call: Call = Call("Api", "create", KEY, Origin(path="a.yaml", line=3))) -> GitOpsError:
    with pytest.raises(GitOpsError) as caught, translated(call):
        raise error
    return caught.value


def test_an_error_of_ours_keeps_its_class_and_learns_where_it_happened():
    error = raised(Denied("no"))
    assert type(error) is Denied
    assert (error.stage, error.key, error.origin.path) == ("create", KEY, "a.yaml")
    assert str(error) == "a.yaml:3: Secret/db: no"


def test_an_error_that_knows_better_is_not_overwritten():
    error = raised(Denied("no", stage="update", origin=Origin(path="b.yaml")))
    assert (error.stage, error.origin.path) == ("update", "b.yaml")


def test_a_foreign_error_becomes_a_plugin_error_that_names_the_plugin():
    error = raised(KeyError("x"))
    assert type(error) is PluginError
    assert error.plugin == "Api"
    assert "KeyError" in error.message


@pytest.mark.parametrize("error", [Denied("cannot set hunter22"), ValueError("cannot set hunter22")])
def test_a_secret_that_the_plugin_was_handed_is_taken_out_of_its_errors(error):
    call = Call("Api", "create", KEY, redactor=Redactor.of(SECRET.body))
    found = raised(error, call)
    assert "hunter22" not in str(found)
    assert "hunter22" not in repr(found)
    assert found.__cause__ is None
    assert "***" in str(found)


def test_a_group_of_our_errors_becomes_one_error_with_every_problem():
    inner = ExceptionGroup("more", [ManifestError("second")])
    error = raised(ExceptionGroup("bad", [ManifestError("first"), inner]))
    assert type(error) is RenderError
    assert [p.message for p in error.problems] == ["first", "second"]
    assert "2 problems" in error.message
    assert [f.message for f in failures_of(error)] == ["first", "second"]


def test_a_group_with_a_foreign_error_is_the_plugins_fault():
    assert type(raised(ExceptionGroup("bad", [ManifestError("first"), OSError("disk")]))) is PluginError


def test_one_error_is_one_failure_with_its_disposition():
    (failure,) = failures_of(raised(Denied("no", retry_after=2.0)))
    assert (failure.error, failure.disposition, failure.retry_after) == ("Denied", "stall", 2.0)
