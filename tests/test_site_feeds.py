"""Feeds and calendars: what RFC 4287 and RFC 5545 ask, the newest first, cheap to ask again, hostile text and all."""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from datasette.app import Datasette

from crawler.records import instant
from crawler.site import feeds
from crawler.site.feeds import ENTRIES, Addresses, Item, Message, Subject, atom, events, items, subject
from crawler.site.ical import WIDTH, calendar
from crawler.site.server import opened
from tests.published import get
from tests.test_search import HANGZHOU, HOSTILE, LOOKS, MANY, ODD, PAULO, POWER, incident, look, made

ATOM = {"": "http://www.w3.org/2005/Atom"}
SAID = HOSTILE.replace("\x02", "").replace("\x03", "")  # as a feed has it: XML cannot hold these signs
OPEN = incident("open00000001", "2026-02-06T10:00:00Z", "Still out; in 杭州, too", "Hangzhou: nothing works.", "x")
OPEN |= {"status": "investigating", "resolved_at": None, "incident_updates": OPEN["incident_updates"][1:]}
WHERE = Addresses(
    "https://a.example/-/feed/all.atom", "https://a.example/", lambda id: f"https://a.example/-/incident/{id}"
)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    more = [look("fern", "2026-02-06T10:30:00Z", OPEN, PAULO, POWER, HANGZHOU, ODD)]
    return made(tmp_path_factory.mktemp("feeds"), LOOKS + more)


@pytest.fixture(scope="module")
def conn(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    yield connection
    connection.close()


@pytest.fixture(scope="module")
def site(path: Path) -> Datasette:
    return opened(path)


def valid(document: bytes) -> ElementTree.Element:
    """The root of a feed that keeps to RFC 4287: what has to be there, once, and in its form."""
    feed = ElementTree.fromstring(document)
    assert feed.tag == "{http://www.w3.org/2005/Atom}feed"
    for element in (feed, *feed.findall("entry", ATOM)):
        for name in ("id", "title", "updated"):
            (one,) = element.findall(name, ATOM)
            assert (one.text or "").strip()
        assert re.fullmatch(r"urn:uuid:[0-9a-f-]{36}", element.findtext("id", "", ATOM))
        for name in ("updated", "published"):
            for when in element.findall(name, ATOM):
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", when.text or "")
                datetime.fromisoformat(when.text or "")
        kinds = [(link.get("rel"), link.get("type")) for link in element.findall("link", ATOM)]
        assert len(kinds) == len(set(kinds))
        assert ("alternate", "text/html") in kinds
        for link in element.findall("link", ATOM):
            assert re.fullmatch(r"https?://[!-~]+", link.get("href") or "")
    for entry in feed.findall("entry", ATOM):
        assert entry.findtext("author/name", "", ATOM)
        (content,) = entry.findall("content", ATOM)
        assert content.get("type", "text") == "text"
        assert not list(content)
    ids = [entry.findtext("id", "", ATOM) for entry in feed.findall("entry", ATOM)]
    assert len(ids) == len(set(ids))
    return feed


def unfolded(text: str) -> list[tuple[str, str]]:
    """Names and values of the lines of a calendar, which keep to RFC 5545."""
    assert text.endswith("\r\n")
    lines = text.removesuffix("\r\n").split("\r\n")
    assert all(len(line.encode()) <= WIDTH and not re.search(r"[\x00-\x08\x0a-\x1f]", line) for line in lines)
    joined = "\r\n".join(lines).replace("\r\n ", "").split("\r\n")
    return [(line.partition(":")[0], line.partition(":")[2]) for line in joined]


def titles(feed: ElementTree.Element) -> list[str]:
    return [entry.findtext("title", "", ATOM) for entry in feed.findall("entry", ATOM)]


# Which incidents


def test_all_is_the_newest_fifty_by_their_last_change(site: Datasette) -> None:
    feed = valid(get(site, "/-/feed/all.atom").content)
    shown = titles(feed)
    assert len(shown) == min(ENTRIES, MANY + 5)
    assert shown[:2] == ["Fern Cloud: Loss of power", "Fern Cloud: Still out; in 杭州, too"]
    when = [entry.findtext("updated", "", ATOM) for entry in feed.findall("entry", ATOM)]
    assert when == sorted(when, reverse=True)
    assert feed.findtext("updated", "", ATOM) == when[0]


def test_of_a_vendor_and_of_a_region(site: Datasette) -> None:
    assert len(titles(valid(get(site, "/-/feed/moss.atom").content))) == MANY
    assert {"Fern Cloud"} == {t.partition(":")[0] for t in titles(valid(get(site, "/-/feed/fern.atom").content))}
    of_region = titles(valid(get(site, "/-/feed/fern/cn-hangzhou.atom").content))
    assert of_region == ["Fern Cloud: Still out; in 杭州, too", "Fern Cloud: 杭州地域控制台访问异常"]
    assert titles(valid(get(site, "/-/feed/fern/sa-1.atom").content)) == ["Fern Cloud: Queues in São Paulo"]


def test_no_more_rows_are_read_than_it_takes(conn: sqlite3.Connection) -> None:
    assert len(items(conn, Subject("all"), 3)) == 3
    assert len(items(conn, Subject("x", "fern", "cn-hangzhou"), 1)) == 1
    for sql, index in ((feeds.ALL, "incidents_changed"), (feeds.OF_VENDOR, "incidents_vendor_changed")):
        plan = [row[3] for row in conn.execute(f"explain query plan {sql}", {"vendor": "fern", "limit": 9})]
        assert f"USING INDEX {index}" in " ".join(plan)
        assert "TEMP B-TREE" not in " ".join(plan)
    plan = [row[3] for row in conn.execute(f"explain query plan {feeds.IN_REGION}", {"vendor": "fern", "region": "x"})]
    assert all(step.startswith("SEARCH outages USING COVERING INDEX") for step in plan)


@pytest.mark.parametrize(
    "address", ["nobody.atom", "nobody.ics", "fern/nowhere.atom", "nobody/cn-hangzhou.ics", "all/x.atom"]
)
def test_what_there_is_not(site: Datasette, address: str) -> None:
    answer = get(site, f"/-/feed/{address}")
    assert answer.status_code == 404
    assert "There is no" in answer.text


def test_an_empty_feed_is_a_feed() -> None:
    feed = valid(atom(Subject("Moss", "moss"), [], WHERE))
    assert titles(feed) == []
    assert unfolded(calendar(name="Moss"))[-1] == ("END", "VCALENDAR")


# What an entry says


def test_an_entry_leads_to_the_incident_and_to_the_vendor(site: Datasette) -> None:
    feed = valid(get(site, "/-/feed/fern.atom", headers={"host": "outages.example"}).content)
    assert {link.get("rel"): link.get("href") for link in feed.findall("link", ATOM)} == {
        "self": "http://outages.example/-/feed/fern.atom",
        "alternate": "http://outages.example/-/vendor/fern",
    }
    entry = feed.findall("entry", ATOM)[-1]
    assert {link.get("rel"): link.get("href") for link in entry.findall("link", ATOM)} == {
        "alternate": "http://outages.example/-/incident/fern:hostile00001",
        "via": "https://status.fern.example/incidents/hostile00001",
    }


def test_vendors_text_is_text(site: Datasette) -> None:
    entry = valid(get(site, "/-/feed/fern.atom").content).findall("entry", ATOM)[-1]
    assert entry.findtext("title", "", ATOM) == f"Fern Cloud: {SAID}"
    assert SAID in entry.findtext("content", "", ATOM)


ROW: dict[str, Any] = {
    "id": "x:~ü/\x00é y", "vendor": "x", "vendor_name": "X <&\x0b", "title": "]]> \ufffe \x1b[31m", "url": "https://a.example/ b",
    "severity": None, "severity_text": None, "state": None, "started_at": None, "ended_at": None, "minutes": None,
    "first_posted_at": None, "first_seen_at": "2026-01-01T00:00:00Z", "vanished_at": None,
    "changed_at": "2026-01-01T00:00:00Z", "cause": None,
}  # fmt: skip


def test_signs_that_xml_cannot_hold_and_addresses_that_are_none() -> None:
    item = Item(ROW, [Message(None, None, "a\x00b\x08 \U0001f600", True)], [])
    feed = valid(atom(Subject("\x01y"), [item], WHERE._replace(incident=lambda id: "https://a.example/-/incident/x")))
    assert titles(feed) == ["X <&: ]]>  [31m"]
    assert "without a time (taken away since):\nab \U0001f600" in feed.findtext("entry/content", "", ATOM)
    assert [link.get("rel") for link in feed.findall("entry/link", ATOM)] == ["alternate"]
    assert list(events([item], WHERE)) == []  # nobody knows when


def test_content_tells_what_is_known_and_what_was_said(conn: sqlite3.Connection) -> None:
    first, second, *_ = items(conn, Subject("x", "fern"), 9)
    told = feeds.text(second)
    assert told.startswith(
        "Partial outage, investigating\nFrom 2026-02-06 10:00:00 UTC; no end is known\nRegions: China (Hangzhou)"
    )
    assert "2026-02-06 10:00:00 UTC investigating:\nHangzhou: nothing works." in told
    assert "(taken away since)" not in feeds.text(first)


def test_ids_stay_and_updated_goes_on_when_something_changes(tmp_path: Path) -> None:
    edited = POWER | {"name": "Loss of all power"}
    longer = POWER | {"incident_updates": incident("power0000001", "2026-02-02T10:00:00Z", "", "a", "b", "c", "d")["incident_updates"][:1] + POWER["incident_updates"]}  # fmt: skip
    looks = [look("fern", "2026-02-03T00:00:00Z", POWER), look("fern", "2026-02-03T01:00:00Z", POWER)]

    def entry(name: str, *more: dict[str, Any]) -> tuple[str, str]:
        at = ("2026-02-04T00:00:00Z", "2026-02-05T00:00:00Z")
        path = made(tmp_path / name, looks + [look("fern", when, shown) for when, shown in zip(at, more, strict=False)])
        with sqlite3.connect(path) as conn:
            feed = valid(atom(Subject("all"), items(conn, Subject("all"), 9), WHERE))
        return feed.findtext("entry/id", "", ATOM), feed.findtext("entry/updated", "", ATOM)

    id, posted = entry("as posted")
    assert posted == "2026-02-02T10:02:00Z"  # of its last message; looks that show the same change nothing
    assert entry("message", longer) == (id, "2026-02-02T10:03:00Z")
    assert entry("edited", edited) == (id, "2026-02-04T00:00:00Z")  # when the look showed it
    assert entry("edited twice", edited, POWER) == (id, "2026-02-05T00:00:00Z")


# Asked again


def test_who_has_it_gets_nothing(site: Datasette) -> None:
    for address, kind in (("all.atom", "application/atom+xml"), ("fern/cn-hangzhou.ics", "text/calendar")):
        first = get(site, f"/-/feed/{address}")
        assert first.headers["content-type"] == f"{kind}; charset=utf-8"
        assert first.headers["cache-control"] == "public, max-age=300"
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = get(site, f"/-/feed/{address}", headers={"if-none-match": known})
            assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)
        assert get(site, f"/-/feed/{address}", headers={"if-none-match": '"other"'}).status_code == 200


def test_another_feed_has_another_tag(site: Datasette) -> None:
    assert get(site, "/-/feed/fern.atom").headers["etag"] != get(site, "/-/feed/moss.atom").headers["etag"]


# Calendars


def test_calendar_holds_an_event_for_each(site: Datasette) -> None:
    lines = unfolded(get(site, "/-/feed/fern.ics", headers={"host": "outages.example"}).text)
    assert lines[:3] == [("BEGIN", "VCALENDAR"), ("VERSION", "2.0"), ("PRODID", "-//outages//archive of outages//EN")]
    assert ("NAME", "Outages of Fern Cloud") in lines
    begins = [n for n, line in enumerate(lines) if line == ("BEGIN", "VEVENT")]
    told = [dict(lines[n + 1 : lines.index(("END", "VEVENT"), n)]) for n in begins]
    assert len(told) == 5
    assert len({event["UID"] for event in told}) == 5
    power, still, *_ = told
    assert power["UID"] == "fern:power0000001@outages.invalid"
    assert (power["DTSTART"], power["DTEND"]) == ("20260202T100000Z", "20260202T100200Z")
    assert power["DTSTAMP"] == power["LAST-MODIFIED"] == "20260206T103000Z"  # the message came back
    assert power["URL"] == "http://outages.example/-/incident/fern:power0000001"
    assert "DTEND" not in still
    assert still["SUMMARY"] == r"Fern Cloud: Still out\; in 杭州\, too"
    assert still["LOCATION"] == "China (Hangzhou)"
    assert "no end is known" in still["DESCRIPTION"]


def test_front_page_leads_to_the_feed(site: Datasette) -> None:
    shown = get(site, "/").text
    assert '<link rel="alternate" type="application/atom+xml" href="/-/feed/all.atom"' in shown
    assert 'action="/-/search"' in shown


def test_others_read_them_as_they_are_meant(site: Datasette) -> None:
    """By readers that are not ours."""
    feedparser, icalendar = pytest.importorskip("feedparser"), pytest.importorskip("icalendar")
    answer = get(site, "/-/feed/fern.atom")
    read = feedparser.parse(answer.content)
    assert not read.bozo
    assert [entry.title_detail.type for entry in read.entries] == ["text/plain"] * 5
    assert read.entries[-1].title == f"Fern Cloud: {SAID}"
    vevents = icalendar.Calendar.from_ical(get(site, "/-/feed/fern.ics").content).walk("VEVENT")
    assert [str(event["SUMMARY"]) for event in vevents] == [entry.title for entry in read.entries]
    assert vevents[0].decoded("DTSTART") == instant("2026-02-02T10:00:00Z")


def test_subjects_are_named_for_people(conn: sqlite3.Connection) -> None:
    assert subject(conn, "fern", "cn-hangzhou") == Subject("Fern Cloud, China (Hangzhou)", "fern", "cn-hangzhou")
    assert subject(conn, None, None) == Subject("all vendors")
    assert json.dumps(subject(conn, "fern", "nowhere")) == "null"
