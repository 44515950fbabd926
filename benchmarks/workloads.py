"""
What is measured on: repositories of manifests as teams write them, made from a seed, equal in every run.

Three of ten documents are Deployments, three Services and four ConfigMaps; a thousand of them have 1.2 KB each on average.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from typing import Any, Final

from gitops_core import Application, Options, Owner, ResourceKey, Source, Target
from gitops_core.renderers.manifests import ManifestsRenderer
from gitops_core.targets.memory import MemoryTarget

SIZES: Final = (10, 100, 1_000, 10_000)
DRIFTS: Final = (0.0, 0.01, 0.5)
OWNER: Final = Owner("example.org", "benchmark")
_PER_NAMESPACE: Final = 10
_PER_DIRECTORY: Final = 100
_WORDS: Final = [
    "edge",
    "cart",
    "search",
    "login",
    "price",
    "stock",
    "ship",
    "mail",
    "audit",
    "track",
    "score",
    "match",
    "route",
    "cache",
    "queue",
    "batch",
]


def repository(count: int, seed: int = 1) -> dict[str, str]:
    """Return *count* files by path, one document each; the names are the same for every seed, the contents are not."""
    chance = random.Random(seed)
    return {_path(number): document(number, chance) for number in range(count)}


def one_change(count: int, seed: int = 2) -> dict[str, str]:
    """Return the file in the middle of a repository of *count* files, with other content."""
    number = count // 2
    return {_path(number): document(number, random.Random(seed))}


def document(number: int, chance: random.Random) -> str:
    """Return the YAML of document *number*."""
    return _MAKERS[number % 10](number, chance)


def application(source: Source, target: Target, name: str = "shop") -> Application:
    """
    Return an application with the defaults, but for waiting.

    Nothing runs a Deployment in a :class:`MemoryTarget`, so waiting for its pods would measure the time limit.
    """
    options = Options(wait=False)
    return Application(name=name, owner=OWNER, source=source, renderer=ManifestsRenderer(), target=target, options=options)


def drift(target: MemoryTarget, share: float, seed: int = 3) -> int:
    """Change *share* (0.0-1.0) of the objects by hand, in a field that is declared; return how many that were."""
    chance = random.Random(seed)
    keys = sorted(target.objects)
    chosen = chance.sample(keys, round(len(keys) * share))
    for key in chosen:
        target.edit(key, {"metadata": {"labels": {"app.kubernetes.io/name": "somebody-else"}}})
    return len(chosen)


def deep(count: int) -> dict[str, str]:
    """Return *count* files in which each object depends on the one before it."""
    return {_path(i): _with_need(i, [f"ConfigMap/deep/c{i - 1}"] if i else []) for i in range(count)}


def wide(count: int) -> dict[str, str]:
    """Return *count* files in which each object but the first ten depends on those ten."""
    roots = [f"ConfigMap/deep/c{i}" for i in range(10)]
    return {_path(i): _with_need(i, roots if i >= 10 else []) for i in range(count)}


def flat(count: int) -> dict[str, str]:
    """Return *count* files of the same objects, and no dependencies."""
    return {_path(i): _with_need(i, []) for i in range(count)}


def keys_of(count: int) -> Iterator[ResourceKey]:
    """Yield the keys of :func:`repository`."""
    for number in range(count):
        group, kind = ("apps", "Deployment") if number % 10 < 3 else ("", "Service" if number % 10 < 6 else "ConfigMap")
        yield ResourceKey(group, kind, _namespace(number), _name(number))


def body(number: int, color: str = "blue") -> Mapping[str, Any]:
    """Return a nested object of about 1.2 KB of JSON, as a Deployment is, for what starts from decoded bodies."""
    containers = [
        {
            "name": f"app-{i}",
            "image": f"registry.example.org/shop/app-{i}:1.{number % 40}.0",
            "ports": [{"name": "http", "containerPort": 8080 + i}],
            "env": [{"name": f"SETTING_{n}", "value": f"{color}-{n}"} for n in range(6)],
            "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m", "memory": "64Mi"}},
        }
        for i in range(2)
    ]
    labels = {"app.kubernetes.io/name": _name(number), "app.kubernetes.io/part-of": "shop"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": _name(number), "namespace": _namespace(number), "labels": labels},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
    }


# -- the documents ---------------------------------------------------------------------------------------------------------


def _path(number: int) -> str:
    return f"teams/t{number // _PER_DIRECTORY:03d}/{number:05d}.yaml"


def _namespace(number: int) -> str:
    return f"team-{number // _PER_NAMESPACE:04d}"


def _name(number: int) -> str:
    return f"{_WORDS[number % len(_WORDS)]}-{number:05d}"


def _head(number: int, version: str, kind: str, chance: random.Random) -> str:
    return f"""\
apiVersion: {version}
kind: {kind}
metadata:
  name: {_name(number)}
  namespace: {_namespace(number)}
  labels:
    app.kubernetes.io/name: {_name(number)}
    app.kubernetes.io/part-of: shop
    app.kubernetes.io/version: "1.{chance.randrange(40)}.{chance.randrange(10)}"
    team: {chance.choice(_WORDS)}
  annotations:
    example.com/contact: "{chance.choice(_WORDS)}@example.com"
    example.com/runbook: https://runbooks.example.com/{_name(number)}
"""


def _deployment(number: int, chance: random.Random) -> str:
    name, port = _name(number), chance.randrange(8000, 9000)
    settings = "".join(
        f"            - name: {chance.choice(_WORDS).upper()}_{i}\n              value: {_sentence(chance, 2)}\n"
        for i in range(4)
    )
    return f"""\
{_head(number, "apps/v1", "Deployment", chance)}\
spec:
  replicas: {chance.randrange(1, 9)}
  revisionHistoryLimit: 3
  selector:
    matchLabels:
      app.kubernetes.io/name: {name}
  template:
    metadata:
      labels:
        app.kubernetes.io/name: {name}
    spec:
      containers:
        - name: app
          image: "registry.example.com/shop/{name}:1.{chance.randrange(40)}.0"
          imagePullPolicy: IfNotPresent
          args: ["--port", "{port}", "--log-level", info]
          ports:
            - name: http
              containerPort: {port}
          env:
{settings}\
          readinessProbe:
            httpGet: {{path: /ready, port: http}}
            periodSeconds: {chance.randrange(5, 30)}
          resources:
            requests: {{cpu: {chance.randrange(1, 9)}00m, memory: {chance.randrange(64, 512)}Mi}}
            limits: {{memory: {chance.randrange(512, 1024)}Mi}}
          securityContext:
            runAsNonRoot: true
            readOnlyRootFilesystem: true
"""


def _service(number: int, chance: random.Random) -> str:
    ports = "".join(
        f"    - name: {chance.choice(_WORDS)}-{i}\n      port: {chance.randrange(1000, 9000)}\n"
        f"      targetPort: http\n      protocol: TCP\n"
        for i in range(9)
    )
    return f"""\
{_head(number, "v1", "Service", chance)}\
spec:
  type: ClusterIP
  sessionAffinity: None
  selector:
    app.kubernetes.io/name: {_name(number - 3)}
  ports:
{ports}"""


def _config(number: int, chance: random.Random) -> str:
    settings = "".join(f"  {chance.choice(_WORDS)}.{i}: {_sentence(chance, 4)}\n" for i in range(13))
    block = "".join(f"    {chance.choice(_WORDS)} = {_sentence(chance, 3)}\n" for _ in range(11))
    return f"{_head(number, 'v1', 'ConfigMap', chance)}data:\n{settings}  settings.conf: |\n{block}"


def _sentence(chance: random.Random, words: int) -> str:
    return " ".join(chance.choices(_WORDS, k=words))


def _with_need(number: int, needs: list[str]) -> str:
    wanted = f"\n  annotations: {{{OWNER.key('depends-on')}: {', '.join(needs)!r}}}" if needs else ""
    return f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c{number}\n  namespace: deep{wanted}\ndata:\n  color: blue\n"


_MAKERS: Final = (_deployment,) * 3 + (_service,) * 3 + (_config,) * 4
