"""The table from what a PostgreSQL server answers (SQLSTATE) to our errors."""

from __future__ import annotations

from typing import Final

from gitops_core.errors import Denied, Disposition, GitOpsError, StateConflict, StateUnavailable

_Row = tuple[type[GitOpsError], str, str, Disposition]
_AGAIN: Final = "tried again"

FAILURES: Final[dict[str, _Row]] = {
    "25006": (
        StateUnavailable,
        "this server is read-only",
        "connect to the primary: add target_session_attrs=read-write and name every server",
        Disposition.RETRY,
    ),
    "3D000": (StateUnavailable, "there is no such database", "create it, or name another", Disposition.STALL),
    "42501": (Denied, "the role may not do that", "grant it the privilege that the server names", Disposition.STALL),
    "55P03": (StateUnavailable, "another session held a lock for too long", _AGAIN, Disposition.RETRY),
    "57014": (StateUnavailable, "it took too long", _AGAIN, Disposition.RETRY),
    "08": (StateUnavailable, "the connection was cut", _AGAIN, Disposition.RETRY),
    "25": (StateUnavailable, "the transaction was ended by the server", _AGAIN, Disposition.RETRY),
    "28": (Denied, "the server does not accept our credentials", "check role, password and pg_hba.conf", Disposition.STALL),
    "40": (StateConflict, "another transaction was in the way", _AGAIN, Disposition.RETRY),
    "53": (StateUnavailable, "the server is out of disk, memory or connections", _AGAIN, Disposition.RETRY),
    "57": (StateUnavailable, "the server is starting or stopping", _AGAIN, Disposition.RETRY),
    "58": (StateUnavailable, "the server's disk or system failed", _AGAIN, Disposition.RETRY),
    "": (
        StateUnavailable,
        "the server cannot be reached",
        "tried again; if it stays, check address and network",
        Disposition.RETRY,
    ),
}
"""
By SQLSTATE, or its class (the first two characters); empty for no answer at all.

Source: PostgreSQL, "Appendix A. PostgreSQL Error Codes".
"""

_OTHER: Final[_Row] = (
    StateUnavailable,
    "the server refused",
    "its words say why; if tables were changed by hand, put them back",
    Disposition.STALL,
)


def error_of(sqlstate: str | None, place: str, words: str) -> GitOpsError:
    """
    Return our error for what a server answered.

    Args:
        sqlstate: Five characters; None when there was no answer.
        place: What it is about, without credentials.
        words: The server's or the driver's, without credentials.
    """
    code = sqlstate or ""
    row = FAILURES.get(code) or (FAILURES.get(code[:2]) if code else None) or _OTHER
    ours, meaning, cure, disposition = row
    return ours(f"{place}: {meaning} ({' '.join(words.split())}); {cure}", disposition=disposition)
