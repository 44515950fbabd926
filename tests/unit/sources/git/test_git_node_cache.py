from gitops_core.sources.git.listing import Node, NodeCache

NODE = Node((), (), (), 1, b"")


def key(n):
    return (str(n), "", "")


def test_it_never_holds_more_than_two_generations():
    cache = NodeCache(10)
    for n in range(1000):
        cache.put(key(n), NODE)
    assert len(cache._young) + len(cache._old) <= 24


def test_what_is_in_use_stays():
    cache = NodeCache(10)
    cache.put(key("used"), NODE)
    for n in range(1000):
        cache.put(key(n), NODE)
        assert cache.get(key("used")) is NODE
    assert cache.get(key(0)) is None
