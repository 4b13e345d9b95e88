"""Captures from elsewhere: files of capture lines, and the history of a git-scraped file."""

from __future__ import annotations

import os
import posixpath
import subprocess
import tempfile
from bisect import bisect_right
from collections.abc import Container, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import msgspec

from crawler.captures import Captures
from crawler.captures.lines import BadLine, read
from crawler.catalog import Catalog, Source
from crawler.records import Capture, fetched


class ImportProblem(msgspec.Struct, frozen=True):
    """Something that could not be imported, and where it stands."""

    where: str
    problem: str


def is_warc(path: Path) -> bool:
    """Whether a file's name says that it is a WARC file (see `crawler.captures.warc`, which is slow to import)."""
    return path.name.lower().endswith((".warc", ".warc.gz"))


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


class GitVersion(NamedTuple):
    """A commit that changed the file. `seconds` since 1970: when that was, as far as its clock can be believed."""

    commit: str
    seconds: int
    path: str
    mode: str  # "100644"; "120000" is a symbolic link, "160000" a submodule, "000000" a deletion
    blob: str

    @property
    def where(self) -> str:
        """What to call it in a report."""
        return f"{self.commit[:12]}:{self.path}"


class GitHistory:
    """Every committed version of a file, oldest first, each at the time of its commit.

    Iterating lists them by `git rev-list` and `git diff-tree`, then has one `git cat-file --batch` write the bodies
    of those that are not in `have` (seconds since 1970), one in memory at a time. RuntimeError with git's own words
    when the repository, or the file in it, is not there.

    A merge is nobody's look at a page and no version; what either side of it committed is, whichever side won. The
    file is followed to the name it had before. What is not a file's bytes, or is not there, costs itself only:
    deletions, symbolic links, submodules, objects that are damaged or were never fetched.
    """

    def __init__(self, repository: Path, file: str, source: Source, have: Container[int] = frozenset()) -> None:
        self.repository = repository
        self.file = posixpath.normpath(file)
        self.source = source
        self.have = have
        self.total = 0  # versions there are
        self.passed = 0  # of them, those in `have`

    def __iter__(self) -> Iterator[Capture | ImportProblem]:
        wanted = []
        versions = _dated(self._versions())
        self.total = len(versions)
        for version in versions:
            if version.seconds in self.have:
                self.passed += 1
            elif problem := _NO_FILE.get(version.mode):
                yield ImportProblem(f"{self.repository}@{version.where}", problem)
            else:
                wanted.append(version)
        while wanted:
            read = 0
            for version, body in self._bodies(wanted):
                read += 1
                yield self._capture(version, body)
            del wanted[:read]

    def _capture(self, version: GitVersion, body: bytes | str) -> Capture | ImportProblem:
        where = f"{self.repository}@{version.where}"
        if isinstance(body, str):
            return ImportProblem(where, body)
        try:
            fetched_at = fetched(datetime.fromtimestamp(version.seconds, UTC))
        except (ValueError, OverflowError, OSError) as error:
            return ImportProblem(where, f"the time of its commit: {error}")
        return Capture(
            source=self.source.id,
            url=self.source.url,
            fetched_at=fetched_at,
            status=200,
            headers={},
            body=body,
        )

    def _versions(self) -> list[GitVersion]:
        """The commits that changed the file, parents first, also those from before it was renamed."""
        path, until, found = self.file, "HEAD", list[GitVersion]()
        while versions := self._changes(path, until):
            found[:0] = versions
            before = self._name_before(versions[0])
            if before is None:
                break
            path, until = before, f"{versions[0].commit}^"
        if not found:
            raise RuntimeError(f"{self.repository}: no commit has a file {self.file!r}")
        return found

    def _changes(self, path: str, until: str) -> list[GitVersion]:
        only = ["--", f":(top,literal){path}"]
        listed = self._git(
            ["rev-list", "--reverse", "--date-order", "--full-history", "--no-merges", "--timestamp", until, *only]
        )
        commits = [line.split() for line in listed.decode().splitlines()]
        raw = self._git(
            ["diff-tree", "--stdin", "--root", "-r", "-z", "--no-renames", "--no-abbrev", *only],
            "".join(f"{commit}\n" for _, commit in commits).encode(),
        )
        # `commit NUL :mode mode blob blob status NUL path NUL`, again and again.
        seconds = {commit: int(at) for at, commit in commits}
        found, commit = [], ""
        fields = iter(os.fsdecode(raw).split("\0"))
        for field in fields:
            if not field.startswith(":"):
                commit = field.strip() or commit
            elif next(fields) == path:
                _, mode, _, blob, _ = field.split(" ")
                found.append(GitVersion(commit, seconds[commit], path, mode, blob))
        return found

    def _name_before(self, first: GitVersion) -> str | None:
        """The name a file had that came to its name by this commit; None when it was new then."""
        try:
            raw = self._git(["diff-tree", "-r", "-z", "-M", "--no-commit-id", "--diff-filter=R", first.commit])
        except RuntimeError:  # it compares bodies, and one is not there
            return None
        fields = os.fsdecode(raw).split("\0")
        return next((old for old, new in zip(fields[1::3], fields[2::3], strict=False) if new == first.path), None)

    def _bodies(self, versions: Sequence[GitVersion]) -> Iterator[tuple[GitVersion, bytes | str]]:
        """Each version with its bytes, or why they cannot be had; at least one, as git dies of a damaged object."""
        # Files, not pipes: a pipe would have to be served while the answers are read.
        with tempfile.TemporaryFile() as asked, tempfile.TemporaryFile() as errors:
            asked.writelines(f"{version.blob}\n".encode() for version in versions)
            asked.seek(0)
            with subprocess.Popen(
                [*self._command, "cat-file", "--batch"],
                stdin=asked, stdout=subprocess.PIPE, stderr=errors, env=_environment(),
            ) as batch:  # fmt: skip
                assert batch.stdout
                try:
                    for version in versions:
                        match batch.stdout.readline().split():
                            case [_, b"missing"]:
                                yield version, f"object {version.blob} is missing"
                                continue
                            case [_, b"blob", length]:
                                body = batch.stdout.read(int(length))
                                if batch.stdout.read(1):
                                    yield version, body
                                    continue
                        batch.kill()  # it died, or is about to: no answer, or one that is cut off
                        batch.wait()
                        errors.seek(0)
                        told = errors.read().decode(errors="replace").splitlines()
                        yield version, told[-1] if told else f"git cannot read object {version.blob}"
                        return
                finally:
                    batch.kill()  # all is said, or nobody listens any more

    @property
    def _command(self) -> list[str]:
        return ["git", "-C", str(self.repository)]

    def _git(self, arguments: Sequence[str], text: bytes = b"") -> bytes:
        """What a git command prints. RuntimeError with git's own words when it fails."""
        done = subprocess.run(
            [*self._command, *arguments], input=text, capture_output=True, check=False, env=_environment()
        )
        if done.returncode:
            raise RuntimeError(f"{self.repository}: {done.stderr.decode(errors='replace').strip()}")
        return done.stdout


_NO_FILE = {
    "000000": "the file was deleted",
    "120000": "a symbolic link, not a file",
    "160000": "a submodule, not a file",
}


def _environment() -> dict[str, str]:
    """That of this process. In a partial clone, an object that is not here is missing: it is not fetched now."""
    return {**os.environ, "GIT_NO_LAZY_FETCH": "1"}


def _dated(versions: Sequence[GitVersion]) -> list[GitVersion]:
    """The versions with times that rise.

    Clocks of committers go wrong, backwards or years ahead. As many commits as can be are believed: those of a
    longest run in which time does not fall. Any other is dated a second after the one before it, and so is one of
    the same second: each is a look of its own.
    """
    believed = _longest_rise([version.seconds for version in versions])
    first = min(believed, default=0)
    dated = list[GitVersion]()
    last = versions[first].seconds - first - 1 if versions else 0
    for number, version in enumerate(versions):
        last = max(version.seconds, last + 1) if number in believed else last + 1
        dated.append(version._replace(seconds=last))
    return dated


def _longest_rise(times: Sequence[int]) -> set[int]:
    """Positions of a longest subsequence that does not fall; of two that would do, the earlier is in it."""
    heads: list[int] = []  # at n: where the best subsequence of n + 1 begins, the one with the highest first time
    after: dict[int, int | None] = {}
    for number in reversed(range(len(times))):
        length = bisect_right(heads, -times[number], key=lambda head: -times[head])
        after[number] = heads[length - 1] if length else None
        heads[length : length + 1] = [number]
    found: set[int] = set()
    next_one = heads[-1] if heads else None
    while next_one is not None:
        found.add(next_one)
        next_one = after[next_one]
    return found
