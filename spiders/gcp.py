"""Google's status engine: `incidents.json` of Google Cloud and of its sister pages (Workspace, Firebase, Maps, Ads, Play,
Search). Only real answers of Google Cloud have been seen; what others read of the sister pages has the same fields.

One UTF-8 array of incidents, newest first, of about the last 365 days. Two schemas, told apart item by
item, so that a page (or an import) may hold both:

- until 2021-04: hyphenated `most-recent-update`, times with `Z`, product slugs in `service_key`, and no
  `id`. `number` counts per product and year, so the same number stands for many incidents; the key is
  `<service_key>/<number>`, which is also the tail of the incident's address.
- since 2021-04: `id` is the key, times carry `+00:00`, words for the impact, products with ids, and
  since 2022-03 locations with ids. All incidents of the year before were published anew under such ids.

What the fields mean, measured on about 1,250 versions of 390 incidents:

- `begin` and `end` are the vendor's own window, corrected for weeks: structured start and end. `end` is
  missing or null while the incident is open, and is trusted over the word of the last update. `created`
  is the first posting. An open incident has no state of ours: the vendor has no word for one.
- An update's `created` is when it was posted; `when` may be set back by hand.
- Locations are published twice: for the incident (`currently_` and `previously_affected_locations`) and
  beside each update. Locations that left while others stayed were in three cases of twelve still called
  previously affected: they had recovered, and the update that lacks them ends their interval. In the
  other cases they were on neither list any more: the vendor had been wrong about them, and they get no
  impact. A list that lost and gained at once was rewritten ("global" became 29 regions) and says nothing
  about a recovery. The list beside the newest update of an open incident follows the incident's, so an
  end that rests on it may move to the next update's time.
- Each product is taken to have been hit in each location: the feed does not say which was where.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import pairwise, product, takewhile
from urllib.parse import urljoin, urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import Platform
from crawler.reading.payload import Ignored, Payload, json_of, read_one
from crawler.reading.words import look_up
from crawler.records import OVER, Capture, Impact, Incident, Page, Severity, Signal, State, Unreadable, Update, instant

#: The words of `status_impact`; `severity` (low, medium, high) goes with them one to one.
IMPACTS = {
    "service_information": Severity.NOTICE,
    "service_disruption": Severity.PARTIAL_OUTAGE,
    "service_outage": Severity.MAJOR_OUTAGE,
}
#: All that the oldest schema had.
SEVERITIES = {"low": Severity.NOTICE, "medium": Severity.PARTIAL_OUTAGE, "high": Severity.MAJOR_OUTAGE}
#: An update's word. All but one say how bad it is, not how far the repair has come.
STATES: dict[str, State | None] = {**dict.fromkeys(IMPACTS), "available": State.RESOLVED}

#: The page was seen to drop incidents at 365 days and to hold every one younger than that.
KEPT = timedelta(days=330)
#: From here on incidents had ids. What began before was published anew then, so that an old key which
#: is missing on a page since was not taken away.
RENUMBERED = datetime(2021, 4, 20, tzinfo=UTC)

_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
#: First line of an update that is the report written afterwards.
_REPORT = re.compile(
    r"(?i)^[#*\s]*(?:(?:(?:mini|preliminary)\s+)?(?:incident\s+report|issue\s+summary)[#*: ]*$|preliminary\s+incident\s+statement\b)"
)
#: What a message says while it is not over: that there is an issue now, work on it, or another message to come.
_OPEN = re.compile(
    r"(?i)\bwe are (?:currently |still )?(?:experiencing|investigating)\b|\bmitigation work is\b"
    r"|\b(?:will|to) provide (?:an|another|more|further|the next)\b[^.]{0,60}?\b(?:by|in|within)\b[^.]{0,60}?\d"
)


class _Location(Payload):
    """A region, a multi-region (`us`, `eur3`) or `global`; `title` is "Place (id)" for regions."""

    title: str
    id: str | None = None


class _Product(Payload):
    """A product; `title` as it was called then, `current_title` (since 2026-07) as it is called now."""

    title: str
    id: str | None = None
    current_title: Ignored = None


class _Update(Payload):
    """A message; Markdown, with times in US/Pacific."""

    created: str
    text: str
    when: Ignored = None
    modified: Ignored = None
    status: str | None = None
    affected_locations: tuple[_Location, ...] = ()


class _Incident(Payload):
    """An incident in either schema. `updates` are newest first; the most recent one is there twice."""

    begin: str
    external_desc: str
    updates: tuple[_Update, ...]
    uri: str
    id: str | None = None
    number: int | str | None = None
    end: str | None = None
    created: str | None = None
    modified: Ignored = None
    status_impact: str | None = None
    severity: str | None = None
    service_key: str | None = None
    service_name: str | None = None
    affected_products: tuple[_Product, ...] = ()
    currently_affected_locations: tuple[_Location, ...] = ()
    previously_affected_locations: tuple[_Location, ...] = ()
    most_recent_update: Ignored = None
    most_recent_update_before_2021: Ignored = msgspec.field(name="most-recent-update", default=None)
    public: Ignored = None


def read(capture: Capture, source: Source) -> Page:  # noqa: ARG001 - the contract of readers
    """The incidents of one `incidents.json`. Raises Unreadable when the body is not such an array.

    `reach` is the oldest `begin` on the page, but no more than `KEPT` before the poll, and since
    `RENUMBERED` not before that; a page without incidents promises nothing.
    """
    items = json_of(capture, list[msgspec.Raw])
    incidents: dict[str, Incident] = {}
    signals: list[Signal] = []
    for item in items:
        incident, found = _read_item(bytes(item), capture.url)
        signals += found
        if incident:
            incidents.setdefault(incident.key, incident)
    if items and not incidents:
        raise Unreadable(f"none of {len(items)} items is an incident: {signals[0].detail}")
    return Page(
        incidents=tuple(incidents.values()),
        signals=tuple(dict.fromkeys(signals)),
        reach=_reach([i.started_at for i in incidents.values() if i.started_at], capture.fetched_at),
    )


def _reach(begins: Sequence[datetime], fetched_at: datetime) -> datetime | None:
    if not begins:
        return None
    reach = max(min(begins), fetched_at - KEPT)
    return max(reach, RENUMBERED) if fetched_at >= RENUMBERED else reach


@lru_cache(maxsize=2048)
def _read_item(raw: bytes, page: str) -> tuple[Incident | None, tuple[Signal, ...]]:
    """One incident of the page at that address, or what is wrong with it.

    Cached, because a page polled for years repeats the bytes of its incidents.
    """
    return read_one(raw, _Incident, lambda event, signals: _incident(event, page, signals), "[]", ("id", "uri"))


def _incident(event: _Incident, page: str, signals: list[Signal]) -> Incident:
    impact = look_up(IMPACTS, event.status_impact, signals, "[].status_impact")
    severity = look_up(SEVERITIES, event.severity, signals, "[].severity")
    started_at = instant(event.begin)
    ended_at = instant(event.end) if event.end else None
    if ended_at and ended_at < started_at:
        signals.append(Signal("bad-value", "[].end", f"{event.end} is before {event.begin}"))
    # `created` is not always falling: an update can be slipped in between older ones.
    messages = list(reversed(event.updates))
    messages.sort(key=lambda update: instant(update.created))
    updates = tuple(_update(update, signals) for update in messages)
    reports = [u.posted_at for u in updates if u.state is State.POSTMORTEM and u.posted_at]
    locations = _locations(event)
    return Incident(
        key=event.id or _old_key(event),
        title=event.external_desc.strip(),
        url=urljoin(page, event.uri),
        severity=impact or severity,
        severity_text=event.status_impact or event.severity,
        state=State.RESOLVED if ended_at else None,
        state_text=messages[-1].status if messages else None,
        service_text=event.service_name or ", ".join(p.title for p in event.affected_products) or None,
        region_text=", ".join(location.title for location in locations) or None,
        started_at=started_at,
        ended_at=ended_at,
        first_posted_at=updates[0].posted_at if updates else instant(event.created) if event.created else None,
        resolved_posted_at=_resolved_posted_at(updates, ended_at),
        updates=updates,
        impacts=_impacts(event, locations, _left(messages), impact or severity),
        postmortem_at=reports[0] if reports else None,
    )


def _old_key(event: _Incident) -> str:
    if event.service_key is None or event.number is None:
        raise ValueError("neither id nor service_key and number")
    return f"{event.service_key}/{event.number}"


def _update(update: _Update, signals: list[Signal]) -> Update:
    text = _text(update.text)
    state = look_up(STATES, update.status, signals, "[].updates[].status")
    if _REPORT.match(text.split("\n", 1)[0]):
        state = State.POSTMORTEM
    return Update(posted_at=instant(update.created), state=state, state_text=update.status, text=text)


def _text(markdown: str) -> str:
    r"""A message without the backslashes of Markdown (`\#`); those of a Windows path stay."""
    return _ESCAPED.sub(r"\1", markdown.replace("\r\n", "\n").replace("\r", "\n")).strip()


def _resolved_posted_at(updates: Sequence[Update], ended_at: datetime | None) -> datetime | None:
    """When it was first said to be over for good; without such a word, the first message since the end.

    `end` is set back to when it truly ended: messages since then that announce another one said nothing of it yet.
    """
    if ended_at is None or not updates:
        return None
    over = list(takewhile(lambda update: update.state in OVER, reversed(updates)))
    if any(update.state is State.RESOLVED for update in over):
        return over[-1].posted_at
    last = list(takewhile(lambda update: not _OPEN.search(update.text), reversed(updates)))[::-1] or [updates[-1]]
    return next((u.posted_at for u in last if u.posted_at and u.posted_at >= ended_at), last[-1].posted_at)


def _locations(event: _Incident) -> list[_Location]:
    """Every location the incident was or is in, once."""
    both = (*event.previously_affected_locations, *event.currently_affected_locations)
    return list({location.id or location.title: location for location in both}.values())


def _left(messages: Sequence[_Update]) -> dict[str, datetime]:
    """When locations left the lists beside the updates while others stayed; oldest update first."""
    left: dict[str, datetime] = {}
    for earlier, later in pairwise(messages):
        before = {location.id for location in earlier.affected_locations if location.id}
        after = {location.id for location in later.affected_locations if location.id}
        for back in after:
            left.pop(back, None)
        if after < before:
            left.update(dict.fromkeys(before - after, instant(later.created)))
    return left


def _impacts(
    event: _Incident, locations: Sequence[_Location], left: dict[str, datetime], severity: Severity | None
) -> tuple[Impact, ...]:
    started_at = instant(event.begin)
    ended_at = instant(event.end) if event.end else None
    past = {location.id for location in event.previously_affected_locations}

    def until(location: _Location | None) -> datetime | None:
        early = left.get(location.id) if location and location.id and location.id in past else None
        return early if early and early > started_at and (ended_at is None or early < ended_at) else ended_at

    products: list[tuple[str | None, str | None]] = [(p.id, p.title) for p in event.affected_products]
    places: list[_Location | None] = [*locations] or [None]
    return tuple(
        Impact(
            service_key=key,
            service_text=title,
            region_key=place.id if place else None,
            region_text=place.title if place else None,
            severity=severity,
            severity_text=event.status_impact or event.severity,
            started_at=started_at,
            ended_at=until(place),
        )
        for (key, title), place in product(products or [(event.service_key, event.service_name)], places)
    )


def _find(root: str, html: str) -> Mapping[str, str]:  # noqa: ARG001 - the signature of all of them
    """Only of Google's own hosts: an array without incidents, which any host may answer with, is a page too."""
    ours = (urlsplit(root).hostname or "").endswith(".google.com")
    return {"incidents": f"{root}/incidents.json"} if ours else {}


PLATFORM = Platform(read=read, hosts=("status.cloud.google.com", "status.firebase.google.com"), find=_find)
