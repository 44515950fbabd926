"""How long to wait after failures. Pure."""

from __future__ import annotations

import random


def backoff(failures: int, first: float, cap: float, dice: random.Random) -> float:
    """
    Return the seconds to wait after so many failures in a row: doubling up to *cap*, the upper half of it left to chance.

    Args:
        failures: 1 or more.
        first: Ceiling after the first one, in seconds.
        cap: Highest ceiling, in seconds.
        dice: All randomness.

    Source: "equal jitter" of "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): never at once, never together.
    """
    doublings = min(failures - 1, 62)  # beyond that the float would not notice
    ceiling = min(cap, first * 2.0**doublings)
    return ceiling / 2 + dice.uniform(0.0, ceiling / 2)


def jittered(seconds: float, fraction: float, dice: random.Random) -> float:
    """Return *seconds*, up to *fraction* shorter: what began together drifts apart, and nothing comes later than promised."""
    return seconds * (1.0 - fraction * dice.random())
