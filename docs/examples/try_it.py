"""
The whole job on a real repository: served over smart HTTP, reconciled, broken by hand, repaired, pruned.

Run it: ``python docs/examples/try_it.py``. It works in a temporary directory and removes it.
"""

import tempfile
from pathlib import Path

from gitops_core import Application, Owner, apply, check, explain, plan, reconcile
from gitops_core.model.plans import Plan
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.sources.git import GitSource
from gitops_core.state.sqlite import SqliteStore
from gitops_core.targets.directory import DirectoryTarget
from gitops_core.testing.git_server import GitRepository, serve_http

PAGE = "kind: File\nmetadata: {{name: {name}}}\nspec:\n  path: www/{name}.html\n  content: |\n    <h1>{text}</h1>\n"


def step(title: str) -> None:
    print(f"\n== {title}")


def main(home: Path) -> None:
    repository = GitRepository.create(home / "edge.git")
    pages = {f"edge/{name}.yaml": PAGE.format(name=name, text=f"Page {name}") for name in ("index", "about", "jobs", "terms")}
    repository.commit(pages, message="Begin with four pages", author="Ada <ada@example.org>")

    with serve_http(repository.path) as server, SqliteStore(home / "state.sqlite3") as store:
        app = Application(
            name="edge",
            owner=Owner("example.org", "demo"),
            source=GitSource(server.url, ref="main", path="edge", cache_dir=home / "cache"),
            renderer=ManifestsRenderer(),
            target=DirectoryTarget(home / "srv"),
        )

        step("1. What would change? A plan writes nothing.")
        saved = plan(app, store=store)
        print(saved.text())

        step("2. Apply that very plan, from its JSON.")
        result = apply(Plan.from_json(saved.to_json()), app, store=store)
        print(result.text())

        step("3. A second pass changes nothing.")
        print(reconcile(app, store=store).text())

        step("4. Somebody edits a file by hand: drift is shown, then repaired.")
        (home / "srv/www/index.html").write_text("<h1>Hacked</h1>\n")
        print(plan(app, store=store).text())
        reconcile(app, store=store)
        print((home / "srv/www/index.html").read_text(), end="")

        step("5. A bad commit is refused as a whole; nothing is written.")
        repository.commit({"edge/about.yaml": "kind: File\nmetadata: {name: about\n"}, message="Oops")
        print(check(app, store=store).failures[0])
        print(reconcile(app, store=store).text())

        step("6. The mend, and a page less: it is pruned.")
        repository.commit({"edge/about.yaml": pages["edge/about.yaml"], "edge/jobs.yaml": None}, message="No jobs any more")
        print(reconcile(app, store=store).text())
        print(sorted(path.name for path in (home / "srv/www").iterdir()))

        step("7. Why is it as it is?")
        print(explain(app, "File//www/index.html", store=store).text())
        print(f"\nThe server saw {server.count('refs')} ls-remote calls and {server.count('fetch')} pack downloads.")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        main(Path(directory))
