"""Landmark outages, written by hand from post-mortems: `data/incidents/*.yml`, one file an incident.

Vendors delete their history; these are the outages people ask about for years. A file holds, in our
own words, what was said by whom: `references` (who said it, where, with what authority), `accounts`
(what was out from when until when, as one of them has it) and `updates` (the course of events).
Accounts that contradict each other all stay; which one holds is for `crawler.timeline` to choose.

Times in a file are local, `YYYY-MM-DD HH:MM`, in the file's one `timezone`; here they become aware
UTC. Where only a day is known (`day:`, a date) its last minute stands for it: said by then.
"""

from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

import msgspec
import yaml

from crawler.catalog import ROOT
from crawler.records import Account, Basis, Incident, Kind, Severity, State, Update, stamp
from crawler.strictyaml import YamlError, read

SHIPPED = ROOT / "data" / "incidents"

#: Who is believed, best first.
AUTHORITIES: Mapping[str, str] = {
    "vendor": "the vendor's own page or feed",
    "vendor-quoted": "the vendor's wording, seen only through somebody else",
    "third-party": "somebody who watched from outside",
    "leak": "from inside the vendor, not published by it",
}

#: The one vocabulary of causes, for all vendors.
CAUSES: Mapping[str, str] = {
    "attack": "harm done on purpose: denial of service, sabotage, war",
    "capacity": "a limit was reached, a quota ran out",
    "certificate": "a certificate or key ran out or was withdrawn",
    "configuration": "settings or data that steer the service were wrong",
    "cooling": "it became too hot",
    "dependency": "a service of somebody else was out",
    "deployment": "new code was rolled out",
    "dns": "names did not resolve",
    "fire": "it burnt",
    "hardware": "a machine or a device broke",
    "human-error": "somebody did the wrong thing",
    "network": "links, routes or network devices failed",
    "power": "there was no electricity",
    "software": "code that had been there for a while failed",
    "unknown": "nobody has said",
    "weather": "storm, lightning, flood",
}

_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d")
_ADDRESS = re.compile(r"https?://[^/\s]+\.[^/\s]+")
_DAYS_LAST_MINUTE = dt.time(23, 59)


class LandmarkError(Exception):
    """A file of landmarks is wrong; the message starts with `file:line:`."""


class Landmark(msgspec.Struct, frozen=True, kw_only=True):
    """One file: the vendor (id of the catalog) and what happened. `incident.accounts` hold catalog ids."""

    vendor: str
    incident: Incident
    path: Path


class _Entry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of the structs below, which are the format of a file; what their types cannot say, `_check` does."""


class _Reference(_Entry, frozen=True, kw_only=True):
    """Who said it and where; when, as `at` (local time) or `day`."""

    by: str
    url: str
    authority: str
    at: str | None = None
    day: dt.date | None = None
    note: str | None = None


class _Told(_Entry, frozen=True, kw_only=True):
    """An account: what was out. Neither regions nor services: it speaks of the incident as a whole.

    `said_at` tells when, if it is not when the reference as a whole was said. `open` marks a list that
    ends in "and others".
    """

    said_by: str
    regions: Literal["all"] | tuple[str, ...] = ()
    except_regions: tuple[str, ...] = msgspec.field(default=(), name="except")
    open: bool = False
    services: tuple[str, ...] = ()
    start: str | None = None
    end: str | None = None
    said_at: str | None = None
    severity: Severity | None = None
    basis: Basis = Basis.STATED
    region_text: str | None = None
    service_text: str | None = None
    quote: str | None = None
    note: str | None = None


class _Event(_Entry, frozen=True, kw_only=True):
    """One step of the course of events, told in our words."""

    at: str
    said_by: str
    text: str
    state: State | None = None


class _Postmortem(_Entry, frozen=True, kw_only=True):
    """Whether the vendor explained itself in public: when and where, or until when we know it had not."""

    published: bool
    at: str | None = None
    day: dt.date | None = None
    url: str | None = None
    as_of: dt.date | None = None
    note: str | None = None


class _File(_Entry, frozen=True, kw_only=True, dict=True):
    """The whole file."""

    vendor: str
    key: str
    title: str
    url: str
    severity: Severity
    timezone: str
    cause_category: str
    references: dict[str, _Reference]
    accounts: tuple[_Told, ...]
    kind: Kind = Kind.OUTAGE
    state: State | None = None
    service_text: str | None = None
    region_text: str | None = None
    cause: str | None = None
    plane: Literal["control", "data", "both"] | None = None
    postmortem: _Postmortem | None = None
    first_word: str | None = None
    last_word: str | None = None
    updates: tuple[_Event, ...] = ()

    @cached_property
    def zone(self) -> ZoneInfo:
        """The zone of every time in the file."""
        return ZoneInfo(self.timezone)


def load(directory: Path = SHIPPED) -> list[Landmark]:
    """Read every `*.yml` of a directory, by file name. LandmarkError names file and line of the first mistake."""
    landmarks = [load_file(path) for path in sorted(directory.glob("*.yml"))]
    seen: dict[tuple[str, str], Path] = {}
    for landmark in landmarks:
        first = seen.setdefault((landmark.vendor, landmark.incident.key), landmark.path)
        if first != landmark.path:
            line = _line(landmark.path, "key")
            raise LandmarkError(f"{landmark.path}:{line}: {landmark.incident.key!r} stands in {first.name} already")
    return landmarks


def load_file(path: Path) -> Landmark:
    """Read and check one file. LandmarkError names file and line."""
    try:
        file = read(path, _File)
    except YamlError as error:
        raise LandmarkError(str(error)) from error
    try:
        _check(file)
        incident = _incident(file)
    except _Misfit as misfit:
        where = ".".join(str(step) for step in misfit.where)
        raise LandmarkError(f"{path}:{_line(path, *misfit.where)}: {misfit} (in {where})") from misfit
    return Landmark(vendor=file.vendor, incident=incident, path=path)


class _Misfit(Exception):  # noqa: N818 - becomes a LandmarkError as soon as its file is known
    """Two places of a file do not go together, or a time cannot be. `where`: keys and indices that lead there."""

    def __init__(self, message: str, *where: str | int) -> None:
        super().__init__(message)
        self.where = where


def _check(file: _File) -> None:
    """What the types cannot say. Times are checked where they become instants."""
    if file.cause_category not in CAUSES:
        raise _Misfit(f"{file.cause_category!r} is none of {', '.join(CAUSES)}", "cause_category")
    try:
        ZoneInfo(file.timezone)
    except (KeyError, ValueError, OSError):
        raise _Misfit(f"there is no time zone {file.timezone!r}", "timezone") from None
    for name, reference in file.references.items():
        if reference.authority not in AUTHORITIES:
            known = ", ".join(AUTHORITIES)
            raise _Misfit(f"{reference.authority!r} is none of {known}", "references", name, "authority")
        _web_address(reference.url, "references", name, "url")
    if not file.accounts:
        raise _Misfit("there is no account of what was out", "accounts")
    for number, told in enumerate(file.accounts):
        if not (told.start or told.end):
            raise _Misfit("an account gives a start, an end, or both", "accounts", number)
        if told.except_regions and told.regions != "all":
            raise _Misfit("'except' takes away from 'regions: all' only", "accounts", number, "except")
    _web_address(file.url, "url")
    if file.postmortem:
        _check_postmortem(file.postmortem)


def _check_postmortem(postmortem: _Postmortem) -> None:
    if postmortem.published:
        _web_address(postmortem.url or "", "postmortem", "url")
    elif postmortem.at or postmortem.day or postmortem.url or not postmortem.as_of:
        raise _Misfit("one that is not published has 'as_of', and neither 'at', 'day' nor 'url'", "postmortem")


def _web_address(url: str, *where: str | int) -> None:
    if not _ADDRESS.match(url):
        raise _Misfit(f"{url!r} is no web address", *where)


def _incident(file: _File) -> Incident:
    postmortem = file.postmortem if file.postmortem and file.postmortem.published else None
    accounts = tuple(_accounts(file))
    # What the vendor's own fields say of the incident as a whole.
    fields = next((a for a in accounts if a.basis is Basis.STRUCTURED and not (a.regions or a.services)), None)
    return Incident(
        key=file.key,
        title=file.title,
        url=file.url,
        kind=file.kind,
        severity=file.severity,
        state=file.state or (State.POSTMORTEM if postmortem else State.RESOLVED),
        service_text=file.service_text,
        region_text=file.region_text,
        started_at=fields.started_at if fields else None,
        ended_at=fields.ended_at if fields else None,
        first_posted_at=_utc(file, file.first_word, "first_word"),
        resolved_posted_at=_utc(file, file.last_word, "last_word"),
        updates=tuple(_updates(file)),
        accounts=accounts,
        cause=file.cause,
        cause_category=file.cause_category,
        plane=file.plane,
        postmortem_at=_said(file, postmortem, "postmortem") if postmortem else None,
        postmortem_url=postmortem.url if postmortem else None,
        no_postmortem_by=str(file.postmortem.as_of) if file.postmortem and not postmortem else None,
    )


def _accounts(file: _File) -> Iterator[Account]:
    for number, told in enumerate(file.accounts):
        where = ("accounts", number)
        reference = _reference(file, told.said_by, *where)
        started_at = _utc(file, told.start, *where, "start")
        ended_at = _utc(file, told.end, *where, "end")
        if started_at and ended_at and ended_at < started_at:
            raise _Misfit(f"the end {told.end} is before the start {told.start}", *where, "end")
        yield Account(
            said_by=told.said_by,
            authority=reference.authority,
            url=reference.url,
            said_at=_utc(file, told.said_at, *where, "said_at") or _said(file, reference, "references", told.said_by),
            regions=("all",) if told.regions == "all" else told.regions,
            except_regions=told.except_regions,
            open_list=told.open,
            services=told.services,
            severity=told.severity or file.severity,
            started_at=started_at,
            ended_at=ended_at,
            region_text=told.region_text,
            service_text=told.service_text,
            quote=told.quote,
            note=told.note,
            basis=told.basis,
        )


def _updates(file: _File) -> list[Update]:
    """Oldest first. An update's key, who said it and of when, outlives a line put in between."""
    seen: Counter[str] = Counter()
    updates: list[Update] = []
    for number, event in enumerate(file.updates):
        _reference(file, event.said_by, "updates", number)
        posted_at = _instant(file, event.at, "updates", number, "at")
        key = f"{event.said_by}@{stamp(posted_at)}"
        seen[key] += 1
        if seen[key] > 1:
            key = f"{key}#{seen[key]}"
        updates.append(Update(key=key, posted_at=posted_at, state=event.state, text=event.text.strip()))
    return sorted(updates, key=lambda update: stamp(update.posted_at) if update.posted_at else "")


def _reference(file: _File, name: str, *where: str | int) -> _Reference:
    try:
        return file.references[name]
    except KeyError:
        known = ", ".join(file.references)
        raise _Misfit(f"no reference {name!r}; there are: {known}", *where, "said_by") from None


def _said(file: _File, dated: _Reference | _Postmortem, *where: str | int) -> dt.datetime | None:
    """When something was said: its time, or the last minute of its day; None when neither is known."""
    if dated.at:
        return _instant(file, dated.at, *where, "at")
    if dated.day:
        return dt.datetime.combine(dated.day, _DAYS_LAST_MINUTE, file.zone).astimezone(dt.UTC)
    return None


def _utc(file: _File, text: str | None, *where: str | int) -> dt.datetime | None:
    return _instant(file, text, *where) if text else None


def _instant(file: _File, text: str, *where: str | int) -> dt.datetime:
    """A local time as an instant. Refused when the clocks of the zone show it twice, or never."""
    if not _TIME.fullmatch(text):
        raise _Misfit(f"{text!r} is not like 2023-11-12 17:44", *where)
    try:
        first = dt.datetime.fromisoformat(text).replace(tzinfo=file.zone)
    except ValueError:
        raise _Misfit(f"there is no such time as {text}", *where) from None
    second = first.replace(fold=1)
    if first.utcoffset() != second.utcoffset():
        exists = first.astimezone(dt.UTC).astimezone(file.zone).replace(tzinfo=None) == first.replace(tzinfo=None)
        what = "is ambiguous: clocks went back and showed it twice" if exists else "does not exist: clocks went forward"
        raise _Misfit(f"{text} {what} in {file.timezone}; write the file's times in another zone", *where)
    return first.astimezone(dt.UTC)


def _line(path: Path, *where: str | int) -> int:
    """The line at which a place of the file begins; of what is around it when it is not written there."""
    node = yaml.compose(path.read_bytes(), Loader=yaml.SafeLoader)
    line = 1
    for step in where:
        if isinstance(node, yaml.MappingNode):
            found = next(((k, v) for k, v in node.value if k.value == step), None)
            if found is None:
                break
            line, node = found[0].start_mark.line + 1, found[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            node = node.value[step]
            line = node.start_mark.line + 1
    return line
