"""The `outages` command. Heavy modules are imported by the sub-command that needs them."""

from __future__ import annotations

import errno
import io
import math
import os
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from crawler.catalog import SHIPPED, Catalog, CatalogError, load

if TYPE_CHECKING:
    from crawler.archive import Archive, Report
    from crawler.captures import Captures
    from crawler.catalog import Source
    from crawler.polling.rounds import Heard
    from crawler.records import Capture

#: Exit codes for monitoring, besides 0 (fine), 1 (an error in what was asked) and 2 (bad usage).
SOME_FAILED, BUSY = 3, 75
#: Seconds that a round waits for another process to have read, before it leaves its answers to a later round.
READING_SOON = 10.0
#: More lines than this about one round are read by nobody.
MOST_FAILURES = 20
#: What the system says when a file cannot grow.
NO_ROOM = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EFBIG])


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that every sub-command takes."""
    command = click.option(
        "--catalog",
        type=click.Path(path_type=Path, file_okay=False),
        default=SHIPPED,
        envvar="OUTAGES_CATALOG",
        help="Directory of catalog files.  [default: the shipped one]",
    )(command)
    return click.option(
        "--data",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path("data"),
        envvar="OUTAGES_DATA",
        show_default="./data",
        help="Directory of outages.db and captures.db.",
    )(command)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="outages")
def main() -> None:
    """An archive of cloud outages: what vendors said, when, and what they changed afterwards."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by whoever started us: nobody listens, and that stops nothing
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115 - as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names of vendors are in all letters, terminals are not


@contextmanager
def opened(data: Path, catalog: Path) -> Iterator[tuple[Catalog, Captures, Archive]]:
    """The catalog and both databases; errors in hand-written files, and a directory that cannot be used, end the
    command with their message.
    """
    from crawler.archive import Archive, MissingCapturesError
    from crawler.captures import Captures
    from crawler.landmarks import LandmarkError

    try:
        known = load(catalog)
        try:
            captures = Captures(data / "captures.db")
            archive = Archive(data / "outages.db", known)
        except (OSError, sqlite3.Error) as error:
            raise click.ClickException(f"the archive in {data} cannot be opened: {error}") from error
        try:
            yield known, captures, archive
        except (OSError, sqlite3.OperationalError) as error:
            if isinstance(error, OSError) and error.errno not in NO_ROOM:
                raise
            said = f"the archive in {data} cannot be written: {error}; what was finished before is kept"
            raise click.ClickException(said) from error
        finally:
            captures.close()
            archive.close()
    except (CatalogError, LandmarkError, MissingCapturesError) as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def progress(label: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, silence elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(label, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def steps() -> Iterator[Callable[[str, int, int], None]]:
    """Bars on a terminal, one for each step of a long piece of work; a step of no known length has 0 to do."""
    from rich.progress import BarColumn, Progress, TaskID, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, transient=True, disable=not sys.stderr.isatty()) as bar:

        def told(label: str, done: int, total: int) -> None:
            if label not in tasks:
                for task in tasks.values():
                    bar.update(task, total=1, completed=1)
                tasks[label] = bar.add_task(label)
            bar.update(tasks[label], completed=done, total=total or None)

        yield told


def catch_up(archive: Archive, captures: Captures, wait: float = math.inf) -> Report:
    """Read what has come, with a progress bar. BusyError when another process reads for more than so many seconds."""
    with progress("reading") as bar:
        return archive.catch_up(captures, bar, wait)


def tell(report: Report, signals: bool = True) -> None:
    """Say what a run did, and what it did not understand."""
    total = sum(report.outcomes.values())
    outcomes = ", ".join(f"{count} {outcome}" for outcome, count in report.outcomes.most_common())
    click.echo(f"{total} captures read{': ' + outcomes if outcomes else ''}; {report.incidents} incidents written")
    if report.vanished:
        click.echo(f"{report.vanished} incidents vanished from their page")
    if signals and report.signals:
        click.echo("not understood:")
        for (source, kind, place, detail), count in report.signals.most_common(40):
            click.echo(f"  {source}: {kind} {place}: {detail} ({count} times)")
        if len(report.signals) > 40:
            click.echo(f"  … and {len(report.signals) - 40} more: see table signals")


@main.command()
@click.option("--vendor", "vendors", multiple=True, help="Only this vendor (may be given again).")
@click.option("--source", "sources", multiple=True, help="Only this source.")
@click.option("--platform", "platforms", multiple=True, help="Only this platform.")
@click.option("--all", "everything", is_flag=True, help="Also sources that are not due yet.")
@click.option("--contact", envvar="OUTAGES_CONTACT", help="Address in the user agent, for the vendors' operators.")
@click.option("--timeout", default=30.0, show_default=True, metavar="SECONDS", help="How long to wait for one answer.")
@click.option(
    "--spread",
    default=0.0,
    type=click.FloatRange(0, 50),
    metavar="SECONDS",
    help="Spread the requests over so much of the minute: for timers.",
)
@click.option("--json", "as_json", is_flag=True, help="Only the summary, as one line of JSON.")
@click.option(
    "--at", "moment", metavar="TIME", help="Stamp captures with this time instead of the clock: for simulations."
)
@common
def poll(
    vendors: tuple[str, ...],
    sources: tuple[str, ...],
    platforms: tuple[str, ...],
    everything: bool,
    contact: str | None,
    timeout: float,
    spread: float,
    as_json: bool,
    moment: str | None,
    data: Path,
    catalog: Path,
) -> None:
    """One round: ask every source that is due, keep the answers, read them.

    Made for a timer that fires every minute: what is due follows from the interval of each source, and from what is
    known of it (docs/polling.md). Exits with 0 when anything could be read or nothing was due, with 3 when nothing
    could be read or an answer could not be kept, with 75 when another round is under way.
    """
    from crawler.archive import Report
    from crawler.database import BusyError, alone
    from crawler.polling import rounds
    from crawler.records import instant, stamp

    try:
        now = instant(moment) if moment else datetime.now(UTC)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--at") from error
    with opened(data, catalog) as (known, captures, archive):
        chosen = _chosen(known, vendors, sources, platforms)
        try:
            with alone(data / "poll.lock", wait=0):
                due = rounds.plan(
                    captures, archive.conn, chosen, now, spread=spread, everything=everything or bool(sources)
                )
                heard: list[rounds.Heard] = []
                asked = began = time.monotonic()
                busy = time.process_time()
                if due.sources or due.records:
                    from crawler.polling import poller

                    began, busy = time.monotonic(), time.process_time()
                    poller.run(
                        due.sources,
                        data / "captures.db",
                        contact=contact,
                        timeout=timeout,
                        now=now if moment else None,
                        told=lambda capture: heard.append(rounds.Heard.of(capture)),
                        unconditional=archive.unreadable(),
                        records=due.records,
                        spread=spread,
                    )
                    asked = time.monotonic()
                busy = time.process_time() - busy
        except BusyError as error:
            click.echo(f"outages: another round is under way: {error}", err=True)
            sys.exit(BUSY)
        try:  # the next round may begin: a rebuild takes long, and pages are to be looked at meanwhile
            report = catch_up(archive, captures, READING_SOON)
        except BusyError as error:
            click.echo(f"outages: the answers are kept, and read by a later round: {error}", err=True)
            report = Report()
        summary = rounds.Summary(
            at=stamp(now), catalog=len(known.sources), asked=len(due.sources), records=len(due.records),
            seconds=round(asked - began, 3), cpu_seconds=round(busy, 3), reading_seconds=round(time.monotonic() - asked, 3),
            incidents=report.incidents,
        )  # fmt: skip
        good = rounds.summarise(archive.conn, heard, summary)
        if as_json:
            click.echo(msgspec.json.encode(summary))
        else:
            failures = sorted(_failures(known, heard).items())
            for host, problem in failures[:MOST_FAILURES]:
                click.echo(f"{host}: {problem}")
            if len(failures) > MOST_FAILURES:
                click.echo(f"… and {len(failures) - MOST_FAILURES} more hosts; `outages health` has them all")
            tell(report)
            click.echo(summary.line())
        lost = sorted({s.id for s in due.sources} - {capture.source for capture in heard})
        for name in lost:
            click.echo(f"{name}: no answer was kept; the log says why", err=True)
        if lost or (heard and not good):
            sys.exit(SOME_FAILED)


def _chosen(
    known: Catalog, vendors: tuple[str, ...], sources: tuple[str, ...], platforms: tuple[str, ...]
) -> list[Source]:
    """The sources that were asked for by name, and may be polled. ClickException when there is no such name."""
    from spiders import PLATFORMS

    for name in vendors:
        known.vendor(name)
    if unknown := [s for s in sources if s not in known.sources]:
        raise click.ClickException(f"no source {unknown[0]!r} in the catalog: `outages sources` lists them")
    if strange := [p for p in platforms if p not in PLATFORMS]:
        raise click.ClickException(f"no platform {strange[0]!r}; there are: {', '.join(PLATFORMS)}")
    return [
        s
        for s in known.sources.values()
        if (not vendors or s.vendor in vendors)
        and (not sources or s.id in sources)
        and (not platforms or s.platform in platforms)
        and (s.polled or s.id in sources)
        and not s.robots.startswith("not fetched")
    ]


@main.command()
@click.option("--vendor", "vendors", multiple=True, help="Only this vendor (may be given again).")
@click.option("--every", default=60.0, show_default=True, metavar="SECONDS", help="From one round to the next.")
@click.option("--spread", default=20.0, show_default=True, metavar="SECONDS", help="As in `outages poll`.")
@click.option("--contact", envvar="OUTAGES_CONTACT", help="Address in the user agent, for the vendors' operators.")
@click.option("--rounds", "most", type=click.IntRange(1), help="Stop after so many rounds.")
@common
def watch(
    vendors: tuple[str, ...],
    every: float,
    spread: float,
    contact: str | None,
    most: int | None,
    data: Path,
    catalog: Path,
) -> None:
    """Poll round after round in the foreground, and tell what is new: for a laptop. Ctrl-C ends it.

    Each round is an `outages poll` in a process of its own. On a server, let a timer start them.
    """
    from crawler.polling import watch as loop

    options = [option for vendor in vendors for option in ("--vendor", vendor)]
    options += ["--spread", str(spread), "--data", str(data), "--catalog", str(catalog)]
    options += ["--contact", contact] if contact else []
    with opened(data, catalog) as (known, captures, archive):
        for name in vendors:
            known.vendor(name)
        catch_up(archive, captures)
    loop.run(options, data / "outages.db", every, most, click.echo)


def _failures(catalog: Catalog, heard: Iterable[Heard]) -> dict[str, str]:
    """The hosts that gave no good answer, each with its first reason."""
    failed: dict[str, str] = {}
    for capture in heard:
        if capture.status not in (200, 304):
            failed.setdefault(catalog.sources[capture.source].host, capture.error or f"HTTP {capture.status}")
    return failed


@main.command("import")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path, exists=True))
@click.option(
    "--git", "repository", type=click.Path(path_type=Path, exists=True), help="A repository with a git-scraped file."
)
@click.option("--path", "file", help="The file in that repository.")
@click.option("--source", help="The source the file is a copy of.")
@click.option("--vendor", help="Who publishes, where the catalog does not know the source.")
@click.option("--platform", help="How it is published, likewise.")
@common
def import_(
    paths: tuple[Path, ...],
    repository: Path | None,
    file: str | None,
    source: str | None,
    vendor: str | None,
    platform: str | None,
    data: Path,
    catalog: Path,
) -> None:
    """Take captures from PATHS (capture lines: .jsonl, .xz, .gz, .zst; web archives: .warc, .warc.gz) as if polled
    when they were fetched.

    Their source is known by its name, else by its address; --vendor and --platform name it when the
    catalog does not. With --git, every committed version of a file at the time of its commit.
    """
    from crawler.archive import chunks
    from crawler.captures.imports import GitHistory, ImportProblem, NamedSource, from_lines, is_warc
    from spiders import PLATFORMS

    if bool(vendor) != bool(platform):
        raise click.UsageError("--vendor and --platform go together")
    if platform and platform not in PLATFORMS:
        raise click.BadParameter(
            f"no platform {platform!r}; there are: {', '.join(PLATFORMS)}", param_hint="--platform"
        )
    git = [bool(option) for option in (repository, file, source)]
    if any(git) != all(git) or any(git) == bool(paths):
        raise click.UsageError("give PATHS of capture lines or WARC files, or --git REPO --path FILE --source S")
    problems: list[ImportProblem] = []
    passed: Counter[str] = Counter()

    def held(path: Path) -> Iterable[Capture | ImportProblem]:
        if not is_warc(path):
            return from_lines(path, known, named)
        from crawler.captures.warc import from_warc

        return from_warc(path, known, named, captures, passed)

    def good(items: Iterable[Capture | ImportProblem]) -> Iterator[Capture]:
        for item in items:
            if isinstance(item, ImportProblem):
                problems.append(item)
            else:
                yield item

    with opened(data, catalog) as (known, captures, archive):
        named = NamedSource(vendor, platform, captures, known) if vendor and platform else None
        if repository and file and source:
            if source not in known.sources and named is None:
                raise click.ClickException(f"no source {source!r} in the catalog: name --vendor and --platform")
            entry = known.sources[source] if source in known.sources else named.of(source, f"git:{file}")  # type: ignore[union-attr]
            there = captures.looks(entry.id, entry.url)
            streams: list[tuple[str, Iterable[Capture | ImportProblem]]]
            streams = [(str(repository), GitHistory(repository, file, entry, there))]
        else:
            streams = [(str(path), held(path)) for path in paths]
        for where, stream in streams:
            read = added = 0
            git_history = stream if isinstance(stream, GitHistory) else None
            with progress(where) as bar:
                try:
                    for chunk in chunks(good(stream)):
                        read += len(chunk)
                        added += captures.add(chunk)
                        bar(*((git_history.passed + read, git_history.total) if git_history else (read, read)))
                except (OSError, RuntimeError) as error:
                    problems.append(ImportProblem(where, str(error)))
            read += git_history.passed if git_history else 0
            click.echo(f"{where}: {read} captures, {added} of them new")
        if passed:
            click.echo(f"passed over: {', '.join(f'{count} {kind}' for kind, count in sorted(passed.items()))}")
        report = catch_up(archive, captures)
        tell(report)
    for problem in problems[:20]:
        click.echo(f"not imported: {problem.where}: {problem.problem}", err=True)
    if len(problems) > 20:
        click.echo(f"… and {len(problems) - 20} more lines", err=True)
    if problems:
        sys.exit(SOME_FAILED)


@main.command()
@click.option(
    "--diff",
    is_flag=True,
    help="Only show what would change; the archive stays as it is.  Exit code 3: something would.",
)
@click.option("--most", default=20, show_default=True, help="With --diff, how many changes to show for each table.")
@common
def rebuild(diff: bool, most: int, data: Path, catalog: Path) -> None:
    """Make everything but the captures again, from the captures.

    After a change of a reader, the catalog or a rule, look at --diff before accepting it.
    """
    if diff:
        _show_changes(data, catalog, most)
        return
    with opened(data, catalog) as (_, captures, archive), progress("reading") as bar:
        report = archive.rebuild(captures, bar)
    tell(report)


def _show_changes(data: Path, catalog: Path, most: int) -> None:
    import tempfile
    from collections import Counter

    from crawler.archive import Archive
    from crawler.compare import changes

    if not (data / "outages.db").exists():
        raise click.ClickException(f"{data / 'outages.db'} is not there: nothing to compare with")
    with tempfile.TemporaryDirectory(dir=data) as scratch, opened(data, catalog) as (known, captures, archive):
        again = Archive(Path(scratch) / "outages.db", known)
        with progress("reading") as bar:
            again.rebuild(captures, bar)
        again.close()
        archive.conn.execute("pragma wal_checkpoint(passive)")
        counts: Counter[str] = Counter()
        for change in changes(data / "outages.db", Path(scratch) / "outages.db"):
            counts[change.table] += 1
            if counts[change.table] <= most:
                what = "new" if change.before is None else "gone" if change.after is None else ""
                click.echo(f"{change.table} {change.key}{': ' + what if what else ''}")
                for column, value in () if what else (change.after or {}).items():
                    click.echo(f"    {column}: {(change.before or {}).get(column)!r} → {value!r}")
    for table, count in counts.items():
        click.echo(f"{table}: {count} rows would change{f', {most} shown' if count > most else ''}")
    if counts:
        sys.exit(SOME_FAILED)
    click.echo("a rebuild would change nothing")


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8001, show_default=True, help="Port to listen on.")
@click.option(
    "--published",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="OUTAGES_PUBLISHED",
    metavar="DIR",
    help="Serve what `outages publish DIR` made, and each newer copy as soon as it is there.  --data is not touched.",
)
@common
def serve(host: str, port: int, published: Path | None, data: Path, catalog: Path) -> None:
    """Datasette on the archive, or on its published copy: quicker, and with nothing that could be written to."""
    if published:
        from crawler.site import server

        try:
            server.serve(published, host, port, lambda line: click.echo(line, err=True))
        except server.ServeError as error:
            raise click.ClickException(str(error)) from error
    with opened(data, catalog) as (_, captures, archive):
        catch_up(archive, captures)
    from crawler.site import arguments

    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "datasette", *arguments(data / "outages.db", host, port)])


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--most-lost",
    default=1.0,
    show_default=True,
    type=click.FloatRange(0, 100),
    metavar="PERCENT",
    help="Publish nothing when more of the published incidents, messages, claims or outages would be gone.",
)
@click.option("--force", is_flag=True, help="Publish all the same.")
@click.option("--keep", default=3, show_default=True, type=click.IntRange(1), help="How many releases to keep.")
@common
def publish(directory: Path, most_lost: float, force: bool, keep: int, data: Path, catalog: Path) -> None:
    """Put a checked copy of the archive into DIRECTORY, for `outages serve --published DIRECTORY`.

    The copy is of one moment, while polls go on. Readers get it as a whole or not at all: DIRECTORY/current is a link
    that is replaced at the end. Exits with 3 when too much would be gone, with 75 when another run is under way.
    """
    from crawler.database import BusyError
    from crawler.site import DATABASE, described
    from crawler.site.publish import DoubtError, PublishError
    from crawler.site.publish import publish as release

    about = described()["databases"][DATABASE]["tables"]
    with opened(data, catalog) as (_, captures, archive):
        catch_up(archive, captures)
    try:
        with steps() as told:
            made = release(
                data / "outages.db", directory, about, most_lost=most_lost, force=force, keep=keep, told=told
            )
    except DoubtError as error:
        for doubt in error.doubts:
            click.echo(f"not published: {doubt}", err=True)
        click.echo("what is published stays; --force publishes all the same", err=True)
        sys.exit(SOME_FAILED)
    except BusyError as error:
        click.echo(f"outages: {error}", err=True)
        sys.exit(BUSY)
    except (PublishError, OSError, sqlite3.Error) as error:
        raise click.ClickException(f"not published: {error}; what is published stays") from error
    for doubt in made.doubts:
        click.echo(f"in spite of this: {doubt}", err=True)
    what = "published" if made.new else "nothing has changed since"
    rows = ", ".join(f"{made.counts[name]:,} {name}" for name in ("incidents", "outages", "claims"))
    click.echo(f"{what} {made.release.name}: {rows}, {made.size:,} bytes")


@main.command()
@click.option("--vendor", help="Only this vendor.")
@click.option("--platform", help="Only this platform.")
@click.option("--unverified", is_flag=True, help="Only sources of which no real answer has been seen, with the reason.")
@click.option("--unknown", is_flag=True, help="Only pages that are listed and cannot be read yet, with the reason.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@common
def sources(
    vendor: str | None,
    platform: str | None,
    unverified: bool,
    unknown: bool,
    as_json: bool,
    data: Path,
    catalog: Path,
) -> None:
    """What is watched: every source, how it is published, and how its last poll went."""
    import msgspec

    from crawler.listing import rows, summary, table

    with opened(data, catalog) as (known, captures, archive):
        catch_up(archive, captures)
        if vendor:
            known.vendor(vendor)
        every = list(rows(known, archive.conn))
    shown = [
        row
        for row in every
        if (not vendor or row.vendor == vendor)
        and (not platform or row.platform == platform)
        and (not unverified or not (row.verified or row.unknown))
        and (row.unknown if unknown else not row.unknown or bool(vendor or platform))
    ]
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(shown), indent=1).decode())
        return
    width = os.get_terminal_size().columns if sys.stdout.isatty() else None
    click.echo("\n".join(table(shown, width)))
    click.echo(summary(sum(not row.unknown for row in shown), every))


@main.command()
@click.option("--source", required=True, help="The source whose past is walked.")
@click.option("--from", "since", metavar="DAY", help="Nothing that began before.  [default: all there is]")
@click.option("--max", "most", type=click.IntRange(min=1), help="At most so many requests; the next run goes on.")
@click.option("--again", is_flag=True, help="Also ask for what captures.db has.")
@click.option("--contact", envvar="OUTAGES_CONTACT", help="Address in the user agent, for the vendor's operators.")
@click.option("--timeout", default=30.0, show_default=True, metavar="SECONDS", help="How long to wait for one answer.")
@common
def backfill(
    source: str,
    since: str | None,
    most: int | None,
    again: bool,
    contact: str | None,
    timeout: float,
    data: Path,
    catalog: Path,
) -> None:
    """Walk a source's past as far back as it is published, one request at a time.

    Interrupted, the next run goes on where this one stopped. Exits with 3 when something could not be had, with 75
    when another walk is under way.
    """
    from crawler.database import BusyError, alone
    from crawler.polling.backfill import NoPastError, Walk
    from crawler.polling.walker import run
    from spiders import platform

    begin = _seconds(since, "--from")
    with opened(data, catalog) as (known, captures, archive):
        if source not in known.sources:
            raise click.ClickException(f"no source {source!r} in the catalog: `outages sources` lists them")
        entry = known.sources[source]
        try:
            walk = Walk(
                entry,
                platform(entry.platform),
                captures,
                datetime.now(UTC),
                since=None if begin is None else datetime.fromtimestamp(begin, UTC),
                most=most,
                again=again,
            )
        except (NoPastError, KeyError) as error:
            raise click.ClickException(str(error)) from error
        try:
            with alone(data / "backfill.lock", wait=0), progress(f"walking {source}") as bar:
                run(walk, captures.path, captures.validators, contact=contact, timeout=timeout, told=bar)
        except BusyError as error:
            click.echo(f"outages: {error}", err=True)
            sys.exit(BUSY)
        told = walk.told
        tell(catch_up(archive, captures))
    back = f", back to {told.oldest.date()}" if told.oldest else ""
    click.echo(f"{told.asked} asked, {told.kept} taken from captures.db: {len(told.incidents)} incidents{back}")
    if told.gone:
        click.echo(f"{told.gone} are not there any more")
    for address, why in sorted(told.failed.items()):
        click.echo(f"not had: {address}: {why}", err=True)
    if told.left or told.stopped:
        why = f": {told.stopped}" if told.stopped else ""
        click.echo(f"stopped{why}; {told.left} addresses are known and were not asked: the next run goes on")
    if told.failed:
        sys.exit(SOME_FAILED)


@main.command()
@click.option("--json", "as_json", is_flag=True, help="For programs: a JSON array of all findings.")
@click.option("--most", default=10, show_default=True, help="How many findings of a kind that can wait to show.")
@common
def health(as_json: bool, most: int, data: Path, catalog: Path) -> None:
    """What is broken or stale: sources that fail, are silent or show what they never showed, and words that were not
    understood.

    Exits with 3 when something needs a person.
    """
    import json

    from crawler.health import findings

    with opened(data, catalog) as (known, captures, archive):
        catch_up(archive, captures)
        wrong = findings(archive.conn, datetime.now(UTC), known.sources)
    if as_json:
        click.echo(json.dumps([finding._asdict() for finding in wrong], ensure_ascii=False, indent=1))
    else:
        kinds = Counter(finding.kind for finding in wrong if not finding.serious)
        shown: Counter[str] = Counter()
        for finding in wrong:
            shown[finding.kind] += not finding.serious
            if finding.serious or shown[finding.kind] <= most:
                click.echo(f"{'! ' if finding.serious else '  '}{finding.source}: {finding.problem}")
        for kind, count in kinds.items():
            if count > most:
                click.echo(f"  … and {count - most} more of the kind {kind}: see --most, --json or the table health")
        serious = sum(finding.serious for finding in wrong)
        well = "all polled sources answer and are understood"
        click.echo(f"{len(wrong)} findings, {serious} need a person" if wrong else well)
    if any(finding.serious for finding in wrong):
        sys.exit(SOME_FAILED)


@main.command()
@click.argument("url")
@click.option("--id", "vendor", help="Id of the vendor in the catalog.  [default: from the host]")
@click.option("--name", help="Name of the vendor.  [default: what the page calls itself]")
@click.option("--dry-run", is_flag=True, help="Show what was understood, and write nothing.")
@click.option("--contact", envvar="OUTAGES_CONTACT", help="Address in the user agent, for the vendor's operators.")
@common
def add(
    url: str, vendor: str | None, name: str | None, dry_run: bool, contact: str | None, data: Path, catalog: Path
) -> None:
    """Recognise the status page at URL, write its catalog file, and read it once.

    The page's host, marks in its HTML, and in the end well-known addresses tell its platform; a few requests are made,
    one after the other.
    """
    from crawler.listing import told
    from crawler.recognise import NotRecognisedError, entry, keep, recognise, write

    try:
        known = load(catalog) if catalog.is_dir() and any(catalog.iterdir()) else Catalog(())
        found = recognise(url, vendor, known, name=name, contact=contact)
        click.echo("\n".join(told(found)))
        if dry_run:
            click.echo(f"\n{catalog / found.vendor.id}.yml would be\n\n{entry(found, datetime.now(UTC))}", nl=False)
            return
        path = write(found, catalog)
        keep(found, data)
    except (NotRecognisedError, CatalogError, OSError, sqlite3.Error) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"written: {path}")
    with opened(data, catalog) as (_, captures, archive):
        tell(catch_up(archive, captures))


@main.command()
@click.argument("directory", type=click.Path(path_type=Path, file_okay=False))
@common
def export(directory: Path, data: Path, catalog: Path) -> None:
    """A release: every table and view as CSV in DIRECTORY, with a list of row counts and digests."""
    from crawler.database import BusyError
    from crawler.export import export as write

    with opened(data, catalog) as (_, captures, archive):
        catch_up(archive, captures)
        try:
            written = write(archive.conn, directory)
        except BusyError as error:
            click.echo(f"outages: {error}", err=True)
            sys.exit(BUSY)
        except OSError as error:
            raise click.ClickException(f"the release cannot be written: {error}") from error
    for name, rows in written.items():
        click.echo(f"{name}.csv: {rows} rows")


@main.group("captures")
def captures_() -> None:
    """The store of responses: check it, pack it, or write it as a WARC file.

    Its sub-commands take --data DIR (default: ./data) and --catalog like all others.
    """


@captures_.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--source", help="Only this source.")
@click.option("--since", metavar="TIME", help="Only looks from this time on: a day, or a time with its zone.")
@click.option("--until", metavar="TIME", help="Only looks before this time.")
@common
def captures_export(
    file: Path, source: str | None, since: str | None, until: str | None, data: Path, catalog: Path
) -> None:
    """Every look, oldest first, into FILE (.warc.gz or .warc) for other web archives; `outages import` takes it back.

    Exits with 3 when a body is damaged and could not be written.
    """
    from importlib.metadata import version

    from crawler.captures.imports import is_warc
    from crawler.captures.warc import export as write

    if not is_warc(file):
        raise click.BadParameter(f"{file.name} does not end in .warc.gz or .warc", param_hint="FILE")
    begin, end = _seconds(since, "--since"), _seconds(until, "--until")
    with opened(data, catalog) as (_, captures, _archive):
        looks = captures.of_source(source) if source else captures.pending(0)
        if source and not looks:
            raise click.ClickException(f"there is no capture of a source {source!r}")
        chosen = [seq for seq, _, at in looks if (begin is None or at >= begin) and (end is None or at < end)]
        try:
            with progress(str(file)) as bar:
                report = write(captures, chosen, file, f"outages/{version('outages')}", bar)
        except OSError as error:
            raise click.ClickException(f"the file cannot be written: {error}") from error
    kinds = ", ".join(f"{count} {kind}" for kind, count in report.records.most_common())
    click.echo(f"{file}: {report.records.total()} captures{f': {kinds}' if kinds else ''}")
    for problem in report.damaged:
        click.echo(f"not exported: {problem}", err=True)
    if report.damaged:
        sys.exit(SOME_FAILED)


def _seconds(text: str | None, option: str) -> float | None:
    """A time that was typed; a day is its beginning in UTC."""
    from crawler.records import instant

    try:
        return None if text is None else instant(text if len(text) > 10 else f"{text}T00:00:00Z").timestamp()
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint=option) from error


@captures_.command("pack")
@common
def captures_pack(data: Path, catalog: Path) -> None:
    """Pack the bodies that polls brought one by one together, and give the space back to the disk.

    Polls pack as they go; this also packs what is not enough for a block yet. Needs room for a second copy.
    """
    with opened(data, catalog) as (_, captures, _archive), progress("packing") as bar:
        packed = captures.pack(bar)
    (blocks, size), (blocks_now, size_now) = packed.before, packed.after
    click.echo(f"{captures.path}: {blocks:,} blocks → {blocks_now:,}, {size:,} bytes → {size_now:,}")


@captures_.command("verify")
@common
def captures_verify(data: Path, catalog: Path) -> None:
    """Read every body that is kept and compare it with its digest.

    Exits with 3 when one is damaged, naming the captures that show it.
    """
    with opened(data, catalog) as (_, captures, _archive):
        try:
            with progress("checking") as bar:
                found = captures.verify(bar)
        except sqlite3.DatabaseError as error:
            click.echo(f"damaged: {captures.path}: {error}")
            sys.exit(SOME_FAILED)
    for damage in found.damaged:
        click.echo(f"damaged: {damage.where}: {damage.problem}")
    click.echo(
        f"{found.captures:,} captures, {found.bodies:,} distinct bodies of {found.size:,} bytes, "
        f"stored in {found.stored:,}, {found.blocks:,} blocks; longest chain {found.longest}"
    )
    if found.damaged:
        click.echo(f"{len(found.damaged):,} damaged")
        sys.exit(SOME_FAILED)
