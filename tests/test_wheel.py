"""What pip installs works without the checkout: code, templates, catalog, landmark incidents and `metadata.yml`."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from crawler.catalog.entries import _root

ROOT = Path(__file__).parent.parent
TOP = (
    "pyproject.toml",
    "README.md",
    "metadata.yml",
    "crawler",
    "spiders",
    "data/catalog",
    "data/incidents",
    "data/places.yml",
)

#: As people would use it, in one process: a copy for readers of what ships, and pages of it.
USE = """
import asyncio, json
from pathlib import Path
import crawler.catalog
from crawler.commands import main
for words in (["rebuild"], ["publish", "public"]):
    main([*words, "--data", "archive"], standalone_mode=False)
from crawler.site.server import datasette
site = datasette(Path("public/current").resolve())
async def ask(path):
    answer = await site.client.get(path)
    return [answer.status_code, len(answer.content)]
async def pages():
    return {path: await ask(path) for path in ("/", "/outages/incidents", "/site/site.css")}
print(json.dumps([crawler.catalog.__file__, asyncio.run(pages())]))
"""


def run(words: list[str], cwd: Path, site: Path | None = None) -> str:
    """What a Python says that finds the packages of `site` before others."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OUTAGES_")}
    done = subprocess.run(
        [sys.executable, *words], cwd=cwd, env=environment | ({"PYTHONPATH": str(site)} if site else {}),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where the project is installed, from a copy of what a build needs: it leaves things behind where it runs.

    Through a wheel, or with what setuptools puts into one where it cannot make one (before 70.1, without `wheel`).
    """
    if not importlib.util.find_spec("setuptools"):
        pytest.skip("no setuptools here, and a build without network needs it")
    below = tmp_path_factory.mktemp("wheel")
    source, target = below / "source", below / "site"
    for name in TOP:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, source / name)
    if any(importlib.util.find_spec(name) for name in ("wheel", "setuptools.command.bdist_wheel")):
        pip = ["-m", "pip", "--disable-pip-version-check"]
        run([*pip, "wheel", ".", "--no-deps", "--no-build-isolation", "--no-index", "-w", str(below)], source)
        (wheel,) = below.glob("*.whl")
        run([*pip, "install", "--no-deps", "--no-index", "--no-compile", "--target", str(target), str(wheel)], source)
    else:
        steps = ["build", "install_lib", "--install-dir", str(target), "install_data", "--install-dir", str(target)]
        run(["-c", "import setuptools; setuptools.setup()", "-q", *steps], source)
    yield target
    shutil.rmtree(below, ignore_errors=True)


def files(directory: Path, *names: str) -> set[Path]:
    """Files of these names or below them, without what Python compiles."""
    paths = (path for name in names for path in [directory / name, *(directory / name).rglob("*")])
    return {path.relative_to(directory) for path in paths if path.is_file() and "__pycache__" not in path.parts}


def test_every_file_is_installed(site: Path) -> None:
    assert files(site, "crawler", "spiders") == files(site.parent / "source", "crawler", "spiders")
    shipped = [name for name in TOP if name.startswith(("data/", "metadata"))]
    beside = files(site / "share" / "outages", "data", "metadata.yml")
    assert {path for path in files(ROOT, *shipped) if path.suffix in (".yml", ".csv")} == beside


def test_it_works_from_another_directory(site: Path, tmp_path: Path) -> None:
    listed = json.loads(run(["-m", "crawler", "sources", "--json", "--data", "archive"], tmp_path, site))
    assert any(source["vendor"] == "aws" for source in listed)
    module, pages = json.loads(run(["-c", USE], tmp_path, site).splitlines()[-1])
    assert Path(module).is_relative_to(site), "the checkout answered"
    for path, (status, size) in pages.items():
        assert (path, status) == (path, 200)
        assert size > 5_000, path


@pytest.mark.parametrize(
    ("packages", "beside"),
    [
        ("outages", "outages"),  # a checkout
        ("site", "site/share/outages"),
        ("usr/lib/python3.11/site-packages", "usr/share/outages"),
    ],
)
def test_where_the_files_are_looked_for(packages: str, beside: str, tmp_path: Path) -> None:
    module = tmp_path / packages / "crawler" / "catalog" / "entries.py"
    with pytest.raises(FileNotFoundError, match=rf"in none of {tmp_path / packages}, .*share/outages"):
        _root(module)
    (tmp_path / beside / "data" / "catalog").mkdir(parents=True)
    (tmp_path / beside / "metadata.yml").touch()
    assert _root(module) == tmp_path / beside


def test_a_checkout_at_the_top_of_a_disk_may_be() -> None:
    with pytest.raises(FileNotFoundError, match=r"/nowhere, /nowhere/share/outages$"):
        _root(Path("/nowhere/crawler/catalog/entries.py"))
