"""YAML and JSON manifests: :class:`ManifestsRenderer`, the rule by which it leaves files out, and where fields stand."""

from gitops_core.renderers.manifests.locating import locate as locate
from gitops_core.renderers.manifests.renderer import MAX_ERRORS as MAX_ERRORS
from gitops_core.renderers.manifests.renderer import MAX_NOTICES as MAX_NOTICES
from gitops_core.renderers.manifests.renderer import ManifestsRenderer as ManifestsRenderer
from gitops_core.renderers.manifests.skipping import EXTENSIONS as EXTENSIONS
from gitops_core.renderers.manifests.skipping import TOOL_FILES as TOOL_FILES
