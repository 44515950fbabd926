"""For tests, ours and yours: contract suites, fakes, a virtual clock."""
