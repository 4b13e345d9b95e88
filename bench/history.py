"""The archive beside git-history: the same series, as a git-scraped file, turned into SQLite by both.

    python -m venv PEER && PEER/bin/pip install git-history==0.8
    python bench/history.py REPLAY.jsonl.xz [...] --git-history PEER/bin/git-history

Of every series of capture lines a repository is made, one commit for each body that is not the one before, at the time
it was fetched. Times are CPU seconds of the whole command, user and system, git's own included, so that start-up
counts too. git-history is told what to take for an item, and to leave out what changes without an edit.
"""

from __future__ import annotations

import resource
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import click

ROOT = Path(__file__).resolve().parent.parent
FILE = "page"

#: How git-history reads a body, by the shape it has; the code is a function's body. A page that is none is no items.
SHAPES = {
    "list": """
        try:
            page = json.loads(content)
        except ValueError:
            return []
        return page["incidents"] + page.get("scheduled_maintenances", [])""",
    "array": """
        for item in (page := json.loads(content)):
            item.setdefault("id", f"{item.get('service_key')}/{item['number']}")
        return page""",
    "aws": """
        try:
            page = json.loads(content)
        except ValueError:
            return []
        events = page["archive"] + page["current"]
        for event in events:
            event["id"] = f"{event['service']}_{event['date']}"
        return events""",
    "feed": """
        name = "{http://www.w3.org/2005/Atom}"
        entries = xml.etree.ElementTree.fromstring(content).iter(name + "entry")
        return [{field: entry.findtext(name + field) for field in ("id", "title", "published", "content")}
                for entry in entries]""",
}
#: What the presence of these columns is no edit of an incident: the state of its components at the moment.
IGNORED = {"list": ("components",)}


def shape(body: bytes) -> str:
    """Which of SHAPES a body has."""
    start = body.lstrip()
    if start.startswith(b"<"):
        return "feed"
    if start.startswith(b"["):
        return "array"
    return "aws" if b'"archive"' in start[:100] else "list"


def repository(replay: Path, directory: Path) -> tuple[str, str, int]:
    """A repository with the bodies of a series. Returns the name of its source, its shape, and how many commits."""
    from crawler.captures.lines import read
    from crawler.records import Capture

    subprocess.run(["git", "init", "-q", "-b", "main", directory], check=True)
    writer = subprocess.Popen(["git", "-C", directory, "fast-import", "--quiet"], stdin=subprocess.PIPE)
    assert writer.stdin
    before, source, found, commits = None, "", "", 0
    for item in read(replay):
        assert isinstance(item, Capture), item
        source = item.source
        if item.body is None or item.body == before:
            continue
        before, commits, found = item.body, commits + 1, found or shape(item.body)
        head = f"commit refs/heads/main\ncommitter bench <bench@example.org> {int(item.fetched_at.timestamp())} +0000\n"
        writer.stdin.write(f"{head}data 4\npoll\nM 100644 inline {FILE}\ndata {len(item.body)}\n".encode())
        writer.stdin.write(item.body + b"\n")
    writer.stdin.close()
    if writer.wait():
        raise RuntimeError(f"{replay}: git fast-import failed")
    subprocess.run(["git", "-C", directory, "reset", "-q", "--hard"], check=True)
    return source, found, commits


def seconds(command: Sequence[str | Path]) -> float:
    """CPU seconds that a command and its children took."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode not in (0, 3):  # 3: some of it could not be imported
        raise RuntimeError(f"{command[0]}: {done.stdout}{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def peer(executable: Path, repo: Path, kind: str, database: Path) -> list[str | Path]:
    """The command line of git-history."""
    code = "\n".join(line.removeprefix("        ") for line in SHAPES[kind].strip("\n").splitlines())
    options = [
        "--convert",
        code,
        "--id",
        "id",
        "--ignore-duplicate-ids",
        "--silent",
        "--import",
        "xml.etree.ElementTree",
    ]
    for column in IGNORED.get(kind, ()):
        options += ["--ignore", column]
    return [executable, "file", database, repo / FILE, "--repo", repo, *options]


def count(database: Path, sql: str) -> int:
    """One number."""
    with sqlite3.connect(database) as conn:
        return int(conn.execute(sql).fetchone()[0])


REVISED = "select count(*) from revisions"


def measure(replay: Path, executable: Path | None) -> None:
    """One series, both ways."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        source, kind, commits = repository(replay, work / "repo")
        ours = [sys.executable, "-m", "crawler", "import", "--data"]
        git = seconds([*ours, work / "git", "--git", work / "repo", "--path", FILE, "--source", source])
        lines = seconds([*ours, work / "lines", replay])
        found = work / "git" / "outages.db"
        print(f"{replay.name.partition('.')[0]}: {commits} commits")
        if executable:
            theirs = seconds(peer(executable, work / "repo", kind, work / "peer.db"))
            items, versions = (count(work / "peer.db", f"select count(*) from {t}") for t in ("item", "item_version"))
            print(f"  git-history   {theirs:6.2f} s   {items} items, {versions} versions")
            print(f"  import --git  {git:6.2f} s   {theirs / git:.1f} times as fast, {commits / git:.0f} commits/s")
            print(f"  import FILE   {lines:6.2f} s   {theirs / lines:.1f} times as fast, polls without news included")
        else:
            print(f"  import --git  {git:6.2f} s   {commits / git:.0f} commits/s")
            print(f"  import FILE   {lines:6.2f} s")
        told = {
            "incidents": "select count(*) from incidents where first_seen_at is not null",
            "versions": f"select count(*) from versions where source = '{source}'",
            "revisions": REVISED,
            "vanished": f"{REVISED} where field = 'vanished'",
            "returned": f"{REVISED} where field = 'returned'",
            "dated anew": f"{REVISED} where field in ('started_at', 'ended_at', 'update posted_at')",
        }
        print(f"  {', '.join(f'{count(found, sql)} {name}' for name, sql in told.items())}", flush=True)


@click.command()
@click.argument("replays", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--git-history", "executable", type=click.Path(path_type=Path, exists=True), help="The peer's executable."
)
def main(replays: tuple[Path, ...], executable: Path | None) -> None:
    """Import REPLAYS with both and print CPU seconds and what was found."""
    for replay in replays:
        measure(replay.resolve(), executable and executable.resolve())


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    main()
