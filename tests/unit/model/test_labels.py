"""How people write the place of a field."""

from __future__ import annotations

from gitops_core.model.labels import extend, label_of


def test_labels_quote_what_could_be_misread():
    assert label_of(("spec", "containers", "[name=web]", "image")) == "spec.containers[name=web].image"
    assert label_of(("metadata", "annotations", "example.org/x")) == 'metadata.annotations["example.org/x"]'
    assert extend("", "") == '[""]'
