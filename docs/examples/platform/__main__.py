"""
A small platform: two tenants, three Git repositories, two targets, one controller. Start it, and break it by hand.

Run it: ``python docs/examples/platform [DIRECTORY]``; ``--demo`` shows itself around and ends.
"""

import argparse
import json
import os
import signal
import socketserver
import sys
import tempfile
import threading
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import attrs

from gitops_core import Application, Options, Owner
from gitops_core.controller.controller import Controller
from gitops_core.controller.limits import ControllerLimits
from gitops_core.policies.function import FunctionPolicy
from gitops_core.policies.windows import MaintenanceWindows, Window
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.git import GitSource
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.targets.memory import MemoryTarget
from gitops_core.testing.git_server import GitRepository, serve_http
from gitops_core.webhooks import Checks, Deliveries, Hook, Receiver, sign, wsgi_app

SECRET = "between the forge and us"  # noqa: S105  # why: of an example
PAGE = "kind: File\nmetadata: {{name: {0}}}\nspec: {{path: {0}.html, content: '{1}'}}\n"
FLAG = "kind: Flag\nmetadata: {{name: {0}}}\nspec: {{on: {1}}}\n"
FILES = {
    "flags": {"sale.yaml": FLAG.format("sale", "true")},
    "shop": {"index.yaml": PAGE.format("index", "Welcome"), "about.yaml": PAGE.format("about", "Us")},
    "blog": {"first.yaml": PAGE.format("first", "Hello")},
}
TOUR = """
Everything is at {url}/status, and whether all is well at {url}/healthz. Try:
  echo hacked > {srv}/index.html
      is repaired within seconds
  git clone {git} work
      commit and push: it is there within a minute, or at once when a webhook tells
  curl -X POST '{url}/suspend/shop?minutes=5'
      now edit index.html again: told in /status, and left alone
  curl -X POST {url}/resume/shop
Ctrl-C ends it when the changes in hand are finished; a second one at once."""


class Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


def no_scripts(resource):
    """Say what is wrong with a page."""
    return "a page may not have scripts" if "<script" in str(resource.body["spec"].get("content")) else None


def applications(urls, home):
    """Who has what: the shop's pages wait for its flags, and the blog rests from Christmas Eve on."""
    store_front, flags = DirectoryTarget(home / "srv" / "shop"), MemoryTarget("flags")
    holidays = MaintenanceWindows([Window("0 0 24 12 *", 3 * 86400, "Europe/Zurich", "deny", "nobody is at work")])

    def application(name, target, tenant, **more):
        source = GitSource(urls[name], ref="main", cache_dir=home / "cache")
        return Application(
            name=name, owner=Owner("example.org", "platform"), source=source, renderer=ManifestsRenderer(), target=target,
            tenant=tenant, options=Options(interval=2.0), **more,
        )  # fmt: skip

    return [
        application("flags", flags, "shop-team"),
        application("shop", store_front, "shop-team", policies=[FunctionPolicy(no_scripts)], depends_on=["flags"]),
        application("blog", DirectoryTarget(home / "srv" / "blog"), "blog-team", policies=[FunctionPolicy(no_scripts), holidays]),
    ]


class Web:
    """Webhooks, orders and the status, over plain WSGI."""

    def __init__(self, controller):
        self.controller = controller
        hooks, checks = (
            {"/hooks/github": Hook("github", SECRET), "/hooks/ci": Hook("generic", SECRET)},
            Checks(deliveries=Deliveries()),
        )
        self.hooks = wsgi_app(Receiver(hooks, notify=lambda push: controller.notify(push.repositories, push.refs), checks=checks))

    def __call__(self, environ, start_response):
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if path.startswith("/hooks/"):
            return self.hooks(environ, start_response)
        status, said = self.answer(method, path.strip("/").split("/"), environ.get("QUERY_STRING", ""))
        start_response(status, [("Content-Type", "application/json")])
        return [json.dumps(said, default=plain, indent=2).encode() + b"\n"]

    def answer(self, method, words, query):
        match method, words:
            case "GET", ["status"]:
                return "200 OK", self.controller.status()
            case "GET", ["healthz"]:
                status = self.controller.status()
                is_well = status.running and not status.stuck and not status.error
                return "200 OK" if is_well else "503 Service Unavailable", {"stuck": len(status.stuck), "error": status.error}
            case "POST", ["suspend" | "resume" as order, name] if (
                f"example.org/platform/{name}" in self.controller.status().applications
            ):
                minutes = float(query.removeprefix("minutes=") or 5)
                if order == "suspend":
                    self.controller.suspend(f"example.org/platform/{name}", reason="by hand", author="web", seconds=60 * minutes)
                else:
                    self.controller.resume(f"example.org/platform/{name}", author="web")
                return "200 OK", {order: name}
        return "404 Not Found", {"try": ["/status", "/healthz", "/suspend/NAME?minutes=5", "/resume/NAME", "/hooks/ci"]}


def plain(value):
    """Return the fields of a value, for JSON."""
    is_ours = attrs.has(type(value))
    return {field.name: getattr(value, field.name) for field in attrs.fields(type(value))} if is_ours else str(value)


def tour(web, repositories, url, index):
    """Break it, and look: what a reader would do by hand."""

    def wait(what, is_so):
        end = time.monotonic() + 30
        while not is_so():
            if time.monotonic() > end:
                raise TimeoutError(f"not so after 30 s: {what}")
            time.sleep(0.02)
        print("ok ", what, flush=True)

    def phase(name="shop"):
        with urllib.request.urlopen(f"{web}/status", timeout=10) as answer:  # noqa: S310  # why: our own
            return json.load(answer)["applications"][f"example.org/platform/{name}"]["phase"]

    def post(path, body=b"", headers=()):
        headers = {"Content-Type": "application/json", **dict(headers)}
        request = urllib.request.Request(web + path, body, headers)  # noqa: S310  # why: our own
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  # why: our own

    def push(text, delivery):
        repositories["shop"].commit({"index.yaml": PAGE.format("index", text)})
        body = json.dumps({"repository": url, "refs": ["refs/heads/main"]}).encode()
        post("/hooks/ci", body, sign(delivery, int(time.time()), body, SECRET))

    wait("the flags are set, then the shop's pages are there", lambda: phase() == "synced" and index.read_text() == "Welcome")
    index.write_text("hacked")
    wait("an edited page is repaired", lambda: index.read_text() == "Welcome")
    push("Sale", "delivery-1")
    wait("a commit is there as soon as a webhook tells of it", lambda: index.read_text() == "Sale" and phase() == "synced")
    post("/suspend/shop?minutes=5")
    index.write_text("by hand, in an emergency")
    wait("while suspended it is left alone, and told", lambda: phase() == "suspended" and "by hand" in index.read_text())
    post("/resume/shop")
    wait("afterwards it is repaired", lambda: phase() == "synced" and index.read_text() == "Sale")
    push("<script>", "delivery-2")
    wait("a page with a script is refused, the old one stays", lambda: phase() == "refused" and index.read_text() == "Sale")


def repository(path, files):
    """Return the repository at *path*; a new one begins with *files*."""
    if path.exists():
        return GitRepository(path)
    made = GitRepository.create(path)
    made.commit(files)
    return made


def main(home, demo):
    repositories = {name: repository(home / "git" / f"{name}.git", files) for name, files in FILES.items()}
    with ExitStack() as stack:
        urls = {name: stack.enter_context(serve_http(repository.path)).url for name, repository in repositories.items()}
        store = stack.enter_context(SqliteStore(home / "state.sqlite3"))
        controller = Controller(applications(urls, home), store=store, limits=ControllerLimits(workers=4))
        server = make_server("127.0.0.1", 0, Web(controller), Server, Quiet)
        stack.callback(server.server_close)
        stack.callback(server.shutdown)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        web = f"http://127.0.0.1:{server.server_port}"
        print(TOUR.format(url=web, srv=home / "srv" / "shop", git=urls["shop"]), flush=True)
        shown = []

        def show():
            try:
                tour(web, repositories, urls["shop"], home / "srv" / "shop" / "index.html")
                shown.append(True)
            finally:
                os.kill(os.getpid(), signal.SIGTERM)  # as an init system would

        if demo:
            threading.Thread(target=show).start()
        controller.run(signals=(signal.SIGTERM, signal.SIGINT))
        print("What was in hand is finished.")
    return not demo or bool(shown)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("directory", nargs="?", type=Path, help="where everything is kept; a temporary one when left out")
    parser.add_argument("--demo", action="store_true", help="show around and end")
    given = parser.parse_args()
    with ExitStack() as last:
        place = given.directory or Path(last.enter_context(tempfile.TemporaryDirectory()))
        sys.exit(0 if main(place.resolve(), given.demo) else 1)
