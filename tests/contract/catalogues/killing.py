"""What the catalogues of broken plug-ins have in common: a mutant, what it is about, and which checks must kill it."""

from gitops_core.testing.promises import promises_of
from gitops_core.testing.suites import run_suite

RACING = frozenset({"test_as_many_threads_as_limits_say"})


class Catalogue:
    """
    Broken variants of correct plug-ins.

    Args:
        suite: Makes the contract suite of a variant.
    """

    def __init__(self, suite):
        self.suite = suite
        self.mutants = {}

    def mutant(self, category, *killers):
        """Enter a class: what it breaks (its docstring), in which category, and the checks that are there to kill it."""

        def enter(cls):
            self.mutants[cls] = (category, killers)
            return cls

        return enter

    def killed_by(self, cls, only=lambda promise: True):
        """Return the names of the checks that fail for *cls*."""
        return tuple(result.promise.name for result in run_suite(self.suite(cls), only).failed)

    def survives(self, cls):
        """Return which of the checks that are there to kill *cls* let it live."""
        killers = self.mutants[cls][1]
        return set(killers) - set(self.killed_by(cls, lambda promise: promise.name in killers))

    def idle(self, of):
        """Return the checks of the suite *of* that are there to kill none of the mutants."""
        return {promise.name for promise in promises_of(of)} - {name for _, names in self.mutants.values() for name in names}

    def table(self):
        """
        Return the kill table: (mutant, what it breaks, category, the checks that fail), in the order of the catalogue.

        What fails by chance, because threads race, counts only where it was made to fail.
        """
        return [
            (
                cls.__name__,
                " ".join(cls.__doc__.split()),
                category,
                tuple(name for name in self.killed_by(cls) if name not in RACING or name in killers),
            )
            for cls, (category, killers) in self.mutants.items()
        ]


def as_rows(table):
    """Return the rows of a kill table for a page."""
    return [
        f"| `{name}` | {broken} | {category} | {', '.join(f'`{check[5:]}`' for check in killers)} |"
        for name, broken, category, killers in table
    ]


def printed(title, table):
    """Return a kill table for a terminal."""
    lines = [f"{name:28} {category:16} {', '.join(check[5:] for check in killers)}" for name, _, category, killers in table]
    return "\n".join([f"{title}: {len(table)} mutants", *lines])
