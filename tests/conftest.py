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
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of what ships: catalog, and incidents written by hand. Who changes it changes a copy."""
    from crawler.archive import Archive
    from crawler.captures import Captures
    from crawler.catalog import load

    directory: Path = tmp_path_factory.mktemp("shipped")
    captures, archive = Captures(directory / "captures.db"), Archive(directory / "outages.db", load())
    archive.catch_up(captures)
    captures.close()
    archive.close()
    (directory / "outages.db").chmod(0o444)
    return directory / "outages.db"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Real responses kept beside the project; tests that need them are skipped where they are absent."""
    if not (SHARED / "captures").is_dir():
        pytest.skip("no collection of real responses beside the project (../shared)")
    return SHARED
