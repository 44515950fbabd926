import errno
import os
import tempfile
from pathlib import Path

import pytest
from dulwich.objects import Blob

from gitops_core.errors import ConfigError, CorruptObject, LimitExceeded, SourceUnavailable
from gitops_core.sources.git.packs import BLOB, write_pack
from gitops_core.sources.git.store import Store, together


def blob_id(data):
    return Blob.from_string(data).id.decode()


def fill(store, *contents, limit=1000):
    store.prepare()
    with store.incoming() as file:
        write_pack(file.write, len(contents), [(BLOB, data) for data in contents])
        store.receive(file, limit)


@pytest.fixture
def store(tmp_path):
    made = Store(tmp_path / "a.git")
    yield made
    made.close()


def only_pack(store):
    (pack,) = (store.path / "objects" / "pack").glob("*.pack")
    return pack


def test_what_comes_in_comes_out(store):
    fill(store, b"one", b"two")
    assert store.has(blob_id(b"one"))
    assert store.read(blob_id(b"two")) == (BLOB, b"two")
    assert not store.has(blob_id(b"three"))


def test_nothing_is_here_before_the_first_fetch(store):
    assert not store.has(blob_id(b"one"))
    assert store.haves() == ()
    assert store.is_sound
    with pytest.raises(CorruptObject, match="fetched again"):
        store.read(blob_id(b"one"))


def test_an_empty_pack_is_no_pack(store):
    fill(store)
    assert not list((store.path / "objects" / "pack").iterdir())


def test_the_git_command_could_look_into_it(store):
    from dulwich.repo import Repo

    fill(store, b"one")
    with Repo(str(store.path)) as repo:
        assert repo[blob_id(b"one").encode()].data == b"one"


def test_a_damaged_object_is_found_and_the_next_fetch_begins_anew(store):
    """Trap: dulwich inflates a packed object without comparing it with its id."""
    fill(store, b"one")
    pack = only_pack(store)
    pack.chmod(0o600)
    import zlib

    data = pack.read_bytes()
    at = data.index(zlib.compress(b"one", 1))
    pack.write_bytes(data[:at] + zlib.compress(b"ONE", 1) + data[at + len(zlib.compress(b"one", 1)) :])
    with pytest.raises(CorruptObject, match=blob_id(b"one")):
        store.read(blob_id(b"one"))
    assert not store.is_sound
    fill(store, b"one")
    assert store.is_sound
    assert store.read(blob_id(b"one")) == (BLOB, b"one")
    assert sorted(p.name for p in store.path.parent.iterdir()) == ["a.git"]


@pytest.mark.parametrize("suffix", [".pack", ".idx"])
@pytest.mark.parametrize("damage", [b"", b"junk", None])
def test_damage_of_any_kind_is_damage(store, suffix, damage):
    fill(store, b"one")
    store.close()
    broken = only_pack(store).with_suffix(suffix)
    broken.chmod(0o600)
    data = broken.read_bytes()
    broken.write_bytes(data[: len(data) // 2] if damage is None else damage)
    assert store.has(blob_id(b"one")) in (True, False)
    with pytest.raises(CorruptObject):
        store.read(blob_id(b"one"))
    fill(store, b"one")
    assert store.read(blob_id(b"one")) == (BLOB, b"one")


def test_a_disk_that_fails_is_not_damage(store, monkeypatch):
    fill(store, b"one")

    def fail(*_args):
        raise OSError(errno.EIO, "I/O error")

    monkeypatch.setattr(store._open(), "get_raw", fail)
    with pytest.raises(SourceUnavailable):
        store.read(blob_id(b"one"))
    assert store.is_sound


def test_another_process_that_began_anew_is_noticed(store, tmp_path):
    fill(store, b"one")
    store.read(blob_id(b"one"))
    other = Store(store.path)
    (store.path / "corrupt").touch()
    fill(other, b"two")
    assert store.read(blob_id(b"two")) == (BLOB, b"two")
    with pytest.raises(CorruptObject):
        store.read(blob_id(b"one"))
    other.close()


def test_an_old_reader_does_not_spoil_a_new_store(store):
    fill(store, b"one")
    store.read(blob_id(b"one"))
    other = Store(store.path)
    (store.path / "corrupt").touch()
    fill(other, b"two")
    store._mark()
    assert other.is_sound
    other.close()


def test_what_a_killed_fetch_left_is_swept_by_the_next(store):
    """Trap: dulwich's lock files outlive a killed process and refuse every later write."""
    fill(store, b"one")
    left = [
        store.path / "busy",
        store.path / ".tmp-x",
        store.path / "objects" / "tmp_pack_x",
        store.path / "objects" / "pack" / "tmpabc.pack",
        store.path / "objects" / "pack" / "pack-1234.pack",
        store.path / "objects" / "pack" / "pack-1234.idx.lock",
    ]
    for path in left:
        path.write_bytes(b"")
    fill(store, b"two")
    assert not any(path.exists() for path in left)
    assert store.has(blob_id(b"one"))
    assert store.has(blob_id(b"two"))


def test_a_fetch_that_fails_leaves_nothing_behind_that_counts(store):
    fill(store, b"one")
    with pytest.raises(LimitExceeded):
        fill(store, b"x" * 2000)
    assert not store.has(blob_id(b"x" * 2000))
    fill(store, b"two")
    assert not (store.path / "busy").exists()
    assert len(list((store.path / "objects" / "pack").glob("*.pack"))) == 2


def test_a_pack_cut_off_is_refused_whole(store):
    store.prepare()
    with tempfile.TemporaryFile() as whole:
        write_pack(whole.write, 2, [(BLOB, b"one"), (BLOB, os.urandom(500))])
        size = whole.tell()
        whole.seek(0)
        cut = whole.read(size - 30)
    with store.incoming() as file:
        file.write(cut)
        with pytest.raises(CorruptObject):
            store.receive(file, 1000)
    assert not store.has(blob_id(b"one"))


def test_the_commits_received_last_are_remembered_in_order_and_only_so_many(store):
    ids = [blob_id(b"%d" % n) for n in range(40)]
    fill(store, *[b"%d" % n for n in range(40)])
    for one in [*ids, ids[20]]:
        store.remember(one)
    assert store.haves() == (*ids[8:20], *ids[21:], ids[20])


def test_remembered_commits_that_are_gone_are_not_claimed(store):
    fill(store, b"one")
    store.remember(blob_id(b"one"))
    store.remember("0" * 40)
    (store.path / "haves").write_text((store.path / "haves").read_text() + "torn li")
    assert store.haves() == (blob_id(b"one"),)


def test_shallow_commits_are_kept(store):
    store.prepare()
    store.set_shallow(frozenset({"b" * 40, "a" * 40}))
    assert store.shallow() == {"a" * 40, "b" * 40}


def test_many_small_packs_are_put_together(store, tmp_path):
    """Every pack is four descriptors, and a busy branch brings one a minute."""
    fill(store, *[os.urandom(1000) for _ in range(20)], limit=10_000)
    reader = Store(store.path)
    for n in range(60):
        fill(store, b"%d" % n, b"shared")
        assert reader.read(blob_id(b"%d" % n)) == (BLOB, b"%d" % n)
        store.compact()
        assert len(list((store.path / "objects" / "pack").glob("*.pack"))) <= 12
    found = sorted((store.path / "objects" / "pack").iterdir())
    assert {path.suffix for path in found} == {".idx", ".pack"}
    assert all(each.read(blob_id(b"%d" % n)) == (BLOB, b"%d" % n) for n in range(60) for each in (store, reader))
    assert not (store.path / "busy").exists()
    reader.close()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="counts descriptors as Linux lists them")
def test_the_descriptors_of_a_store_are_bounded_however_often_is_fetched(store):
    """At most thirteen packs of four, for the one who fetches and for another process that only reads."""
    reader, most = Store(store.path), 0
    for n in range(40):
        fill(store, b"%d" % n)
        store.compact()
        for each in (store, reader):
            assert each.read(blob_id(b"%d" % n)) == (BLOB, b"%d" % n)
            assert each.read(blob_id(b"0")) == (BLOB, b"0")
        most = max(most, descriptors(store.path))
    assert 0 < most <= 2 * 4 * 13
    store.close()
    reader.close()
    assert descriptors(store.path) == 0


def descriptors(path):
    files = (os.path.realpath(name) for name in Path("/proc/self/fd").iterdir())
    return sum(str(path / "objects" / "pack") in file for file in files)


@pytest.mark.parametrize(
    ("sizes", "count"),
    [([1] * 13, 13), ([1] * 12 + [1000], 12), ([*[1] * 7, 14, 1000, 2000, 4000, 8000, 16000], 7), ([2**n for n in range(13)], 13),
     ([4**n for n in range(13)], 7)],
)  # fmt: skip
def test_packs_are_put_together_until_the_next_is_twice_as_large(sizes, count):
    assert together(sizes) == count


def test_an_object_is_rewritten_as_often_as_the_store_doubles():
    """A thousand fetches of one unit each: with all small packs rewritten each time it would be some eighty times."""
    sizes, rewritten = [1000], 0
    for _ in range(1000):
        sizes = sorted([*sizes, 1])
        if len(sizes) > 12:
            count = together(sizes)
            rewritten += sum(sizes[:count])
            sizes = sorted([sum(sizes[:count]), *sizes[count:]])
    assert rewritten <= 10 * 1000


def test_a_pack_that_holds_what_all_others_do_is_not_lost(store):
    fill(store, *[b"%d" % n for n in range(5)])
    for n in range(60):
        fill(store, b"%d" % (n % 5), b"%d" % ((n + 1 + n // 5) % 5), b"%d" % ((n + 2) % 5))
    import gitops_core.sources.git.store as module

    module._MOST_PACKS, most = 1, module._MOST_PACKS
    try:
        store.compact()
        store.compact()
    finally:
        module._MOST_PACKS = most
    assert all(store.has(blob_id(b"%d" % n)) for n in range(5))
    assert len(list((store.path / "objects" / "pack").glob("*.pack"))) == 1


def test_what_has_moved_out_of_the_largest_pack_is_found_where_it_is_now(store):
    fill(store, b"one", b"two")
    assert store.read(blob_id(b"one")) == (BLOB, b"one")
    store._largest.close()  # as dulwich does when it has too many open
    for path in list((store.path / "objects" / "pack").iterdir()):
        path.unlink()
    fill(store, b"one", b"three")
    assert store.read(blob_id(b"one")) == (BLOB, b"one")
    assert store.read(blob_id(b"three")) == (BLOB, b"three")
    with pytest.raises(CorruptObject, match="fetched again"):
        store.read(blob_id(b"two"))


def test_a_snapshot_knows_what_was_here(store):
    fill(store, b"one")
    has = store.snapshot()
    assert has(blob_id(b"one"))
    assert not has(blob_id(b"two"))
    assert not Store(store.path.parent / "none.git").snapshot()(blob_id(b"one"))


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user that modes apply to; root may do anything")
def test_a_cache_that_may_not_be_read_says_so(store):
    fill(store, b"one")
    store.close()
    store.path.chmod(0)
    with pytest.raises(ConfigError, match="cache directory"):
        store.read(blob_id(b"one"))
    store.path.chmod(0o700)
