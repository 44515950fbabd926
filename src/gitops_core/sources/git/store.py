"""One bare repository of the cache: objects in, objects out, nothing checked out."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Final

from dulwich.errors import ChecksumMismatch
from dulwich.object_store import DiskObjectStore
from dulwich.objects import ObjectID, RawObjectID
from dulwich.pack import Pack, PackFileDisappeared

from gitops_core.errors import CorruptObject
from gitops_core.sources.git import packs
from gitops_core.sources.git.translation import translate

_NAMES: Final = {packs.COMMIT: b"commit", packs.TREE: b"tree", packs.BLOB: b"blob", packs.TAG: b"tag"}
_MOST_HAVES: Final = 32
_MOST_PACKS: Final = 12
_TOGETHER: Final = 7  # at least so many of them become one
_ID_LENGTH: Final = 40
_CONFIG: Final = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"


class Store:
    """
    Objects in a directory. Reading is safe from any thread; what changes it says so and needs the caller's lock file.

    What makes it safe between processes: a pack appears whole or not at all, and a damaged repository is never mended in place
    but marked, and moved away by the next one who holds the lock.

    Attributes:
        path: A bare repository that the ``git`` command can look into.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._directory = str(path / "objects")
        self._head = str(path / "HEAD")
        self._objects: DiskObjectStore | None = None
        self._largest: Pack | None = None  # most objects are in it, and asked directly it takes half as long
        self._identity: tuple[int, int] | None = None
        # dulwich's pack cache loses track of files when two threads look for new packs at once.
        self._lock = threading.Lock()

    def has(self, object_id: str) -> bool:
        """Tell whether the object is here. A commit that :meth:`receive` brought is here with its whole tree."""
        name = ObjectID(object_id.encode())
        with contextlib.suppress(CorruptObject), self._reading(f"the cache, looking for {object_id}"):
            objects = self._open()
            return objects is not None and name in objects
        return False

    def snapshot(self) -> Callable[[str], bool]:
        """Return a faster :meth:`has` that does not hear of what comes later. Needs the lock file."""
        with self._reading("the cache"):
            objects = self._open()
            opened = [] if objects is None else objects.packs

        def has(object_id: str) -> bool:
            name = ObjectID(object_id.encode())
            with self._lock:
                return any(name in pack for pack in opened)

        return has

    def read(self, object_id: str) -> tuple[int, bytes]:
        """
        Return the type and bytes of an object, checked against its id.

        Raises:
            CorruptObject: It is damaged or gone. The store is marked: the next :meth:`prepare` begins anew. RETRY.
        """
        name = ObjectID(object_id.encode())
        with self._reading(f"object {object_id} in the cache"):
            kind, data = self._raw(name)
            digest = hashlib.sha1(b"%s %d\0" % (_NAMES[kind], len(data)), usedforsecurity=False)
            digest.update(data)
            if digest.hexdigest() != object_id:
                raise ChecksumMismatch(object_id, digest.hexdigest())
        return kind, data

    @contextlib.contextmanager
    def _reading(self, what: str) -> Iterator[None]:
        """Hold off other readers, and take whatever goes wrong, save with the disk, for damage."""
        try:
            with self._lock:
                yield
        except OSError as error:
            raise translate(error, what) from error
        except Exception as error:
            self._mark()
            self.close()  # the next read looks at what is there then
            raise CorruptObject(f"{what} is damaged or gone; it is fetched again next time") from error

    def _raw(self, name: ObjectID) -> tuple[int, bytes]:
        if self._largest is not None:
            try:
                return self._largest.get_raw(name)
            except KeyError:  # we look everywhere
                pass
            except (OSError, PackFileDisappeared):
                self._forget_largest()
        if self._objects is not None:
            with contextlib.suppress(KeyError):
                return self._found(self._objects, name)
        # Not where we looked; somebody may have begun anew since.
        objects = self._open()
        if objects is None:
            raise KeyError(name)
        return self._found(objects, name)

    def _forget_largest(self) -> None:
        """It was put together with others, or the disk is failing, which the next look will tell."""
        gone, self._largest = self._largest, None
        if gone is not None:
            gone.close()  # the object store may have forgotten it

    def _found(self, objects: DiskObjectStore, name: ObjectID) -> tuple[int, bytes]:
        found = objects.get_raw(name)
        if self._largest is None:
            self._largest = max(objects.packs, key=len, default=None)
        return found

    def prepare(self) -> None:
        """Make the store fit to be written: create it, or begin anew when it is marked, and clear what a crash left. Needs the lock file."""
        if (self.path / "corrupt").exists():
            aside = Path(tempfile.mkdtemp(dir=self.path.parent, prefix=".aside-"))
            self.path.rename(aside / "repository")
            shutil.rmtree(aside)
        if not self.path.exists():
            self._create()
        elif (self.path / "busy").exists():
            self._sweep()

    @contextlib.contextmanager
    def incoming(self) -> Iterator[IO[bytes]]:
        """Give a file for a pack that arrives. Needs the lock file."""
        busy = self.path / "busy"
        busy.touch()
        with tempfile.TemporaryFile(dir=self.path) as file:
            yield file
        busy.unlink()

    def receive(self, file: IO[bytes], limit: int) -> None:
        """
        Take in the pack in *file*: all of it, or nothing. Needs the lock file.

        Raises:
            LimitExceeded: An object unpacks to more than *limit* bytes. STALL.
            CorruptObject: The pack is damaged. RETRY.
        """
        file.flush()
        if not packs.check_sizes(file, limit):
            return
        # An object store of its own: indexing takes a while, and readers need not wait for it.
        with contextlib.closing(DiskObjectStore(self._directory)) as objects:
            file.seek(0)
            objects.add_thin_pack(file.read, None)

    def compact(self) -> None:
        """
        Put the smallest packs together when there are more than 12: every fetch adds one. Needs the lock file.

        So a store that is read holds at most 4 x 13 descriptors (a pack is two files, and each is mapped), and as many again while
        packs are put together. What is put together is at least twice as large as before, so an object that stays is rewritten as
        often as the store doubles, not once for every few fetches: Git's own ``repack --geometric`` does the same.

        Cost: reads and writes what is in the smaller packs.
        """
        found = sorted((self.path / "objects" / "pack").glob("*.pack"), key=lambda pack: pack.stat().st_size)
        if len(found) <= _MOST_PACKS:
            return
        small = {pack.stem for pack in found[: together([pack.stat().st_size for pack in found])]}
        with contextlib.closing(DiskObjectStore(self._directory)) as objects, self.incoming() as file:
            held = [pack for pack in objects.packs if _stem(pack) in small]
            ids = sorted({sha for pack in held for sha, _offset, _crc in pack.index.iterentries()})
            packs.write_pack(file.write, len(ids), (objects.get_raw(RawObjectID(sha)) for sha in ids))
            file.seek(0)
            small.discard(_stem(objects.add_thin_pack(file.read, None)))
        for stem in sorted(small):
            for suffix in (".idx", ".pack"):  # without its index a pack is not seen
                (self.path / "objects" / "pack" / f"{stem}{suffix}").unlink(missing_ok=True)
        self.close()  # what is gone would stay open until something is looked for that is not here

    def haves(self) -> tuple[str, ...]:
        """Return the commits received last, oldest first, as far as they are still here."""
        return tuple(commit for commit in self._lines("haves") if self.has(commit))

    def remember(self, commit: str) -> None:
        """Note that *commit* is here whole. Needs the lock file."""
        self._write("haves", [*(have for have in self._lines("haves") if have != commit), commit][-_MOST_HAVES:])

    def shallow(self) -> frozenset[str]:
        """Return the commits whose parents are not here, as far as known."""
        return frozenset(self._lines("shallow"))

    def set_shallow(self, commits: frozenset[str]) -> None:
        """Note the commits whose parents are not here; before the pack comes, so that a crash leaves no gap that nobody knows."""
        self._write("shallow", sorted(commits))

    @property
    def busy(self) -> bool:
        """Somebody, perhaps this very thread, is in the middle of a call."""
        return self._lock.locked()

    def close(self) -> None:
        """Let go of all files; they are opened again when needed."""
        with self._lock:
            self._let_go()

    def _let_go(self) -> None:
        objects = self._objects
        self._objects = self._identity = None
        self._forget_largest()
        if objects is not None:
            objects.close()

    def _open(self) -> DiskObjectStore | None:
        identity = self._who()
        if identity is None:
            return None
        if self._objects is None or identity != self._identity:
            self._let_go()
            self._objects, self._identity = DiskObjectStore(self._directory), identity
        return self._objects

    def _who(self) -> tuple[int, int] | None:
        """Return what tells this repository from one that takes its place; None when there is none."""
        try:
            found = os.stat(self._head)  # noqa: PTH116  # why: on the path of every look-up
        except FileNotFoundError:
            return None
        return found.st_ino, found.st_mtime_ns  # HEAD is written once; inode numbers alone are used again

    def _create(self) -> None:
        made = Path(tempfile.mkdtemp(dir=self.path.parent, prefix=".new-"))
        DiskObjectStore.init(str(made / "objects")).close()
        (made / "refs").mkdir()
        (made / "HEAD").write_text("ref: refs/heads/none\n")
        (made / "config").write_text(_CONFIG)
        made.rename(self.path)

    def _sweep(self) -> None:
        """Remove what a killed process left: half-written packs, and locks that nobody holds any more."""
        for directory in (self.path, self.path / "objects", self.path / "objects" / "pack"):
            for entry in directory.iterdir():
                half_written = entry.suffix == ".pack" and not entry.with_suffix(".idx").exists()
                if entry.name.startswith(("tmp", ".tmp")) or entry.suffix == ".lock" or half_written:
                    entry.unlink(missing_ok=True)

    def _mark(self) -> None:
        with contextlib.suppress(OSError):  # the error about the object is the one to report
            if self._identity is not None and self._who() == self._identity:
                (self.path / "corrupt").touch()

    @property
    def is_sound(self) -> bool:
        """Nobody has found a damaged object."""
        return not (self.path / "corrupt").exists()

    def _lines(self, name: str) -> list[str]:
        try:
            lines = (self.path / name).read_text().split()
        except FileNotFoundError:
            return []
        return [line for line in lines if len(line) == _ID_LENGTH]

    def _write(self, name: str, lines: list[str]) -> None:
        handle, temporary = tempfile.mkstemp(dir=self.path, prefix=".tmp-")
        with os.fdopen(handle, "w") as file:
            file.writelines(f"{line}\n" for line in lines)
        Path(temporary).replace(self.path / name)


def _stem(pack: Pack) -> str:
    return f"pack-{pack.name().decode()}"


def together(sizes: list[int]) -> int:
    """Return how many of the smallest packs become one, of *sizes* in ascending order: more while the next is not twice as large."""
    count = _TOGETHER
    while count < len(sizes) and sizes[count] < 2 * sum(sizes[:count]):
        count += 1
    return count
