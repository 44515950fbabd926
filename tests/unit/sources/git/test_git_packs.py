import struct
import tempfile
import zlib

import pytest

from gitops_core.errors import CorruptObject, LimitExceeded
from gitops_core.sources.git.packs import BLOB, check_sizes, write_pack


def packed(*objects):
    file = tempfile.TemporaryFile()  # noqa: SIM115  # why: the caller closes it
    write_pack(file.write, len(objects), [(BLOB, data) for data in objects])
    file.flush()
    return file


def raw(data):
    file = tempfile.TemporaryFile()  # noqa: SIM115  # why: the caller closes it
    file.write(data)
    file.flush()
    return file


def one_object(header, body, count=1):
    return struct.pack(">4sLL", b"PACK", 2, count) + header + body


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 2047, 2048, 100_000])
def test_a_pack_of_ours_is_whole_at_every_size(size):
    with packed(b"x" * size, b"y") as file:
        assert check_sizes(file, 100_000) == 2


def test_an_object_of_several_megabytes_is_followed_by_the_next_one():
    """zlib hands back what it did not need in two places at once, when an object takes more than one step."""
    with packed(b"x" * 3_500_000, b"y" * 5, b"z" * 2_000_000, b"end") as file:
        assert check_sizes(file, 5_000_000) == 4


def test_an_object_that_unpacks_to_too_much_is_refused_before_it_is_unpacked():
    with packed(b"\0" * 5_000_000) as file, pytest.raises(LimitExceeded, match="5,000,000 bytes"):
        check_sizes(file, 1_000_000)


def test_a_delta_whose_result_is_too_large_is_refused():
    delta = zlib.compress(b"\x01" + b"\xff\xff\xff\x7f" + b"\x90\x01")
    for header in (bytes([(7 << 4) | 7]) + b"\0" * 20, bytes([(6 << 4) | 7]) + b"\x81\x01"):
        with raw(one_object(header, delta)) as file, pytest.raises(LimitExceeded, match="unpacks to"):
            check_sizes(file, 1_000_000)


def test_a_small_delta_passes():
    delta = zlib.compress(b"\x01\x01\x90\x01")
    with raw(one_object(bytes([(7 << 4) | 4]) + b"\0" * 20, delta)) as file:
        assert check_sizes(file, 100) == 1


@pytest.mark.parametrize(
    "data",
    [
        b"PAC",
        b"JUNK" + b"\0" * 20,
        one_object(b"\x31", b"not zlib at all"),
        one_object(b"\x31", b""),
        one_object(b"\x31", zlib.compress(b"longer than one")),
        one_object(b"\x3f", zlib.compress(b"short")),
        one_object(b"\x31", zlib.compress(b"x"), count=2),
        one_object(b"\x31", zlib.compress(b"x")[:-3]),
        one_object(b"\xb1", b""),
    ],
)
def test_what_is_damaged_or_cut_off_is_no_pack(data):
    with raw(data) as file, pytest.raises(CorruptObject):
        check_sizes(file, 1000)


def test_dulwich_reads_what_we_write(tmp_path):
    from dulwich.object_store import DiskObjectStore

    store = DiskObjectStore.init(str(tmp_path / "objects"))
    with packed(b"one", b"two" * 1000) as file:
        file.seek(0)
        store.add_thin_pack(file.read, None)
    assert sorted(store[i].data for i in store) == [b"one", b"two" * 1000]
    store.close()
