"""The catalogues of mutants are modules of their own, which several tests import."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "catalogues"))
