"""One stream for each kind, whoever asks: who follows what, and when a stream begins and ends."""

from __future__ import annotations

import pytest

from gitops_core.kubernetes_api.kinds import KindInfo
from gitops_core.model.resources import ResourceKey
from gitops_core.targets.feeds import Feed
from gitops_core.targets.kubernetes.access import Access
from gitops_core.targets.kubernetes.settings import KubernetesSettings
from gitops_core.targets.kubernetes.sharing import Sharing, Wish
from gitops_core.targets.kubernetes.streaming import Follower
from gitops_core.testing.contexts import make_context

CTX = make_context()
INFO = KindInfo("", "v1", "ConfigMap", "configmaps", True)


@pytest.fixture
def begun(monkeypatch):
    """The followers that have begun, in order; none of them asks anybody."""
    begun = []

    def start(self):
        begun.append(self)

    monkeypatch.setattr(Follower, "start", start)
    return begun


def wish(*places):
    return Wish(INFO, {place: ResourceKey("", "ConfigMap", *place) for place in places})


def access(scope="cluster"):
    return Access(None, None, KubernetesSettings(scope=scope))


def namespaces(followers):
    return [follower.namespace for follower in followers]


def stopped(follower):
    return follower.ctx.cancel.is_set()


def test_a_second_reader_of_a_place_shares_the_stream_which_ends_with_the_last(begun):
    sharing, feeds, wanted = Sharing(), (Feed(), Feed()), wish(("shop", "a"))
    [one] = sharing.join(access(), CTX, wanted, feeds[0])
    assert sharing.join(access(), CTX, wanted, feeds[1]) == [one]
    assert begun == [one]
    sharing.leave(one, wanted, feeds[0])
    assert not stopped(one)
    sharing.leave(one, wanted, feeds[1])
    assert stopped(one)
    assert sharing.join(access(), CTX, wanted, feeds[0]) != [one]


def test_a_second_namespace_is_a_reason_to_follow_all_of_them_where_that_is_allowed(begun):
    sharing = Sharing()
    assert namespaces(sharing.join(access(), CTX, wish(("shop", "a")), Feed())) == ["shop"]
    assert namespaces(sharing.join(access(), CTX, wish(("bank", "a")), Feed())) == [""]
    assert namespaces(sharing.join(access(), CTX, wish(("third", "a")), Feed())) == [""]
    assert namespaces(begun) == ["shop", ""]


def test_a_target_of_namespaces_follows_each_by_itself(begun):
    joined = Sharing().join(access("namespace"), CTX, wish(("shop", "a"), ("bank", "a")), Feed())
    assert namespaces(joined) == namespaces(begun) == ["bank", "shop"]


def test_once_all_namespaces_are_followed_those_who_follow_one_are_sent_there(begun):
    sharing = Sharing()
    [narrow] = sharing.join(access(), CTX, wish(("shop", "a")), Feed())
    [wide] = sharing.join(access(), CTX, wish(("bank", "a")), Feed())
    narrow.on_standing(narrow)
    assert not narrow.is_over
    wide.on_standing(wide)
    assert (narrow.is_over, wide.is_over) == (True, False)
    assert sharing.join(access(), CTX, wish(("shop", "a")), Feed()) == [wide]


def test_who_is_refused_all_namespaces_is_followed_in_each_and_all_are_not_tried_again(begun):
    sharing, wanted = Sharing(), wish(("shop", "a"), ("bank", "a"))
    [wide] = sharing.join(access(), CTX, wanted, Feed())
    wide.on_refusal(wide)
    assert wide.is_over
    assert namespaces(sharing.join(access(), CTX, wanted, Feed())) == ["bank", "shop"]
    assert sharing.narrowed == {INFO.group_kind}
