"""DatoCMS's own status page: one JSON file for each incident and maintenance in a public repository.

| address | has |
| --- | --- |
| `raw.githubusercontent.com/datocms/status-website/HEAD/data/incidents/<date>-<title>.json` | an incident |
| `.../data/maintenances/<date>-<title>.json` | a maintenance: it has `scheduledTime` and its length in `minutes` |
| `api.github.com/repos/datocms/status-website/contents/data/incidents` | the names of all files; read for what to ask for |

The key is the file's name without `.json`, the tail of the incident's address too. An impact is one of Statuspage's
words, a state too, with `in-progress` or `in_progress`; the state of it all is that of the newest message. Messages stand
oldest first, in Markdown, and are edited in place: every edit is a commit, so the repository has every version
(`outages import --git`). Several may be `resolved`: the first of the last run of them is the end, and what follows is
the explanation. `components` are short names; until 2025 most incidents have none. Times are UTC with milliseconds.

The page also publishes feeds (`/history.atom`, `.rss`), without impact; read those with `feed`.

Seen real: three files of 2023 to 2025, and the schema in the repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from urllib.parse import quote, unquote, urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import Ask, Platform
from crawler.reading.dates import moment
from crawler.reading.incidents import over_posted
from crawler.reading.markup import plain
from crawler.reading.payload import BROKEN, Ignored, Payload, body_of, decode
from crawler.reading.words import look_up
from crawler.records import (
    Capture,
    Component,
    Impact,
    Incident,
    Kind,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
)

IMPACTS: Mapping[str, Severity] = {
    "none": Severity.NOTICE,
    "minor": Severity.DEGRADED,
    "major": Severity.PARTIAL_OUTAGE,
    "critical": Severity.MAJOR_OUTAGE,
}
STATES: Mapping[str, State] = {
    **{str(state): state for state in State if state is not State.POSTMORTEM},
    "in-progress": State.IN_PROGRESS,
}
#: Files of which a round asks for the content, newest first.
NEWEST = 5
_CONTENTS = "https://api.github.com/repos/datocms/status-website/contents/data"
_PAGE = "https://status.datocms.com/incidents"


class _Update(Payload):
    content: str
    status: str
    date: str


class _File(Payload, rename="camel"):
    """An incident or a maintenance. `minutes` is text in most of them."""

    name: str
    updates: list[_Update] | None = None
    impact: str | None = None
    components: list[str] = msgspec.field(default_factory=list)
    content: str | None = None
    scheduled_time: str | None = None
    minutes: int | float | str | None = None


class _Listed(Payload):
    """A file in a folder, as GitHub's API has it."""

    name: str
    type: str
    download_url: str | None
    git_url: Ignored = None
    html_url: Ignored = None
    links: Ignored = msgspec.field(name="_links", default=None)
    path: Ignored = None
    sha: Ignored = None
    size: Ignored = None
    url: Ignored = None


def read(capture: Capture, source: Source) -> Page:
    """The incident of one file; nothing of a list of files. Raises Unreadable when it is neither."""
    body = body_of(capture)
    signals: list[Signal] = []
    try:
        if body[:1] == b"[":
            decode(body, list[_Listed], signals, "[]")
            return Page(signals=tuple(dict.fromkeys(signals)))
        told = decode(body, _File, signals)
    except BROKEN as error:
        raise Unreadable(f"neither an incident of DatoCMS nor a list of them: {error}") from error
    if told.updates is None and told.scheduled_time is None:
        raise Unreadable("no incident of DatoCMS: neither updates nor scheduledTime")
    try:
        incident = _incident(told, _name(capture.url), capture, source, signals)
    except OverflowError as error:
        raise Unreadable(f"a maintenance without an end: {error}") from error
    return Page(incidents=(incident,), signals=tuple(dict.fromkeys(signals)))


def _name(url: str) -> str:
    return unquote(urlsplit(url).path.rsplit("/", 1)[-1]).removesuffix(".json")


def _incident(told: _File, key: str, capture: Capture, source: Source, signals: list[Signal]) -> Incident:
    def time(text: str, where: str) -> datetime | None:
        return moment(text, source, capture.fetched_at, signals, where)

    updates = [
        Update(
            posted_at=time(update.date, "updates[].date"),
            state=look_up(STATES, update.status, signals, "updates[].status"),
            state_text=update.status,
            text=plain(update.content),
        )
        for update in told.updates or ()
    ]
    if all(update.posted_at for update in updates):
        updates.sort(key=lambda update: update.posted_at or capture.fetched_at)
    start = time(told.scheduled_time, "scheduledTime") if told.scheduled_time else None
    planned = told.scheduled_time is not None
    newest = updates[-1] if updates else None
    return Incident(
        key=key,
        title=plain(told.name),
        url=f"{_PAGE}/{quote(key)}/",
        kind=Kind.MAINTENANCE if planned else Kind.OUTAGE,
        severity=Severity.MAINTENANCE if planned else look_up(IMPACTS, told.impact, signals, "impact"),
        severity_text=told.impact,
        state=newest.state if newest else State.SCHEDULED if planned else None,
        state_text=newest.state_text if newest else None,
        started_at=start,
        ended_at=start + length if start and (length := _length(told.minutes, signals)) else None,
        first_posted_at=next((update.posted_at for update in updates), None),
        resolved_posted_at=over_posted(updates, newest.state if newest else None),
        updates=(*_announcement(told), *updates),
        impacts=tuple(Impact(component=Component(key=name, name=name)) for name in told.components),
    )


def _announcement(told: _File) -> tuple[Update, ...]:
    """What a maintenance says of itself before it begins. Nobody says when that was written."""
    text = plain(told.content or "")
    return (Update(key="content", posted_at=None, state=State.SCHEDULED, text=text),) if text else ()


def _length(minutes: float | str | None, signals: list[Signal]) -> timedelta | None:
    if minutes is None:
        return None
    if not re.fullmatch(r"\d{1,6}(\.\d+)?", str(minutes)):
        signals.append(Signal("bad-value", "minutes", str(minutes)[:80]))
        return None
    return timedelta(minutes=float(minutes))


# --- what to ask for


def _files(capture: Capture) -> list[_Listed]:
    """The files that a folder lists, newest first: their names begin with a date."""
    try:
        listed = decode((capture.body or b"").strip(), list[_Listed], [])
    except BROKEN:
        return []
    found = [file for file in listed if file.type == "file" and file.name.endswith(".json") and file.download_url]
    return sorted(found, key=lambda file: file.name, reverse=True)


def _follow(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return [Ask(file.download_url) for file in _files(capture)[:NEWEST] if file.download_url]


def _older(capture: Capture, source: Source) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return [Ask(file.download_url) for file in _files(capture) if file.download_url]


def _history(source: Source, now: datetime) -> Iterable[Ask]:  # noqa: ARG001 - the signature of all of them
    return (Ask(f"{_CONTENTS}/incidents"), Ask(f"{_CONTENTS}/maintenances"))


PLATFORM = Platform(read=read, follow=_follow, history=_history, older=_older)
