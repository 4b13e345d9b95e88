"""Captures from elsewhere: files of capture lines, and the history of a git-scraped file."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from crawler.captures import Captures
from crawler.catalog import Catalog, Source
from crawler.lines import BadLine, read
from crawler.records import Capture


class ImportProblem(msgspec.Struct, frozen=True):
    """Something that could not be imported, and where it stands."""

    where: str
    problem: str


class NamedSource:
    """`--vendor V --platform P`: who publishes what the catalog does not know."""

    def __init__(self, vendor: str, platform: str, captures: Captures, catalog: Catalog) -> None:
        self.vendor = vendor
        self.platform = platform
        self.captures = captures
        self.catalog = catalog

    def of(self, source: str, url: str) -> Source:
        """The source for a line that names `source` (perhaps "") and comes from `url`; remembered for rebuilds."""
        name = source or f"{self.vendor}-{self.platform}"
        if name not in self.catalog.sources:
            self.captures.name_source(name, self.vendor, self.platform, url)
            self.catalog.add(Source(id=name, vendor=self.vendor, platform=self.platform, url=url, polled=False))
        return self.catalog.sources[name]


def from_lines(path: Path, catalog: Catalog, named: NamedSource | None) -> Iterator[Capture | ImportProblem]:
    """The captures of one file, each with a source the catalog knows."""
    for item in read(path):
        if isinstance(item, BadLine):
            yield ImportProblem(item.where, item.problem)
            continue
        source = catalog.source_of(item.source or None, item.url)
        if source is None and named is not None:
            source = named.of(item.source, item.url)
        if source is None:
            yield ImportProblem(
                str(path),
                f"no source {item.source!r} and none for {item.url} in the catalog: name --vendor and --platform",
            )
            continue
        yield msgspec.structs.replace(item, source=source.id)


def from_git(repository: Path, file: str, source: Source) -> Iterator[Capture | ImportProblem]:
    """Every committed version of a file, oldest first, at the time of its commit.

    One `git log` and one `git cat-file --batch` serve the whole history. Of commits in the same second, or with
    a clock that went back, the later is dated a second after the earlier: each is a look of its own. RuntimeError
    with git's own words when the repository or the file is not there.
    """
    log = subprocess.run(
        ["git", "-C", str(repository), "log", "--reverse", "--format=%H %ct", "--", file],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if log.returncode:
        raise RuntimeError(f"{repository}: {log.stderr.strip()}")
    commits = [line.split() for line in log.stdout.splitlines()]
    if not commits:
        raise RuntimeError(f"{repository}: no commit has a file {file!r}")
    batch = subprocess.Popen(
        ["git", "-C", str(repository), "cat-file", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert batch.stdin
    assert batch.stdout
    last = 0
    try:
        for commit, seconds in commits:
            last = max(int(seconds), last + 1)
            batch.stdin.write(f"{commit}:{file}\n".encode())
            batch.stdin.flush()
            answer = batch.stdout.readline().decode().split()
            if len(answer) != 3 or answer[1] != "blob":
                yield ImportProblem(f"{repository}@{commit[:12]}:{file}", " ".join(answer[1:]) or "git gave no answer")
                continue
            body = batch.stdout.read(int(answer[2]))
            batch.stdout.read(1)
            yield Capture(
                source=source.id,
                url=source.url,
                fetched_at=datetime.fromtimestamp(last, UTC),
                status=200,
                headers={},
                body=body,
            )
    finally:
        batch.stdin.close()
        batch.stdout.close()
        batch.wait()
