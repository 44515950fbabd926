from gitops_core.sources.git.listing import Generations


def test_it_never_holds_more_than_two_generations():
    cache = Generations(10)
    for n in range(1000):
        cache.put(n, "x", 1)
    assert len(cache._young) + len(cache._old) <= 24


def test_what_is_in_use_stays():
    cache = Generations(10)
    cache.put("used", "x", 1)
    for n in range(1000):
        cache.put(n, "y", 1)
        assert cache.get("used") == "x"
    assert cache.get(0) is None
