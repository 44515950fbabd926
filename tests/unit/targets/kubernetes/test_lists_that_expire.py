"""A list whose place the server forgets half way begins anew, once."""

import pytest

from gitops_core.errors import Expired
from gitops_core.interfaces import Query
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import Response
from gitops_core.model.resources import Live, ResourceKey, Unreadable
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.target import KubernetesTarget
from gitops_core.testing.contexts import make_context

KEYS = frozenset(ResourceKey("", "ConfigMap", "shop", f"c{number}") for number in range(6))


class Kinds:
    def kind(self, group, kind, version="", *, timeout):
        return KindInfo(group, "v1", kind, "configmaps", namespaced=True)


class Server:
    """Lists three objects a page, and forgets its place after the first page so often."""

    server, identity = "https://a", "me"

    def __init__(self, forgets):
        self.forgets = forgets
        self.lists = 0

    def kept(self, name, make):
        return make()

    def request(self, request, timeout):
        if request.path == "/openapi/v3":
            return Response(200, {}, {})
        query = dict(request.query)
        if "continue" in query and self.forgets:
            self.forgets -= 1
            raise Expired("the continue token is too old")
        self.lists += "continue" not in query
        first = 3 if "continue" in query else 0
        items = [
            {"metadata": {"name": f"c{n}", "namespace": "shop", "uid": str(n), "resourceVersion": "5"}}
            for n in range(first, first + 3)
        ]
        return Response(200, {}, {"metadata": {"resourceVersion": "5", "continue": "" if first else "x"}, "items": items})


def looked(server):
    target = KubernetesTarget(server, KubernetesSettings(page=3), discovery=Kinds())
    return list(target.observe(make_context(), Query(KEYS)))


def test_a_list_that_expires_once_is_complete_all_the_same():
    server = Server(forgets=1)
    assert {live.key for live in looked(server) if isinstance(live, Live)} == KEYS
    assert server.lists == 2


@pytest.mark.parametrize("forgets", [2, 9])
def test_a_list_that_expires_again_makes_its_kind_unreadable(forgets):
    [answer] = looked(Server(forgets))
    assert isinstance(answer, Unreadable)
    assert (answer.kind, type(answer.error)) == (("", "ConfigMap"), Expired)
