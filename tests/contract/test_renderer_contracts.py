"""The shipped renderers keep the promises of renderers."""
# ruff: noqa: RUF012  # why: the contract declares these attributes as class variables

from gitops_core.renderers.manifests import TOOL_FILES, ManifestsRenderer
from gitops_core.testing.renderer_contract import CANARY, RendererContract

WEB = b"apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, namespace: shop}\nspec: {replicas: 2}\n"
SECRET = b"apiVersion: v1\nkind: Secret\nmetadata: {name: key}\nstringData: {password: a-long-secret-that-nobody-may-see}\n"


class TestManifestsRenderer(RendererContract):
    files = {
        "apps/web.yaml": WEB + b"---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\n",
        "secret.yml": SECRET,
        "one.json": b'{"kind": "ConfigMap", "metadata": {"name": "site"}}',
        "list.yaml": b"kind: List\nitems:\n- {kind: ConfigMap, metadata: {name: a}}\n- {kind: ConfigMap, metadata: {name: b}}\n",
        "README.md": b"# not a manifest: {",
        "values.yaml": b"replicas: 2\n",
    }
    broken = {"bad.yaml": b"kind: ConfigMap\nmetadata: {name: x\n", "nameless.yaml": b"kind: ConfigMap\n"}
    duplicate = {"zz.yaml": WEB}
    secret = {
        "leak.yaml": f"kind: Secret\nmetadata: {{name: s}}\nstringData:\n  password: '{CANARY}\n".encode(),
        "leak2.yaml": f"kind: Secret\nmetadata: {{name: s}}\nstringData: [a: {CANARY}: b]\n".encode(),
        "leak3.yaml": f"kind: Secret\nmetadata: {{name: s}}\npassword: {CANARY}\xe9\n".encode("latin-1"),
        "leak4.json": f'{{"password": "{CANARY}", }}'.encode(),
        "leak5.yaml": f"kind: Secret\nspec: !!int {CANARY}\n".encode(),
        "leak6.yaml": f"kind: Secret\nspec: !!binary {CANARY}\n".encode(),
        "leak7.yaml": f"kind: Secret\npassword: {CANARY}\npassword: {CANARY}\n".encode(),
        "leak8.json": f'{{"a": "{CANARY}", "a": "{CANARY}"}}'.encode(),
        "leak9.yaml": f"{CANARY}\n".encode(),
        "leak10.yaml": f"password: '{CANARY}\x01'\n".encode(),
    }

    def make_renderer(self):
        return ManifestsRenderer()

    def make_other_renderer(self):
        return ManifestsRenderer(skip=(*TOOL_FILES, "fixtures"))
