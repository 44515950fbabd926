"""``python -m gitops_core.testing.simulation [--seed N] [--seeds COUNT]``: simulate controllers, and print what must not have happened."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from gitops_core.testing.simulation.controllers import ControllerSimulation


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds, print those that fail, and return how many did; at most 100."""
    parser = argparse.ArgumentParser(prog="python -m gitops_core.testing.simulation", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="the first one")
    parser.add_argument("--seeds", type=int, default=1, help="how many")
    options = parser.parse_args(arguments)
    failed = [seed for seed in range(options.seed, options.seed + options.seeds) if not _holds(seed)]
    which = f" {failed[:20]}" if failed else ""
    sys.stdout.write(f"{options.seeds} seeds from {options.seed}: {len(failed)} failed{which}\n")
    return min(len(failed), 100)


def _holds(seed: int) -> bool:
    try:
        ControllerSimulation(seed).run()
    except AssertionError as error:
        sys.stdout.write(f"{error}\n")
        return False
    return True


if __name__ == "__main__":
    sys.exit(main())
