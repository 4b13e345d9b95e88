"""What several tests need."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# The commands are started hundreds of times: without bytecode each would compile the project anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

SHARED = ROOT.parent / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real responses kept beside the project; tests that need them are skipped where they are absent."""
    if not (SHARED / "captures").is_dir():
        pytest.skip("no collection of real responses beside the project (../shared)")
    return SHARED
