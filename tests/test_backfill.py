"""Walks into the past: what is asked, what is not asked twice, and what the archive makes of it."""

from __future__ import annotations

import html
import json
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from crawler.captures import Captures
from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.polling.backfill import FRESH, PATIENCE, NoPastError, Walk, past
from crawler.records import Capture, Incident, Page, Unreadable, Update
from spiders import platform
from tests.stage import Stage, stage
from tests.test_polling import Archive

LETTERS = "bcdfghjklmnpqrstvwxz"
#: The past that the page tells: three years, 200 incidents.
NEWEST, MONTHS, COUNT = datetime(2026, 11, 1, tzinfo=UTC), 36, 200


def code(number: int) -> str:
    return f"acme{LETTERS[number // 20 % 20]}{LETTERS[number % 20]}{number:06d}"


def began(number: int) -> datetime:
    """Spread evenly, newest first, with a quarter in which nothing happened."""
    days = number * (MONTHS * 30.4 - 120) / COUNT
    return NEWEST + timedelta(days=12 - days - (100 if number > 90 else 0), hours=number % 24, seconds=17)


def record(number: int) -> dict[str, Any]:
    first, last = began(number), began(number) + timedelta(hours=2)
    updates = [
        {"id": f"{code(number)}{name}", "status": status, "body": f"Message {name} of {number}.",
         "created_at": f"{at.isoformat()}", "display_at": at.isoformat(), "affected_components": None}
        for name, status, at in (("a", "investigating", first), ("b", "resolved", last))
    ]  # fmt: skip
    return {
        "id": code(number), "name": f"Trouble {number}", "status": "resolved", "impact": "major",
        "created_at": first.isoformat(), "resolved_at": last.isoformat(), "incident_updates": updates,
    }  # fmt: skip


def envelope(**part: Any) -> dict[str, Any]:
    return {"page": {"id": "ppppqqqqrrrr", "url": "https://acme.example"}, **part}


def listing(number: int) -> dict[str, str]:
    first, last = began(number), began(number) + timedelta(hours=2)
    day = "{0:%b} <var data-var='date'>{0.day:2}</var>, <var data-var='time'>{0:%H:%M}</var>"
    end = day if last.date() != first.date() else "<var data-var='time'>{0:%H:%M}</var>"
    return {
        "code": code(number), "name": f"Trouble {number}", "message": f"Message b of {number}.", "impact": "major",
        "timestamp": f"{day.format(first)} - {end.format(last)} UTC",
    }  # fmt: skip


def history(number: int) -> str:
    """The n-th page of three months, as HTML."""
    months = []
    for month in range(3 * (number - 1), 3 * number):
        year, index = divmod(NEWEST.year * 12 + NEWEST.month - 1 - month, 12)
        of_month = [n for n in range(COUNT) if (began(n).year, began(n).month) == (year, index + 1)]
        months.append({"name": f"{datetime(year, index + 1, 1, tzinfo=UTC):%B}", "year": year, "starts_on": 0, "days": 30,
                       "incidents": [listing(n) for n in of_month]})  # fmt: skip
    props = {
        "page_status": {"page": {"id": "ppppqqqqrrrr", "created_at": "2023-11-20T10:00:00.000Z"}},
        "components": [], "months": months, "show_component_filter": False, "show_uptime_calendar": True,
        "component_filter": None, "start_time": "", "end_time": "",
    }  # fmt: skip
    return (
        '<!DOCTYPE html>\n<html><body><div data-react-class="HistoryIndex" '
        f'data-react-props="{html.escape(json.dumps(props))}"></div></body></html>'
    )


@pytest.fixture
def page() -> Iterator[Stage]:
    with stage() as server:
        for number in range(1, 20):
            server.show(f"/history?page={number}", history(number))
        for number in range(COUNT):
            server.show(f"/incidents/{code(number)}.json", envelope(incident=record(number)))
        newest = [record(number) for number in range(50)]
        server.show("/api/v2/incidents.json", envelope(incidents=newest))
        yield server


@pytest.fixture
def archive(tmp_path: Path, page: Stage) -> Archive:
    return Archive(tmp_path, f"{page.url}/api/v2/incidents.json")


def walk(archive: Archive, *more: str) -> subprocess.CompletedProcess[str]:
    return archive.run("backfill", "--source", "acme-incidents", "--contact", "test@example.org", *more)


def asked(page: Stage, part: str = "/") -> list[str]:
    return [path for path, _ in page.asked if part in path and path != "/robots.txt"]


def test_three_years(archive: Archive, page: Stage) -> None:
    """All incidents are had, in their own words, and nobody claims to have watched them."""
    page.show(f"/incidents/{code(70)}.json", "gone", status=404)
    page.show(f"/incidents/{code(71)}.json", "broken", status=500)
    page.show(f"/incidents/{code(72)}.json", "<!DOCTYPE html><html>Sorry</html>")
    done = walk(archive)
    assert done.returncode == 3, done.stdout + done.stderr
    assert "216 asked, 0 taken from captures.db: 200 incidents, back to 2023-12-" in done.stdout
    assert "1 are not there any more" in done.stdout
    assert [line.split(": ", 2)[2] for line in done.stderr.splitlines() if line.startswith("not had")] == [
        "HTTP 500",
        "its body could not be read",
    ]
    assert asked(page, "/history")[-1] == "/history?page=14", "empty months behind the beginning of the page end it"
    assert max(Counter(asked(page)).values()) == 2, "what failed was asked once more"
    assert archive.rows("select count(*), count(started_at), count(ended_at) from incidents") == [(200, 200, 200)]
    assert archive.rows("select count(*) from updates") == [(2 * 197,)]
    assert archive.rows(f"select title, first_posted_at from incidents where key = '{code(7)}'") == [
        ("Trouble 7", f"{began(7):%Y-%m-%dT%H:%M:%SZ}")
    ]
    assert archive.rows("select min(first_seen_at) > '2026', count(vanished_at) from incidents") == [(1, 0)]
    for empty in ("revisions", "watched", "links", "availability where watched_minutes > 0"):
        assert archive.rows(f"select * from {empty}") == [], empty
    assert archive.rows("select sum(watched_minutes) from coverage") == [(0,)]
    assert archive.rows("select distinct source from polls") == [("acme-incidents-past",)]
    assert archive.rows("select last_polled_at from sources where id = 'acme-incidents'") == [(None,)]

    page.asked.clear()
    for number in (71, 72):
        page.show(f"/incidents/{code(number)}.json", envelope(incident=record(number)))
    again = walk(archive)
    assert again.returncode == 0, again.stdout + again.stderr
    assert sorted(asked(page)) == sorted(f"/incidents/{code(number)}.json" for number in (71, 72))
    assert archive.rows("select count(*) from updates") == [(2 * 199,)]

    page.asked.clear()
    assert "0 asked" in walk(archive).stdout
    assert asked(page) == []
    assert "214 asked" in walk(archive, "--again").stdout
    assert archive.rows("select * from watched") == []
    assert archive.rows("select * from revisions") == []
    rebuilt = archive.run("rebuild", "--diff")
    assert "a rebuild would change nothing" in rebuilt.stdout, rebuilt.stdout


def test_killed_in_the_middle(archive: Archive, page: Stage) -> None:
    """The next walk asks for what is missing, and for nothing else."""
    arguments = [
        "backfill",
        "--source",
        "acme-incidents",
        "--data",
        str(archive.data),
        "--catalog",
        str(archive.catalog),
    ]
    process = subprocess.Popen([sys.executable, "-m", "crawler", *arguments], cwd=Path(__file__).parent.parent)
    deadline = time.monotonic() + 30
    while len(asked(page)) < 60 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    before = len(asked(page))
    assert 60 <= before < 200
    done = walk(archive)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = Counter(asked(page))
    assert len(counts) == 214
    assert sum(counts.values()) - len(counts) <= 1, "only what was under way when it was killed"
    assert archive.rows("select count(*) from updates") == [(400,)]


def test_one_at_a_time_with_pauses(archive: Archive, page: Stage) -> None:
    file = archive.catalog / "acme.yml"
    file.write_text(file.read_text().replace("delay: 0", "delay: 0.3"))
    done = walk(archive, "--max", "6")
    assert done.returncode == 0, done.stderr
    assert "stopped: 6 requests were made; " in done.stdout
    assert asked(page) == [f"/history?page={number}" for number in range(1, 7)]
    spans = sorted(page.spans)
    assert all(began_at >= ended for (_, ended), (began_at, _) in pairwise(spans)), "one at a time"
    # A busy machine hears of a request late, and of the next one in time: only all pauses together can be relied on.
    assert spans[-1][0] - spans[0][0] > 4 * 0.3
    page.asked.clear()
    assert "6 asked, 6 taken from captures.db" in walk(archive, "--max", "6").stdout
    assert asked(page)[0] == "/history?page=7"


def test_beside_what_is_polled(archive: Archive, page: Stage) -> None:
    """A poorer view changes nothing of what a richer one told, and is no edit."""
    assert archive.poll("2026-11-22T10:00:00Z").returncode == 0
    columns = "key, title, severity, state, first_posted_at, resolved_posted_at, started_at, ended_at"
    seen = archive.rows(f"select {columns} from incidents order by key")
    told = archive.rows("select id, text, removed_at from updates")
    page.show(f"/incidents/{code(3)}.json", "gone", status=404)
    walk(archive, "--max", "20")
    assert set(seen) <= set(archive.rows(f"select {columns} from incidents"))
    assert set(told) <= set(archive.rows("select id, text, removed_at from updates"))
    assert archive.rows("select * from revisions") == []
    assert archive.rows("select count(*) from incidents where vanished_at is not null") == [(0,)]


def test_from_a_day_on(archive: Archive, page: Stage) -> None:
    done = walk(archive, "--from", "2026-07-01")
    assert done.returncode == 0, done.stdout + done.stderr
    wanted = {f"/incidents/{code(n)}.json" for n in range(COUNT) if began(n) >= datetime(2026, 7, 1, tzinfo=UTC)}
    assert set(asked(page, "/incidents/")) == wanted
    assert len(asked(page, "/history")) == 3, "the first page with nothing but older incidents is the last"


def test_what_cannot_be_walked(archive: Archive) -> None:
    assert "no source 'nobody'" in archive.run("backfill", "--source", "nobody").stderr
    file = archive.catalog / "acme.yml"
    file.write_text(file.read_text().replace("platform: statuspage", "platform: gcp"))
    done = walk(archive)
    assert (done.returncode, "gcp publishes no past" in done.stderr) == (1, True)


# The walk itself, without a network

SOURCE = Source(id="acme", vendor="acme", platform="made-up", url="https://acme.example/1")
NOW = datetime(2026, 11, 22, 10, tzinfo=UTC)


def read(capture: Capture, source: Source) -> Page:
    """The keys of incidents, one a line; upper case has messages."""
    if capture.body == b"?":
        raise Unreadable("strange")
    keys = (capture.body or b"").decode().split()
    said = (Update(posted_at=NOW, text="Text"),)
    return Page(incidents=tuple(Incident(key=key, title=key, updates=said if key.isupper() else ()) for key in keys))


def older(capture: Capture, source: Source) -> Iterable[Ask]:
    number = int(capture.url[-1])
    return (Ask(f"{capture.url[:-1]}{number + 1}"),) if number < 3 else ()


MADE_UP = Platform(
    read=read,
    history=lambda source, now: (Ask(source.url),),
    older=older,
    record=lambda source, key: Ask(f"https://acme.example/incident/{key}"),
)


#: By address: status (none: no answer) and body of each look; the last one stays.
Answers = Mapping[str, Sequence[tuple[int | None, bytes]]]


@pytest.fixture
def captures(tmp_path: Path) -> Iterator[Captures]:
    store = Captures(tmp_path / "captures.db")
    yield store
    store.close()


def play(captures: Captures, answers: Answers, **options: Any) -> tuple[Walk, list[str]]:
    """A walk that is answered so; the last answer stays. Addresses by what follows the host."""
    one = Walk(SOURCE, MADE_UP, captures, options.pop("now", NOW), **options)
    said = {address: list(some) for address, some in answers.items()}
    steps: list[str] = []
    while ask := one.next():
        name = ask.address.removeprefix("https://acme.example/")
        some = said.get(name, [(404, b"")])
        status, body = some.pop(0) if len(some) > 1 else some[0]
        steps.append(name)
        at = NOW + timedelta(seconds=len(steps))
        one.heard(ask, Capture(source=one.own.id, url=ask.address, fetched_at=at, status=status, headers={},
                               body=body if status == 200 else None, error=None if status else "timeout"))  # fmt: skip
    return one, steps


def test_lists_first_then_what_they_only_name(captures: Captures) -> None:
    answers = {"1": [(200, b"a B")], "2": [(200, b"c a")], "3": [(200, b"")],
               "incident/a": [(200, b"A")], "incident/c": [(200, b"C")]}  # fmt: skip
    one, steps = play(captures, answers)
    assert steps == ["1", "2", "3", "incident/a", "incident/c"]
    assert (one.told.asked, one.told.left, one.told.stopped) == (5, 0, None)
    again, steps = play(captures, answers)
    assert (steps, again.told.kept) == ([], 5)
    assert play(captures, answers, again=True)[1] == ["1", "2", "3", "incident/a", "incident/c"]


def test_lists_grow_old_and_incidents_do_not(captures: Captures) -> None:
    answers = {"1": [(200, b"a")], "2": [(200, b"")], "3": [(200, b"")], "incident/a": [(200, b"A")]}
    play(captures, answers)
    assert play(captures, answers, now=NOW + FRESH + timedelta(minutes=1))[1] == ["1", "2", "3"]


def test_what_fails_is_asked_once_more_at_the_end(captures: Captures) -> None:
    answers = {"1": [(200, b"a b")], "2": [(500, b""), (200, b"c")], "3": [(200, b"?")],
               **{f"incident/{key}": [(200, key.upper().encode())] for key in "abc"}}  # fmt: skip
    one, steps = play(captures, answers)
    assert steps == ["1", "2", "incident/a", "incident/b", "2", "3", "incident/c", "3"]
    assert one.told.failed == {"https://acme.example/3": "its body could not be read"}
    answers["3"] = [(200, b"d")]
    assert play(captures, answers)[1] == ["3", "incident/d"], "what could not be read was not had"


def test_a_host_that_wants_peace_gets_it(captures: Captures) -> None:
    keys = [f"k{number}" for number in range(9)]
    answers = {"1": [(200, " ".join(keys).encode())], "2": [(200, b"")], "3": [(200, b"")],
               **{f"incident/{key}": [(429, b"")] for key in keys}}  # fmt: skip
    one, steps = play(captures, answers)
    assert len(steps) == 3 + 2
    assert one.told.stopped == "the host asked for a pause (HTTP 429)"
    assert one.told.left == 9
    dead: Answers = {**answers, **{f"incident/{key}": [(None, b"")] for key in keys}}
    one, steps = play(captures, dead)
    assert (len(steps), one.told.stopped) == (PATIENCE, f"{PATIENCE} failures one after the other, the last: timeout")


def test_an_unchanged_list_still_leads_on(captures: Captures) -> None:
    answers = {"1": [(200, b"a")], "2": [(200, b"")], "3": [(200, b"")], "incident/a": [(200, b"A")]}
    play(captures, answers)
    assert play(captures, {**answers, "1": [(304, b"")]}, again=True)[1] == ["1", "2", "3", "incident/a"]


def test_what_a_round_got_is_not_asked_for(captures: Captures) -> None:
    captures.add([Capture(source="acme", url="https://acme.example/incident/a", fetched_at=NOW - FRESH * 9, status=200,
                          headers={}, body=b"A")])  # fmt: skip
    answers = {"1": [(200, b"a")], "2": [(200, b"")], "3": [(200, b"")]}
    assert play(captures, answers)[1] == ["1", "2", "3"]


def test_a_platform_without_a_past(captures: Captures) -> None:
    with pytest.raises(NoPastError, match="publishes no past"):
        Walk(SOURCE, Platform(read=read), captures, NOW)


def test_a_source_of_its_own() -> None:
    source = Source(id="a", vendor="v", platform="p", url="u", zones={"PST": "America/Los_Angeles"}, every="5m")
    own = past(source)
    assert (own.id, own.polled, own.zones, own.vendor) == ("a-past", False, source.zones, "v")
    assert own.interval < timedelta(seconds=2)


# Statuspage's list of the past


def listed(props: dict[str, Any], url: str = "https://acme.example/history?page=4") -> Capture:
    return Capture(source="a", url=url, fetched_at=NOW, status=200, headers={}, body=json.dumps(props).encode())


def one_of(timestamp: str, month: str = "January", year: int = 2026, **fields: Any) -> Page:
    told = {"code": "bcdfghjklmnp", "name": "Slow &amp; sad", "impact": "minor", "timestamp": timestamp, **fields}
    capture = listed({"months": [{"name": month, "year": year, "incidents": [told]}]})
    zones = {"PST": "America/Los_Angeles", "PDT": "America/Los_Angeles"}
    return platform("statuspage").read(capture, Source(id="a", vendor="v", platform="statuspage", url="u", zones=zones))


@pytest.mark.parametrize(
    ("timestamp", "month", "first", "last"),
    [
        (
            "Jan <var>5</var>, <var>10:00</var> - <var>11:30</var> UTC",
            "January",
            "2026-01-05T10:00",
            "2026-01-05T11:30",
        ),
        ("Jan 5, 22:00 - Jan 6, 01:30 PST", "January", "2026-01-06T06:00", "2026-01-06T09:30"),
        ("Dec 31, 23:00 - Jan 1, 01:00 UTC", "January", "2025-12-31T23:00", "2026-01-01T01:00"),
        ("Dec 31, 23:00 - Jan 1, 01:00 UTC", "December", "2026-12-31T23:00", "2027-01-01T01:00"),
    ],
)
def test_spans(timestamp: str, month: str, first: str, last: str) -> None:
    (incident,) = one_of(timestamp, month).incidents
    assert incident.first_posted_at == datetime.fromisoformat(f"{first}:00Z")
    assert incident.resolved_posted_at == datetime.fromisoformat(f"{last}:00Z")
    assert (incident.title, incident.updates, incident.newest_only) == ("Slow & sad", (), True)


def test_a_single_time_and_a_planned_one_tell_the_day() -> None:
    for page in (one_of("Jan 5, 22:00 PST"), one_of("Jan 5, 22:00 - 23:00 PST", impact="maintenance")):
        (incident,) = page.incidents
        assert (str(incident.day), incident.first_posted_at, incident.resolved_posted_at) == ("2026-01-06", None, None)


@pytest.mark.parametrize(
    ("fields", "kind", "detail"),
    [
        ({"timestamp": "Jan 5, 22:00 - 23:00 XYZ"}, "unknown-word", "XYZ"),
        ({"timestamp": "lately"}, "bad-value", "January 2026: lately"),
        ({"timestamp": "Jan 5, 22:00 - Jan 4, 23:00 UTC"}, "bad-value", "Jan 5, 22:00 - Jan 4, 23:00 UTC"),
        ({"timestamp": "Jan 5, 22:00 UTC", "impact": "huge"}, "unknown-word", "huge"),
        ({"timestamp": "Jan 5, 22:00 UTC", "colour": "red"}, "unknown-field", '"red"'),
    ],
)
def test_what_is_odd_is_told(fields: dict[str, Any], kind: str, detail: str) -> None:
    page = one_of(**fields)
    assert [(signal.kind, signal.detail) for signal in page.signals] == [(kind, detail)]
    assert len(page.incidents) == 1


def test_another_platform_s_list() -> None:
    with pytest.raises(Unreadable, match="no incident in the list is one of Statuspage"):
        one_of("Jan 5, 22:00 UTC", code="12")
    with pytest.raises(Unreadable, match="not a list of the past"):
        platform("statuspage").read(listed({"months": 3}), SOURCE)


def test_where_the_past_ends() -> None:
    def more(year: int, incidents: int, since: str | None = None) -> list[str]:
        props: dict[str, Any] = {"months": [{"name": "May", "year": year, "incidents": [{"code": "x"}] * incidents}]}
        if since:
            props["page_status"] = {"page": {"created_at": since}}
        return [ask.url for ask in platform("statuspage").older(listed(props), SOURCE)]

    onward = ["https://acme.example/history?page=5"]
    assert more(2020, 1, "2021-01-01T00:00:00Z") == onward, "carried over from elsewhere"
    assert more(2020, 0, "2021-01-01T00:00:00Z") == []
    assert more(2020, 0, "2020-05-03T00:00:00Z") == onward
    assert more(2020, 0) == onward, "a quiet time"
    assert more(2011, 0) == []
