"""How often members beat, how long a beat is worth, and how long others wait: three numbers that must fit."""

from __future__ import annotations

from typing import Final

import attrs
from attrs.validators import gt

from gitops_core.errors import ConfigError

CHANCES: Final = 2
"""Beats that fit into one standing: one may be lost."""

MARGIN: Final = 1.25
"""How much longer others wait than a standing lasts: clocks of two machines may differ in speed by a fifth, and no more."""


@attrs.frozen(kw_only=True)
class Pace:
    """
    Times of one installation, in seconds; the same for all its members.

    A beat that begins at *t* is worth ``t + validity``: after that its member writes nothing more. Others have seen it at *t* at the
    earliest, and wait for ``duration`` from then on. So nobody is counted out while it may still write as long as::

        interval * 2 <= validity   and   validity * 1.25 <= duration

    A member that dies is replaced after ``duration + 2 * interval`` at most: one interval until somebody looks, one until all have read.
    On Leases one that dies together with the leader takes ``duration`` more: a new leader has to see its silence itself.

    Attributes:
        interval: Between two beats.
        validity: From the beginning of a beat to the end of the standing that it gives.
        duration: How long a member may be silent before the others count it out.

    Raises:
        ConfigError: They do not fit. STALL.

    Source: the defaults of client-go's leader election are 2 s, 10 s and 15 s
    (https://pkg.go.dev/k8s.io/client-go/tools/leaderelection, RetryPeriod, RenewDeadline, LeaseDuration).
    """

    interval: float = attrs.field(default=3.0, validator=gt(0.0))
    validity: float = 10.0
    duration: float = 15.0

    def __attrs_post_init__(self) -> None:
        if self.interval * CHANCES > self.validity:
            raise ConfigError(
                f"a beat every {self.interval:g} s that is worth {self.validity:g} s: one lost beat would end the standing; "
                f"beat at least {CHANCES} times as often"
            )
        if self.validity * MARGIN > self.duration:
            raise ConfigError(
                f"others count a member out after {self.duration:g} s that may write for {self.validity:g} s: with clocks of unequal "
                f"speed two could work on one application; let the duration be at least {MARGIN:g} times the validity"
            )
