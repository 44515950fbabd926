"""A schema has a hash, looked up rarely; a server that does not tell it has none."""

import threading

import pytest

from gitops_core.errors import Cancelled, Denied
from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.kubernetes_api.requests import Response
from gitops_core.targets.kubernetes.schemas import Schemas
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context

DEPLOYMENT = KindInfo("apps", "v1", "Deployment", "deployments", namespaced=True)
CONFIG = KindInfo("", "v1", "ConfigMap", "configmaps", namespaced=True)


class Server:
    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = 0

    def send(self, ctx, request):
        assert request.path == "/openapi/v3"
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return Response(200, {}, answer)


def index(**hashes):
    return {"paths": {path.replace("_", "/"): {"serverRelativeURL": f"/openapi/v3/x?hash={h}"} for path, h in hashes.items()}}


def test_a_group_and_version_has_the_hash_that_its_address_carries_and_is_asked_for_once():
    server = Server(index(apis_apps_v1="AAAA", api_v1="BBBB"))
    schemas, ctx = Schemas(server), make_context()
    assert (schemas.token(ctx, DEPLOYMENT), schemas.token(ctx, CONFIG)) == ("AAAA", "BBBB")
    assert server.asked == 1


def test_after_five_minutes_it_is_asked_again():
    clock = VirtualClock()
    server = Server(index(apis_apps_v1="AAAA"), index(apis_apps_v1="CCCC"))
    schemas, ctx = Schemas(server), make_context(clock=clock)
    assert schemas.token(ctx, DEPLOYMENT) == "AAAA"
    clock.advance(299)
    assert schemas.token(ctx, DEPLOYMENT) == "AAAA"
    clock.advance(1)
    assert schemas.token(ctx, DEPLOYMENT) == "CCCC"


@pytest.mark.parametrize(
    "answer", [Denied("no"), None, {}, {"paths": []}, {"paths": {"apis/apps/v1": "x"}}, {"paths": {"apis/apps/v1": {}}}], ids=repr
)
def test_a_server_that_does_not_tell_has_no_hashes(answer):
    assert Schemas(Server(answer)).token(make_context(), DEPLOYMENT) == ""


def test_what_was_known_stays_when_it_cannot_be_asked_again():
    clock = VirtualClock()
    schemas, ctx = Schemas(Server(index(apis_apps_v1="AAAA"), Denied("no"))), make_context(clock=clock)
    assert schemas.token(ctx, DEPLOYMENT) == "AAAA"
    clock.advance(301)
    assert schemas.token(ctx, DEPLOYMENT) == "AAAA"


def test_a_stop_is_passed_on():
    with pytest.raises(Cancelled):
        Schemas(Server(Cancelled("stop"))).token(make_context(), DEPLOYMENT)


def test_one_of_many_threads_asks():
    server = Server(index(apis_apps_v1="AAAA"))
    schemas, ctx = Schemas(server), make_context()
    threads = [threading.Thread(target=schemas.token, args=(ctx, DEPLOYMENT)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.asked == 1
