"""Members on Leases: what a beat costs, what is written, what happens when an answer is lost; the promises are in the contract suite."""

import json

import pytest

from gitops_core.coordination.kubernetes import KubernetesLeases, permissions
from gitops_core.coordination.kubernetes.names import Names
from gitops_core.coordination.pace import Pace
from gitops_core.errors import (
    Cancelled,
    ConfigError,
    DeadlineExceeded,
    Denied,
    Disposition,
    Expired,
    Invalid,
    NotFound,
    StateConflict,
    StateCorrupt,
    StateLocked,
    StateUnavailable,
    Throttled,
    Transient,
)
from gitops_core.model.applications import Owner
from gitops_core.model.rosters import Member
from gitops_core.testing.clock import VirtualClock
from gitops_core.testing.contexts import make_context
from gitops_core.testing.kubernetes import ClusterSettings, FakeCluster
from gitops_core.testing.kubernetes.direct import DirectConnection

OWNER, PACE = Owner("example.org", "engine"), Pace()
NAMES = Names(OWNER, "default")
PATH = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
A, B = Member("a"), Member("b")


class Hall:
    """A cluster, and members that each have a connection, a coordinator and a monotonic clock of their own."""

    def __init__(self):
        self.cluster = FakeCluster(ClusterSettings(clock=VirtualClock()))
        self.connections, self.coordinators, self.contexts, self.asked = {}, {}, {}, []

    def join(self, name, offset=0.0):
        self.connections[name] = DirectConnection(self.cluster, before=lambda request: self.asked.append(request.method))
        self.coordinators[name] = KubernetesLeases(self.connections[name], OWNER, "default", pace=PACE)
        clock = VirtualClock(1_700_000_000.0 - offset)
        clock.advance(offset)
        self.contexts[name] = make_context(clock=clock)

    def beat(self, name, member=None):
        return self.coordinators[name].beat(self.contexts[name], member or Member(name))

    def rest(self, seconds):
        for ctx in self.contexts.values():
            ctx.clock.advance(seconds)

    def rounds(self, names, count=3):
        for _ in range(count):
            for name in names:
                self.beat(name)
            self.rest(PACE.interval)

    def leases(self):
        return {item["metadata"]["name"]: item for item in self.cluster.request("GET", PATH)[1]["items"]}

    def edit(self, name, **facts):
        """Change facts in a Lease behind everybody's back."""
        lease = self.leases()[name]
        found = json.loads(lease["metadata"]["annotations"][NAMES.facts])
        lease["metadata"]["annotations"][NAMES.facts] = json.dumps({**found, **facts})
        assert self.cluster.request("PUT", f"{PATH}/{name}", lease)[0] == 200

    def spoil(self, name):
        lease = self.leases()[name]
        lease["metadata"]["annotations"][NAMES.facts] = "{"
        assert self.cluster.request("PUT", f"{PATH}/{name}", lease)[0] == 200


@pytest.fixture
def hall():
    found = Hall()
    for name in "abc":
        found.join(name)
    return found


def fail_once(connection, error, method="", when="before"):
    """Let one request fail: before it is carried out, or after, when its answer is lost."""

    def strike(request):
        if method in ("", request.method):
            setattr(connection, when, lambda _request: None)
            raise error

    setattr(connection, when, strike)


def test_a_beat_is_two_requests_and_a_leaders_three(hall):
    hall.rounds("ab")
    hall.asked.clear()
    hall.beat("a")
    assert hall.asked == ["PUT", "GET", "PUT"]
    hall.asked.clear()
    hall.beat("b")
    assert hall.asked == ["PUT", "GET"]


def test_a_standing_is_counted_from_before_the_first_request(hall):
    """A slow request eats into it."""
    ctx = hall.contexts["a"]
    hall.connections["a"].before = lambda _request: ctx.clock.advance(1.0)
    began = ctx.clock.monotonic()
    assert hall.beat("a").valid_until == began + PACE.validity < ctx.clock.monotonic() + PACE.validity


def test_leases_can_be_read_by_people(hall):
    hall.rounds("a")
    roster, member = hall.leases()[NAMES.roster], hall.leases()[NAMES.member("a")]
    assert (roster["spec"]["holderIdentity"], roster["spec"]["leaseDurationSeconds"]) == ("a", 15)
    assert (roster["spec"]["leaseTransitions"], member["spec"]["holderIdentity"]) == (0, "a")
    assert member["spec"]["renewTime"].startswith("2023-11-14T22:13:")
    assert "example.org/coordination" in member["metadata"]["labels"]


def test_clocks_of_members_are_never_compared(hall):
    """One has been up for a year, and its time of day is a day off."""
    hall.join("old", offset=86_400.0 * 365)
    hall.contexts["old"].clock.jump(86_400.0)
    hall.rounds("ab")
    hall.rounds(["a", "b", "old"])
    assert hall.beat("old").roster.ids == ("a", "b", "old")
    for _ in range(12):  # b, too, has to be silent before the eyes of the new leader
        hall.rest(PACE.interval)
        last = hall.beat("old")
    assert (last.roster.ids, last.roster.leader) == (("old",), "old")


def test_leases_of_the_dead_are_deleted_by_the_leader(hall):
    hall.rounds("abc")
    hall.rounds("ab", 7)
    assert set(hall.leases()) == {NAMES.roster, NAMES.member("a"), NAMES.member("b")}


def test_a_lease_that_comes_back_to_life_while_it_is_deleted_is_left(hall):
    hall.rounds("ab")
    hall.rounds("a", 4)
    hall.rest(PACE.interval)

    def revive(request):
        if request.method == "DELETE":
            hall.connections["a"].before = lambda _request: None
            hall.beat("b")

    hall.connections["a"].before = revive
    assert hall.beat("a").roster.ids == ("a",)
    assert NAMES.member("b") in hall.leases()
    assert hall.beat("a").roster.ids == ("a", "b")


def test_the_others_of_a_leader_that_died_stay_and_it_is_out_with_the_take_over(hall):
    """One change of the list, not two."""
    hall.rounds("abc")
    seen = [hall.beat("b").roster]
    for _ in range(7):
        hall.rounds("bc", 1)
        seen.append(hall.beat("c").roster)
    assert [roster.ids for roster in dict.fromkeys(seen)] == [("a", "b", "c"), ("b", "c")]
    assert seen[-1].leader in ("b", "c")
    assert hall.leases()[NAMES.roster]["spec"]["leaseTransitions"] == 1


def test_a_deposed_leader_that_goes_on_is_counted_in_again(hall):
    hall.rounds("abc")
    hall.rounds("bc", 7)
    assert hall.beat("a").roster.ids == ("b", "c")
    hall.rounds("abc", 2)
    assert (hall.beat("a").roster.ids, hall.beat("a").roster.leader) == (("a", "b", "c"), "b")


def test_a_member_whose_beats_fail_is_counted_out_though_its_lease_is_renewed(hall):
    """It may renew its Lease and not read the list: its share would lie idle. A sign of life is a beat that came to its end."""
    hall.rounds("ab")

    def break_reads(request):
        if request.method == "GET":
            raise Denied("forbidden")

    hall.connections["b"].before = break_reads
    for _ in range(8):
        hall.beat("a")
        with pytest.raises(Denied):
            hall.beat("b")
        hall.rest(PACE.interval)
    assert hall.beat("a").roster.ids == ("a",)


@pytest.mark.parametrize("method", ["POST", "PUT", "GET"])
def test_an_answer_that_is_lost_costs_one_beat_and_nothing_else(hall, method):
    """The work was done, or not; the next beat finds out."""
    if method != "POST":
        hall.rounds("ab")
    fail_once(hall.connections["a"], Transient("the connection was cut"), method, "after")
    with pytest.raises(StateUnavailable, match="connection was cut"):
        hall.beat("a")
    hall.rounds("ab")
    assert hall.beat("a").roster.ids == ("a", "b")


def test_a_list_that_others_write_in_between_is_read_again(hall):
    hall.rounds("ab")

    def interfere(request):
        if request.method == "PUT" and request.path.endswith(NAMES.roster):
            hall.connections["a"].before = lambda _request: None
            hall.edit(NAMES.roster, renewals=77)

    hall.connections["a"].before = interfere
    assert hall.beat("a").roster.ids == ("a", "b")


def test_who_is_always_outrun_says_so(hall):
    hall.rounds("ab")
    turns = iter(range(100, 200))

    def interfere(request):
        if request.method == "PUT" and request.path.endswith(NAMES.roster):
            hall.edit(NAMES.roster, renewals=next(turns))

    hall.connections["a"].before = interfere
    with pytest.raises(StateConflict, match="5 times in a row"):
        hall.beat("a")


def test_an_own_lease_that_others_write_all_the_time_is_a_conflict(hall):
    hall.rounds("a")
    turns = iter(range(100, 200))

    def interfere(request):
        if request.method == "PUT":
            hall.edit(NAMES.member("a"), beats=next(turns))

    hall.connections["a"].before = interfere
    with pytest.raises(StateConflict, match="member-a-"):
        hall.beat("a")


def test_who_leaves_while_others_write_all_the_time_says_so(hall):
    hall.rounds("ab")
    turns = iter(range(100, 200))

    def interfere(request):
        if request.method == "PUT":
            hall.edit(NAMES.roster, renewals=next(turns))

    hall.connections["b"].before = interfere
    with pytest.raises(StateConflict):
        hall.coordinators["b"].leave(hall.contexts["b"], B)


# -- two engines of one id ----------------------------------------------------------------------------------------------------
def twin(hall):
    """A second engine that calls itself a: with a start of its own."""
    hall.join("twin")
    hall.contexts["twin"].random.seed(1)


def test_a_second_engine_of_one_id_is_refused(hall):
    twin(hall)
    hall.rounds("a")
    with pytest.raises(StateLocked, match="an id of its own"):
        hall.beat("twin", A)


def test_an_engine_that_is_started_anew_under_its_old_id_waits_for_the_old_lease(hall):
    """Also when it is the only one: nobody else would clear the old Lease away."""
    twin(hall)
    hall.rounds("a")
    waited = 0.0
    while True:
        try:
            standing = hall.beat("twin", A)
        except StateLocked:
            hall.rest(PACE.interval)
            waited += PACE.interval
        else:
            break
    assert PACE.duration <= waited <= PACE.duration + PACE.interval
    assert standing.roster.ids == ("a",)
    with pytest.raises(StateLocked):
        hall.beat("a")


# -- what is lost or damaged --------------------------------------------------------------------------------------------------
def test_a_list_that_was_deleted_is_made_anew_and_the_generation_goes_on(hall):
    """Even where the time of day of the one who makes it is behind."""
    hall.rounds("ab")
    before = hall.beat("b").roster.generation
    hall.contexts["a"].clock.jump(-86_400.0)
    assert hall.cluster.request("DELETE", f"{PATH}/{NAMES.roster}")[0] == 200
    hall.rounds("ab")
    after = hall.beat("b").roster
    assert after.ids == ("a", "b")
    assert after.generation > before


def test_a_list_from_a_backup_is_raised_above_what_members_have_seen(hall):
    """One who does not lead is told to wait until the leader has raised it."""
    hall.rounds("ab")
    before = hall.beat("b").roster.generation
    hall.edit(NAMES.roster, generation=before - 10)
    with pytest.raises(StateConflict, match="deleted or restored"):
        hall.beat("b")
    assert hall.beat("a").roster.generation > before
    assert hall.beat("b").roster.generation > before


def test_a_list_that_does_not_decode_stops_everybody_and_says_how_to_mend_it(hall):
    hall.rounds("ab")
    hall.spoil(NAMES.roster)
    for name in "ab":
        with pytest.raises(StateCorrupt, match=rf"default/{NAMES.roster}.*delete it") as caught:
            hall.beat(name)
    assert caught.value.disposition is Disposition.STALL
    assert hall.cluster.request("DELETE", f"{PATH}/{NAMES.roster}")[0] == 200
    hall.rounds("ab")
    assert hall.beat("b").roster.ids == ("a", "b")


def test_a_lease_that_no_member_wrote_counts_nobody_in_and_stays(hall):
    stranger = {"metadata": {"name": "stranger", "labels": NAMES.labels("member")}, "spec": {"holderIdentity": "x"}}
    assert hall.cluster.request("POST", PATH, stranger)[0] == 201
    hall.rounds("a", 8)
    assert hall.beat("a").roster.ids == ("a",)
    assert "stranger" in hall.leases()


# -- what the API server answers ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("answer", "ours", "words", "disposition"),
    [
        (Denied("forbidden"), Denied, r"coordination.kubernetes.permissions\(\)", Disposition.STALL),
        (NotFound("no namespace"), StateUnavailable, "create the namespace", Disposition.RETRY),
        (Invalid("no"), StateUnavailable, "admission policy", Disposition.STALL),
        (Expired("410"), StateUnavailable, "changes faster", Disposition.RETRY),
        (Transient("503"), StateUnavailable, "standing runs out", Disposition.RETRY),
        (Throttled("429", retry_after=7.0), StateUnavailable, "slow down", Disposition.RETRY),
    ],
)
def test_refusals_are_told_with_their_cure(hall, answer, ours, words, disposition):
    fail_once(hall.connections["a"], answer)
    with pytest.raises(ours, match=words) as caught:
        hall.beat("a")
    assert (caught.value.disposition, caught.value.retry_after) == (disposition, answer.retry_after)


def test_a_place_in_a_list_that_expires_begins_anew_once(hall):
    hall.rounds("a")
    fail_once(hall.connections["a"], Expired("410"), "GET")
    assert hall.beat("a").roster.ids == ("a",)


def test_a_list_comes_in_pages(hall, monkeypatch):
    monkeypatch.setattr("gitops_core.coordination.kubernetes.calls.PAGE", 2)
    hall.rounds("abc")
    assert hall.beat("c").roster.ids == ("a", "b", "c")


def test_a_namespace_that_is_not_there_is_named():
    coordinator = KubernetesLeases(DirectConnection(FakeCluster()), OWNER, "nowhere")
    with pytest.raises(StateUnavailable, match=r"leases nowhere/.*create the namespace"):
        coordinator.beat(make_context(), A)


def test_a_stop_ends_a_beat_before_the_next_request(hall):
    hall.connections["a"].after = lambda _request: hall.contexts["a"].cancel.set()
    with pytest.raises(Cancelled):
        hall.beat("a")


def test_a_beat_that_takes_longer_than_it_is_worth_is_given_up(hall):
    hall.connections["a"].after = lambda _request: hall.contexts["a"].clock.advance(PACE.validity)
    with pytest.raises(DeadlineExceeded):
        hall.beat("a")


# -- leaving --------------------------------------------------------------------------------------------------------------------
def test_a_leader_that_leaves_gives_the_list_away(hall):
    hall.rounds("ab")
    hall.coordinators["a"].leave(hall.contexts["a"], A)
    assert (hall.beat("b").roster.ids, hall.beat("b").roster.leader) == (("b",), "b")
    assert set(hall.leases()) == {NAMES.roster, NAMES.member("b")}


def test_the_last_one_leaves_an_empty_list_that_keeps_its_generation(hall):
    hall.rounds("a")
    before = hall.beat("a").roster.generation
    hall.coordinators["a"].leave(hall.contexts["a"], A)
    assert set(hall.leases()) == {NAMES.roster}
    assert "holderIdentity" not in hall.leases()[NAMES.roster]["spec"]
    assert hall.beat("b").roster.generation > before + 1


def test_a_member_that_was_never_counted_in_leaves_only_its_lease(hall):
    hall.rounds("a")
    hall.beat("b")
    hall.coordinators["b"].leave(hall.contexts["b"], B)
    assert set(hall.leases()) == {NAMES.roster, NAMES.member("a")}


def test_a_member_whose_first_beat_failed_leaves(hall):
    hall.connections["a"].before = lambda _request: hall.contexts["a"].check()
    fail_once(hall.connections["a"], Transient("no"))
    with pytest.raises(StateUnavailable):
        hall.beat("a")
    hall.coordinators["a"].leave(hall.contexts["a"], A)
    assert hall.leases() == {}


def test_a_lease_of_another_engine_of_that_id_is_not_deleted(hall):
    hall.rounds("a")
    assert hall.cluster.request("DELETE", f"{PATH}/{NAMES.member('a')}")[0] == 200
    twin(hall)
    hall.beat("twin", A)
    hall.coordinators["a"].leave(hall.contexts["a"], A)
    assert NAMES.member("a") in hall.leases()


# -- names and permissions ------------------------------------------------------------------------------------------------------
def test_two_owners_in_one_namespace_never_meet(hall):
    other = KubernetesLeases(DirectConnection(hall.cluster), Owner("example.org", "other"), "default")
    hall.rounds("a")
    assert other.beat(make_context(), B).roster.ids == ("b",)
    hall.rounds("a")
    assert hall.beat("a").roster.ids == ("a",)


@pytest.mark.parametrize("name", ["", "Default", "a/b", "-a", "x" * 64])
def test_a_namespace_has_a_namespaces_name(name):
    with pytest.raises(ConfigError, match="namespace"):
        KubernetesLeases(DirectConnection(FakeCluster()), OWNER, name)


@pytest.mark.parametrize("name", ["a", "A", "ü", "☃", "x" * 300, "\ud800", "a/b"])
def test_names_of_leases_are_dns_labels_whatever_the_id(name):
    found = NAMES.member(name)
    assert len(found) <= 63
    assert found.replace("-", "").isalnum()
    assert found.isascii()
    assert found == found.lower()


def test_the_permissions_are_enough():
    cluster = FakeCluster(ClusterSettings(rbac=True, users={"engine": ()}))
    rbac = "/apis/rbac.authorization.k8s.io/v1/namespaces/default"
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "members"}
    subject = {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "engine"}
    coordinator = KubernetesLeases(DirectConnection(cluster, "engine"), OWNER, "default")
    with pytest.raises(Denied, match="permissions"):
        coordinator.beat(make_context(), A)
    assert cluster.request("POST", f"{rbac}/roles", {"metadata": {"name": "members"}, "rules": permissions()})[0] == 201
    binding = {"metadata": {"name": "members"}, "roleRef": role, "subjects": [subject]}
    assert cluster.request("POST", f"{rbac}/rolebindings", binding)[0] == 201
    ctx = make_context()
    coordinator.beat(ctx, A)
    coordinator.beat(ctx, B)
    for _ in range(7):
        coordinator.beat(ctx, A)
        ctx.clock.advance(PACE.interval)
    assert coordinator.beat(ctx, A).roster.ids == ("a",)
    coordinator.leave(ctx, A)
