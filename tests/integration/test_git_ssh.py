"""GitSource against a real OpenSSH server, and against ``git daemon``."""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

import pytest

from gitops_core.errors import (
    AuthenticationFailed,
    Cancelled,
    ConfigError,
    LimitExceeded,
    RepositoryNotFound,
    RevisionVanished,
    SourceUnavailable,
)
from gitops_core.sources.git import GitLimits, GitSource, Ssh, Transport
from gitops_core.testing.contexts import make_context
from gitops_core.testing.git_server import GitRepository

SSHD = shutil.which("sshd") or "/usr/sbin/sshd"

pytestmark = [
    pytest.mark.needs_git,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git command to serve with"),
    pytest.mark.slow,
]
needs_sshd = [
    pytest.mark.needs_sshd,
    pytest.mark.skipif(not Path(SSHD).exists(), reason="no OpenSSH server (sshd)"),
    pytest.mark.skipif(shutil.which("ssh") is None, reason="no OpenSSH client (ssh)"),
]


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def wait_for(port, process):
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the server ended"
        time.sleep(0.02)
    pytest.fail("the server never listened")


def key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


@pytest.fixture(scope="module")
def sshd(tmp_path_factory):
    """A server on a free port of the loopback interface that lets one key in."""
    place = tmp_path_factory.mktemp("sshd")
    key(place / "host")
    key(place / "mine")
    key(place / "stranger")
    (place / "authorized").write_text((place / "mine.pub").read_text())
    port = free_port()
    (place / "known_hosts").write_text(f"[127.0.0.1]:{port} {(place / 'host.pub').read_text()}")
    (place / "other_hosts").write_text(f"[127.0.0.1]:{port} {(place / 'stranger.pub').read_text()}")
    (place / "config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nAuthorizedKeysFile {place}/authorized\nPidFile none\n"
        "StrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\n"
        "AcceptEnv GIT_PROTOCOL\n"
    )
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(exist_ok=True)  # where sshd separates privileges when it has some
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", place / "config"], stderr=subprocess.DEVNULL)
    wait_for(port, process)
    place.joinpath("port").write_text(str(port))
    yield place
    process.terminate()
    process.wait()


@pytest.fixture
def repo(tmp_path):
    made = GitRepository.create(tmp_path / "it's here.git")
    made.commit({"edge/a.yaml": "1"})
    return made


@pytest.fixture
def ctx():
    return make_context()


@pytest.fixture
def source(tmp_path):
    made = []

    def make(url, **options):
        made.append(GitSource(url, "main", cache_dir=tmp_path / "cache", **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def url(request, repo):
    place = request.getfixturevalue("sshd")
    path = str(repo.path).replace(" ", "%20")
    return f"ssh://{getpass.getuser()}@127.0.0.1:{(place / 'port').read_text()}{path}"


def over(sshd, **changes):
    return Transport(ssh=Ssh(**{"key_file": sshd / "mine", "known_hosts": sshd / "known_hosts", **changes}), read_timeout=10)


def fetch(source, ctx):
    return source.fetch(ctx, source.resolve(ctx))


def read(source, ctx):
    tree = fetch(source, ctx)
    return tree.read(tree.files["edge/a.yaml"]).decode()


class TestSsh:
    pytestmark = needs_sshd

    def test_a_key_and_a_known_host_are_all_it_takes(self, repo, source, ctx, sshd, url):
        first = repo.head()
        one = source(url, transport=over(sshd))
        assert read(one, ctx) == "1"
        repo.commit({"edge/a.yaml": "2", "b": "b"})
        repo.commit({"c": "c"})
        assert read(one, ctx) == "2"
        assert fetch(one, ctx).history("edge/a.yaml").id not in (first, repo.head())

    def test_another_key_is_refused(self, source, ctx, sshd, url):
        with pytest.raises(AuthenticationFailed, match=r"refused our key.*Ssh\.key_file"):
            source(url, transport=over(sshd, key_file=sshd / "stranger")).resolve(ctx)

    def test_an_unknown_host_is_refused_unless_it_may_be_learnt(self, source, ctx, sshd, url, tmp_path):
        with pytest.raises(AuthenticationFailed, match=r"host key.*known_hosts"):
            source(url, transport=over(sshd, known_hosts=tmp_path / "none")).resolve(ctx)
        learning = over(sshd, known_hosts=tmp_path / "learnt", host_key_checking="accept-new")
        assert read(source(url, transport=learning), ctx) == "1"
        assert (tmp_path / "learnt").exists()

    def test_a_host_whose_key_changed_is_refused(self, source, ctx, sshd, url):
        with pytest.raises(AuthenticationFailed, match="host key"):
            source(url, transport=over(sshd, known_hosts=sshd / "other_hosts")).resolve(ctx)

    def test_no_repository_there(self, source, ctx, sshd, url):
        with pytest.raises(RepositoryNotFound, match="there is no repository"):
            source(url + "-not", transport=over(sshd)).resolve(ctx)

    def test_nobody_listens(self, source, ctx, sshd):
        with pytest.raises(SourceUnavailable, match="refused"):
            source(f"ssh://x@127.0.0.1:{free_port()}/a", transport=over(sshd)).resolve(ctx)

    def test_a_commit_that_is_gone(self, repo, source, ctx, sshd, url):
        one = source(url, transport=over(sshd))
        base = repo.head()
        repo.commit({"edge/a.yaml": "2"})
        revision = one.resolve(ctx)
        repo.branch("main", base)
        subprocess.run(["git", "-C", repo.path, "gc", "-q", "--prune=now"], check=True)
        with pytest.raises(RevisionVanished):
            one.fetch(ctx, revision)

    def test_a_pack_that_is_too_large_stops_while_it_comes(self, repo, source, ctx, sshd, url):
        repo.commit({"big": os.urandom(1_000_000)})
        with pytest.raises(LimitExceeded):
            fetch(source(url, transport=over(sshd), limits=GitLimits(pack_bytes=100_000)), ctx)
        assert read(source(url, transport=over(sshd)), ctx) == "1"


def fake_ssh(tmp_path, body):
    program = tmp_path / "fake-ssh"
    program.write_text(f"#!/bin/sh\n{body}\n")
    program.chmod(0o700)
    return Transport(
        ssh=Ssh(command=(str(program), "-J", "bastion"), key_file=tmp_path / "k"), read_timeout=0.4, connect_timeout=7
    )


def test_ssh_is_told_never_to_ask_and_what_to_trust(source, ctx, tmp_path):
    transport = fake_ssh(tmp_path, f'printf "%s\\n" "$@" > "{tmp_path}/arguments"; echo "last words" >&2; exit 255')
    with pytest.raises(SourceUnavailable, match="last words"):
        source("git@example.org:team/repo", transport=transport).resolve(ctx)
    given = (tmp_path / "arguments").read_text().splitlines()
    assert given[:4] == ["-J", "bastion", "-x", "-T"]
    assert {"BatchMode=yes", "ConnectTimeout=7", "StrictHostKeyChecking=yes", "IdentitiesOnly=yes"} <= set(given)
    assert given[-3:] == ["--", "git@example.org", "git-upload-pack 'team/repo'"]


def test_a_silent_ssh_is_ended_with_everything_it_started(source, ctx, tmp_path):
    """Trap: dulwich waits for ever, and what ssh started lives on."""
    transport = fake_ssh(tmp_path, f'sleep 60 & echo $! > "{tmp_path}/child"; wait')
    begun = time.monotonic()
    with pytest.raises(SourceUnavailable, match="read_timeout"):
        source("git@example.org:a", transport=transport).resolve(ctx)
    assert time.monotonic() - begun < 5
    assert ended(int((tmp_path / "child").read_text()))


def ended(pid):
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().split()[2]
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    return False


def test_a_cancel_stops_ssh_within_a_tick(source, tmp_path):
    ctx = make_context()
    transport = fake_ssh(tmp_path, "exec sleep 60")
    timer = threading.Timer(0.2, ctx.cancel.set)
    timer.start()
    begun = time.monotonic()
    with pytest.raises(Cancelled):
        source("git@example.org:a", transport=Transport(ssh=transport.ssh)).resolve(ctx)
    assert time.monotonic() - begun < 3
    timer.join()


def test_an_ssh_that_hangs_up_and_lives_on_is_ended(source, ctx, tmp_path):
    transport = fake_ssh(tmp_path, f'echo $$ > "{tmp_path}/pid"; exec >&- 2>&-; sleep 60')
    with pytest.raises(SourceUnavailable, match="hung up"):
        source("git@example.org:a", transport=transport).resolve(ctx)
    assert ended(int((tmp_path / "pid").read_text()))


def test_an_ssh_that_cannot_be_run(source, ctx, tmp_path):
    transport = fake_ssh(tmp_path, "")
    (tmp_path / "fake-ssh").write_bytes(b"\x7fELFjunk")
    with pytest.raises(SourceUnavailable, match="cannot be reached or read"):
        source("git@example.org:a", transport=transport).resolve(ctx)


def test_no_ssh_command(source, ctx):
    with pytest.raises(ConfigError, match=r"no program 'no-such-ssh'.*Ssh\.command"):
        source("git@example.org:a", transport=Transport(ssh=Ssh(command=("no-such-ssh",)))).resolve(ctx)


# -- git:// -----------------------------------------------------------------------------------------------------------
@pytest.fixture
def daemon(tmp_path, repo):
    port = free_port()
    process = subprocess.Popen(
        [
            "git",
            "daemon",
            "--reuseaddr",
            "--export-all",
            "--listen=127.0.0.1",
            f"--port={port}",
            f"--base-path={tmp_path}",
            tmp_path,
        ],
        env={**os.environ, "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "safe.directory", "GIT_CONFIG_VALUE_0": "*"},
        start_new_session=True,
        stderr=subprocess.DEVNULL,
    )
    wait_for(port, process)
    yield f"git://127.0.0.1:{port}/{repo.path.name.replace(' ', '%20')}"
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()


def test_git_daemon_when_asked_for(repo, source, ctx, daemon):
    with pytest.raises(ConfigError, match="neither encrypted"):
        source(daemon).resolve(ctx)
    open_to_all = Transport(allow_insecure=True)
    one = source(daemon, transport=open_to_all)
    assert read(one, ctx) == "1"
    repo.commit({"edge/a.yaml": "2"})
    assert read(one, ctx) == "2"
    assert fetch(one, ctx).history("edge/a.yaml").id == repo.head()
    with pytest.raises(RepositoryNotFound):
        source(daemon + "-not", transport=open_to_all).resolve(ctx)


def test_a_silent_git_daemon_is_left(source, ctx):
    """Trap: git:// has no timeout in dulwich."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = source(f"git://127.0.0.1:{listener.getsockname()[1]}/a", transport=Transport(allow_insecure=True, read_timeout=0.3))
        begun = time.monotonic()
        with pytest.raises(SourceUnavailable, match="read_timeout"):
            one.resolve(ctx)
        assert time.monotonic() - begun < 3
