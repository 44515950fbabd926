"""Three times that must fit."""

import pytest

from gitops_core.coordination.pace import Pace
from gitops_core.errors import ConfigError


def test_the_defaults_fit():
    assert Pace() == Pace(interval=3.0, validity=10.0, duration=15.0)


def test_the_limits_themselves_are_allowed():
    assert Pace(interval=1.0, validity=2.0, duration=2.5).duration == 2.5


@pytest.mark.parametrize(
    ("times", "words"),
    [
        ({"interval": 5.1}, "one lost beat"),
        ({"duration": 12.4}, "at least 1.25 times"),
        ({"validity": 20.0, "duration": 20.0}, "two could work"),
    ],
)
def test_times_that_do_not_fit_are_refused_with_the_cure(times, words):
    with pytest.raises(ConfigError, match=words):
        Pace(**times)


@pytest.mark.parametrize("interval", [0.0, -1.0])
def test_an_interval_takes_time(interval):
    with pytest.raises(ValueError, match="interval"):
        Pace(interval=interval)
