"""GitSource against ``git http-backend``."""

import shutil
import socket
import ssl
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import attrs
import pytest

from gitops_core.errors import (
    AuthenticationFailed,
    Cancelled,
    DeadlineExceeded,
    EmptyRepository,
    LimitExceeded,
    RepositoryNotFound,
    RevisionNotFound,
    RevisionVanished,
    SourceError,
    SourceUnavailable,
)
from gitops_core.sources.git import Basic, Bearer, GitLimits, GitSource, Transport
from gitops_core.testing.contexts import Recorder, make_context
from gitops_core.testing.git_server import Faults, GitRepository, serve_http

pytestmark = [
    pytest.mark.needs_git,
    pytest.mark.skipif(shutil.which("git") is None, reason="no git command, so no git http-backend"),
]


class RealClock:
    def now(self):
        return time.time()

    def monotonic(self):
        return time.monotonic()

    def wait(self, signal, seconds):
        return signal.wait(seconds)


@pytest.fixture
def repo(tmp_path):
    made = GitRepository.create(tmp_path / "origin.git")
    made.commit({"edge/a.yaml": "1", "edge/b.yaml": "x" * 1000, "core/c": "c"})
    return made


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def ctx(recorder):
    return make_context(recorder, clock=RealClock())


@pytest.fixture
def source(tmp_path):
    made = []

    def make(url, ref="main", path="", **options):
        made.append(GitSource(url, ref, path, cache_dir=options.pop("cache_dir", tmp_path / "cache"), **options))
        return made[-1]

    yield make
    for one in made:
        one.close()


def fetch(source, ctx):
    return source.fetch(ctx, source.resolve(ctx))


def read(source, ctx, path="edge/a.yaml"):
    tree = fetch(source, ctx)
    return tree.read(tree.files[path]).decode()


# -- it works, and costs what it should -------------------------------------------------------------------------------
@pytest.mark.parametrize("protocol_v2", [True, False])
def test_everything_works_on_every_protocol_version(repo, source, ctx, protocol_v2):
    first = repo.head()
    with serve_http(repo.path, faults=Faults(protocol_v2=protocol_v2)) as server:
        one = source(server.url)
        assert read(one, ctx) == "1"
        repo.commit({"edge/a.yaml": "2"})
        repo.tag("v1.0.0", repo.head(), message="annotated")
        assert read(one, ctx) == "2"
        assert source(server.url, "semver=^1").resolve(ctx).id == repo.head()
        assert fetch(one, ctx).history("edge/b.yaml").id == first
        assert (source(server.url, "HEAD").resolve(ctx).id, source(server.url, "HEAD").resolve(ctx).ref) == (repo.head(), "HEAD")
        with pytest.raises(RevisionNotFound, match="did you mean main"):
            source(server.url, "mian").resolve(ctx)


def test_a_pass_with_nothing_new_is_one_listing_with_a_prefix(repo, source, ctx):
    for n in range(50):
        repo.branch(f"other-{n}", repo.head())
    with serve_http(repo.path) as server:
        one = source(server.url)
        fetch(one, ctx)
        server.requests.clear()
        fetch(one, ctx)
        assert [request.kind for request in server.requests] == ["refs", "ls-refs"]
        assert server.sent < 400


def test_a_one_file_commit_costs_bytes_by_the_file_and_not_by_the_repository(repo, source, ctx):
    repo.commit({f"core/{i}": f"{i}" * 100 for i in range(1000)})
    with serve_http(repo.path) as server:
        one = source(server.url)
        fetch(one, ctx)
        first = server.sent
        for n in range(5):
            repo.commit({"edge/a.yaml": f"changed {n}"})
            before = server.sent
            assert read(one, ctx) == f"changed {n}"
            assert server.sent - before < min(3000, first / 5)


def test_a_commit_that_no_ref_names_can_be_pinned(repo, source, ctx):
    """The server speaks protocol 2, which hands out whatever it still has."""
    old = repo.commit({"edge/a.yaml": "old"})
    repo.commit({"edge/a.yaml": "new"})
    with serve_http(repo.path) as server:
        assert read(source(server.url, f"commit={old}"), ctx) == "old"


def test_threads_share_one_listing_and_one_transfer(repo, source, ctx, recorder):
    with serve_http(repo.path) as server, ThreadPoolExecutor(8) as pool:
        sources = [source(server.url, "main", path, max_age=60.0) for path in ("edge", "core")] * 4
        found = list(pool.map(lambda one: fetch(one, ctx).revision.id, sources))
        assert set(found) == {repo.head()}
        assert (server.count("fetch"), recorder.counts["fetches"], recorder.counts["resolves"]) == (1, 1, 1)


# -- credentials ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("served", "credentials"), [({"login": ("me", "hunter2")}, Basic("me", "hunter2")), ({"token": "hunter2"}, Bearer("hunter2"))]
)
def test_basic_and_bearer_are_really_sent(repo, source, ctx, served, credentials):
    """Trap: dulwich stores extra headers and never sends them."""
    asked = []
    with serve_http(repo.path, **served) as server:
        assert read(source(server.url, credentials=lambda origin: asked.append(origin) or credentials), ctx) == "1"
        assert set(asked) == {server.base_url}
        for wrong, word in ((None, "without credentials"), (Bearer("wrong-hunter3"), "our credentials")):
            with pytest.raises(AuthenticationFailed, match=word) as caught:
                source(server.url, credentials=wrong).resolve(ctx)
            assert "hunter" not in str(caught.value)


def test_a_redirect_never_takes_credentials_to_another_origin(repo, source, ctx):
    """Trap: dulwich follows, and sends the pool's headers to the new host."""
    with serve_http(repo.path) as other, serve_http(repo.path, faults=Faults(redirect=other.base_url)) as server:
        with pytest.raises(SourceUnavailable, match="sends us on to") as caught:
            source(server.url, credentials=Bearer("hunter2")).resolve(ctx)
        assert other.requests == []
        assert other.base_url in str(caught.value)


def test_a_redirect_within_the_origin_is_followed(repo, source, ctx):
    with serve_http(repo.path, token="t", faults=Faults(moved="old.git")) as server:
        assert read(source(f"{server.base_url}/old.git", credentials=Bearer("t")), ctx) == "1"


def test_a_redirect_without_end_is_refused(repo, source, ctx):
    with serve_http(repo.path) as server:
        server.faults = Faults(redirect=server.base_url)
        with pytest.raises(SourceUnavailable, match="HTTP 302"):
            source(server.url).resolve(ctx)
        assert len(server.requests) == 6


# -- what goes wrong --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AuthenticationFailed),
        (403, AuthenticationFailed),
        (404, RepositoryNotFound),
        (429, SourceUnavailable),
        (503, SourceUnavailable),
    ],
)
def test_each_status_is_an_error_of_its_own(repo, source, ctx, status, error):
    with serve_http(repo.path, faults=Faults(status=status)) as server, pytest.raises(error, match=str(status)):
        source(server.url).resolve(ctx)


def test_an_empty_repository_waits(source, ctx, tmp_path):
    empty = GitRepository.create(tmp_path / "empty.git")
    with serve_http(empty.path) as server, pytest.raises(EmptyRepository):
        source(server.url).resolve(ctx)


def test_a_page_that_is_no_repository_is_told_apart(source, ctx, tmp_path):
    import http.server

    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", "5")
            self.end_headers()
            self.wfile.write(b"login")

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(RepositoryNotFound, match="does not speak Git's smart HTTP"):
            source(f"http://127.0.0.1:{server.server_port}/a").resolve(ctx)
        server.shutdown()


def test_nobody_listens(source, ctx):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(SourceUnavailable, match="does not take connections"):
            source(f"http://127.0.0.1:{taken.getsockname()[1]}/a").resolve(ctx)


def test_a_vanished_remote_leaves_the_cache_usable(repo, source, ctx):
    with serve_http(repo.path) as server:
        one = source(server.url)
        revision = fetch(one, ctx).revision
        server.faults = Faults(status=404)
        with pytest.raises(SourceUnavailable, match="was there before"):
            one.resolve(ctx)
        assert one.fetch(ctx, revision).files
    with pytest.raises(SourceUnavailable):
        one.resolve(ctx)


def test_a_force_push_between_resolve_and_fetch(repo, source, ctx):
    """Trap: dulwich does not hear the server's error packet and says that it hung up."""
    base = repo.head()
    with serve_http(repo.path) as server:
        one = source(server.url)
        repo.commit({"edge/a.yaml": "2"})
        revision = one.resolve(ctx)
        repo.branch("main", base)
        subprocess.run(["git", "-C", repo.path, "gc", "-q", "--prune=now"], check=True)
        with pytest.raises(RevisionVanished):
            one.fetch(ctx, revision)
        assert read(one, ctx) == "1"


def test_a_pack_cut_off_is_not_kept_and_the_next_fetch_succeeds(repo, source, ctx):
    with serve_http(repo.path, faults=Faults(truncate=300)) as server:
        one = source(server.url)
        with pytest.raises(SourceError) as caught:
            fetch(one, ctx)
        assert caught.value.disposition == "retry"
        server.faults = Faults()
        assert read(one, ctx) == "1"


def test_a_silent_server_is_left_after_the_read_timeout_and_asked_once(repo, source, ctx):
    """Trap: urllib3 retries a timeout three times."""
    with serve_http(repo.path, faults=Faults(stall="refs")) as server:
        begun = time.monotonic()
        with pytest.raises(SourceUnavailable, match=r"read_timeout"):
            source(server.url, transport=Transport(read_timeout=0.3)).resolve(ctx)
        assert time.monotonic() - begun < 1.5
        assert len(server.requests) == 1


@pytest.mark.parametrize("stall", ["refs", "pack"])
def test_a_transfer_stops_within_a_tick_of_a_cancel(repo, source, ctx, stall):
    import os

    repo.commit({"big": os.urandom(300_000).hex()})
    with serve_http(repo.path, faults=Faults(stall=stall)) as server:
        timer = threading.Timer(0.3, ctx.cancel.set)
        timer.start()
        begun = time.monotonic()
        with pytest.raises(Cancelled):
            fetch(source(server.url), ctx)
        assert time.monotonic() - begun < 1.5
        timer.join()
        server.faults = Faults()
        again = attrs.evolve(ctx, cancel=threading.Event())
        assert read(source(server.url), again) == "1"


def test_a_transfer_stops_at_the_deadline(repo, source, ctx):
    with serve_http(repo.path, faults=Faults(stall="pack")) as server:
        with pytest.raises(DeadlineExceeded):
            fetch(source(server.url), ctx.within(0.4))
        with pytest.raises(SourceUnavailable, match=r"Transport\.timeout"):
            fetch(source(server.url, transport=Transport(timeout=0.4)), ctx)


def test_a_pack_larger_than_allowed_stops_while_it_comes(repo, source, ctx):
    """Trap: over HTTP dulwich never says how much came."""
    import os

    repo.commit({"big": os.urandom(2_000_000)})
    with serve_http(repo.path) as server:
        with pytest.raises(LimitExceeded, match="more than 100,000 bytes"):
            fetch(source(server.url, limits=GitLimits(pack_bytes=100_000)), ctx)
        assert read(source(server.url), ctx) == "1"


# -- TLS and proxy ----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command to make a certificate with")
    place = tmp_path_factory.mktemp("tls")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", place / "key.pem", "-out", place / "cert.pem"],
        check=True, capture_output=True,
    )  # fmt: skip
    return place


@pytest.fixture
def tls(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate / "cert.pem", certificate / "key.pem")
    return context


def test_https_trusts_the_ca_file_and_nobody_else(repo, source, ctx, tls, certificate):
    with serve_http(repo.path, tls=tls, token="t") as server:
        trusted = source(server.url, credentials=Bearer("t"), transport=Transport(ca_file=certificate / "cert.pem"))
        assert read(trusted, ctx) == "1"
        with pytest.raises(AuthenticationFailed, match=r"Transport\.ca_file"):
            source(server.url, credentials=Bearer("t")).resolve(ctx)


def test_a_cancel_stops_a_transfer_over_tls_too(repo, source, ctx, tls, certificate):
    with serve_http(repo.path, tls=tls, faults=Faults(stall="pack")) as server:
        timer = threading.Timer(0.3, ctx.cancel.set)
        timer.start()
        begun = time.monotonic()
        with pytest.raises(Cancelled):
            fetch(source(server.url, transport=Transport(ca_file=certificate / "cert.pem")), ctx)
        assert time.monotonic() - begun < 1.5
        timer.join()


def test_a_certificate_file_that_is_not_there(repo, source, ctx, tmp_path):
    with pytest.raises(SourceError):
        source("https://127.0.0.1:1/a", transport=Transport(ca_file=tmp_path / "none.pem")).resolve(ctx)


def test_a_proxy_is_used_with_its_own_credentials(repo, source, ctx, recorder):
    seen = []

    def relay(listener, target):
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            with client, client.makefile("rb") as lines:
                request = [lines.readline()]
                while (line := lines.readline()) not in (b"\r\n", b""):
                    request.append(line)
                seen.append([line.decode().strip() for line in request])
                client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=relay, args=(listener, None), daemon=True).start()
        proxy = f"http://me:hunter2@127.0.0.1:{listener.getsockname()[1]}"
        with pytest.raises(AuthenticationFailed, match=r"Transport\.proxy") as caught:
            source("http://example.org/a", transport=Transport(proxy=proxy)).resolve(ctx)
        listener.shutdown(socket.SHUT_RDWR)
    assert "hunter2" not in str(caught.value)
    assert seen[0][0].startswith("GET http://example.org/a/info/refs")
    assert any(line.lower().startswith("proxy-authorization: basic ") for line in seen[0])


def test_a_hostile_server_cannot_echo_our_token_into_an_error(source, ctx):
    def answer(listener):
        client, _ = listener.accept()
        with client:
            client.recv(65536)
            body = b"0036ERR you sent Authorization: Bearer hunter2-token\n"
            body = b"%04x%s" % (len(body[4:]) + 4, body[4:])
            client.sendall(
                b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-advertisement\r\nContent-Length: %d\r\n\r\n%s"
                % (len(body), body)
            )

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer, args=(listener,), daemon=True)
        thread.start()
        with pytest.raises(SourceError) as caught:
            source(f"http://127.0.0.1:{listener.getsockname()[1]}/a", credentials=Bearer("hunter2-token")).resolve(ctx)
        thread.join()
    assert "hunter2" not in str(caught.value)
    assert "hunter2" not in str(caught.value.__cause__)
