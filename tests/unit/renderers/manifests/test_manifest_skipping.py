"""Which files are manifests."""

import pytest

from gitops_core.errors import ConfigError
from gitops_core.renderers.manifests.skipping import SkipRule

TOOLS = [
    "kustomization.yaml", "a/kustomization.yml", "Chart.yaml", "charts/web/Chart.yaml", "charts/web/values.yaml", "values-prod.yaml",
    "values.prod.yaml", "prod.values.yaml", ".sops.yaml", "a/.sops.yaml", ".github/workflows/ci.yml", ".pre-commit-config.yaml", "skaffold.yaml",
    "docker-compose.yml", "docker-compose.prod.yml", "compose.yaml", "Pulumi.yaml", "Pulumi.dev.yaml", "package.json", "web/tsconfig.json",
    "values.schema.json", "helmfile.yaml", "Taskfile.yml", "mkdocs.yml", "azure-pipelines.yml", "cloudbuild.yaml", "renovate.json",
]  # fmt: skip
MANIFESTS = [
    "web.yaml",
    "a/b/web.yml",
    "web.json",
    "values/web.yaml",
    "my-values.yaml",
    "chart.yaml",
    "kustomization/web.yaml",
    "composed.yaml",
    "a.b.yaml",
]


@pytest.mark.parametrize("path", TOOLS)
def test_files_of_tools_are_left_out(path):
    assert SkipRule().is_skipped(path)


@pytest.mark.parametrize("path", MANIFESTS)
def test_manifests_are_read(path):
    assert (SkipRule().is_manifest(path), SkipRule().is_skipped(path)) == (True, False)


@pytest.mark.parametrize("path", ["README.md", "web.yaml.bak", "Makefile", "web.YAML", "web.toml", "yaml"])
def test_other_extensions_are_ignored(path):
    assert not SkipRule().is_manifest(path)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [("fixtures", "a/fixtures/web.yaml", True), ("fixtures", "a/my-fixtures/web.yaml", False), ("a/*", "a/b/web.yaml", True), ("a/*", "b/a/web.yaml", False), ("[ab].yaml", "b.yaml", True)],
)  # fmt: skip
def test_pattern_without_a_slash_is_for_each_part_and_one_with_a_slash_for_the_path(pattern, path, expected):
    assert SkipRule(skip=[pattern]).is_skipped(path) is expected


def test_no_patterns_leave_nothing_out():
    assert not SkipRule(skip=()).is_skipped(".sops.yaml")


@pytest.mark.parametrize("options", [{"skip": "*.yaml"}, {"extensions": ".yaml"}])
def test_one_text_instead_of_several_is_a_mistake(options):
    with pytest.raises(ConfigError, match="write"):
        SkipRule(**options)
