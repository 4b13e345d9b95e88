"""Microsoft's own public status service for Microsoft 365: `https://status.cloud.microsoft/api/...`.

The page is an application that asks these addresses; Microsoft documents none of them:

- `posts/mac` (the admin center), `posts/ppac` (that of Power Platform), `posts/azure`: one post each, an object;
- `posts/m365Consumer`: an array, one post for each consumer service;
- `feed/mac`, `feed/ppac`: RSS with the same post as its only item, and its state in an element `status`.

A post says what a surface is now: `Status` is `Available`, `Operational`, `Service degradation`, `Service restored` or
`Unknown`, as the page's own code lists them. While all is well `Message` is a standing sentence about the page, often
a year old; then a post is no incident. What happened to the tenants of customers is told to them alone.

Times carry an offset. `AuthoredDateTime` is when a post was written, `0001-01-01` where nobody has;
`InternalDateTime` moves every ten minutes and `LastUpdatedTime` with every answer, so both are left alone.

No real payload has been seen: the well state is from notes of people who looked in 2026 and quoted a post; what an
incident looks like is not known but for its words.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC
from urllib.parse import urlsplit

import msgspec

from crawler.catalog import Source
from crawler.platform import Platform
from crawler.reading import feeds
from crawler.reading.dates import moment
from crawler.reading.markup import plain
from crawler.reading.payload import Ignored, Payload, Time, all_read, body_of, convert, json_of, unread
from crawler.reading.words import look_up
from crawler.records import (
    OVER,
    Capture,
    Component,
    ComponentState,
    Impact,
    Incident,
    Page,
    Severity,
    Signal,
    State,
    Unreadable,
    Update,
)

SITE = "https://status.cloud.microsoft/"

SEVERITIES: Mapping[str, Severity | None] = {
    "available": Severity.OPERATIONAL,
    "operational": Severity.OPERATIONAL,
    "service restored": Severity.OPERATIONAL,
    "service degradation": Severity.DEGRADED,
    "unknown": None,
}
#: Words with which a post is an incident.
STATES: Mapping[str, State | None] = {"service degradation": None, "service restored": State.RESOLVED}
#: What a surface without a name of its own is called on the page, by the last part of its address.
SURFACES: Mapping[str, str] = {
    "mac": "Microsoft 365 admin center",
    "ppac": "Power Platform admin center",
    "azure": "Microsoft Azure",
}


class _Post(Payload, kw_only=True, rename="pascal"):
    """What one surface or service is now."""

    id: str
    status: str
    message: str | None = None
    title: str | None = None
    service_display_name: str | None = None
    service_workload_name: str | None = None
    authored_date_time: Time | None = None
    internal_date_time: Ignored = None
    last_updated_time: Ignored = None


def read(capture: Capture, source: Source) -> Page:
    """What the posts of one address say. Raises Unreadable when the body has none: the page's HTML, an error."""
    body = body_of(capture)
    signals: list[Signal] = []
    posts = _fed(capture, source, signals) if feeds.looks_like_one(body) else _posts(body, signals)
    surface = urlsplit(capture.url).path.rstrip("/").rsplit("/", 1)[-1]
    surface = SURFACES.get(surface, surface)
    states = tuple(_state(post, surface, signals) for post in posts)
    return Page(
        incidents=tuple(_incidents(posts, states)),
        components=states,
        signals=tuple(dict.fromkeys(signals)),
        open_only=all_read(signals),
    )


def _posts(body: bytes, signals: list[Signal]) -> list[_Post]:
    document = json_of(body)
    items = document if isinstance(document, list) else [document]
    posts = []
    for item in items:
        try:
            posts.append(convert(item, _Post, signals, "[]"))
        except (msgspec.ValidationError, ValueError, OverflowError) as error:
            signals.append(unread(item, error, "[]", ("Id",)))
    if not posts:
        raise Unreadable(f"not a post of Microsoft's status service: {signals[-1].detail if signals else 'none there'}")
    return posts


def _fed(capture: Capture, source: Source, signals: list[Signal]) -> list[_Post]:
    feed = feeds.feed_of(capture, signals, extensions=("status",))
    posts = [
        _Post(
            id=entry.id or entry.link or entry.title,
            status=entry.extra["status"],
            message=entry.content,
            title=entry.title,
            service_display_name=feed.title.removesuffix(" Status") or None,
            authored_date_time=moment(entry.published or None, source, capture.fetched_at, signals, "item.pubDate"),
        )
        for entry in feed.entries
        if "status" in entry.extra
    ]
    if not posts:
        raise Unreadable("a feed without the state of anything")
    return posts


def _name(post: _Post, surface: str) -> str:
    return post.service_display_name or post.service_workload_name or surface


def _state(post: _Post, surface: str, signals: list[Signal]) -> ComponentState:
    return ComponentState(
        component=Component(key=post.service_workload_name, name=_name(post, surface)),
        severity=look_up(SEVERITIES, post.status, signals, "[].Status"),
        severity_text=post.status,
    )


def _incidents(posts: Iterable[_Post], states: Iterable[ComponentState]) -> Iterable[Incident]:
    """The posts that are more than the standing sentence, also those with a word that nobody knows."""
    for post, state in zip(posts, states, strict=True):
        word = post.status.strip().lower()
        if word in SEVERITIES and word not in STATES:
            continue
        posted = post.authored_date_time
        if posted:
            posted = posted.astimezone(UTC).replace(microsecond=0) if 1 < posted.year < 9999 else None
        severity = None if state.severity is Severity.OPERATIONAL else state.severity
        text = plain(post.message or "")
        stage = STATES.get(word)
        yield Incident(
            key=post.id,
            title=plain(post.title or "") or f"{state.component.name}: {post.status}",
            url=SITE,
            severity=severity,
            severity_text=post.status,
            state=stage,
            state_text=post.status,
            first_posted_at=posted,
            resolved_posted_at=posted if stage in OVER else None,
            updates=(Update(posted_at=posted, state=stage, state_text=post.status, text=text),) if text else (),
            newest_only=True,
            impacts=(Impact(component=state.component, severity=severity, severity_text=post.status),),
        )


PLATFORM = Platform(read=read, hosts=("status.cloud.microsoft",))
