"""One incident as a reader meets it: what was out, in which order it came back, what was said, and what that rests on."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cached_property
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from crawler.catalog import ALL
from crawler.database import dicts
from crawler.landmarks import AUTHORITIES
from crawler.records import OVER, RANK, Severity, instant
from crawler.site import chart
from crawler.site.ical import Event
from crawler.site.wording import ITEMS, WHOLE, WORDS, Piece, compare
from crawler.timeline import LANDMARKS

#: What the page asks the archive; `:id` is the incident.
INCIDENT = """
    select i.*, v.name as vendor_name, d.lag_minutes, d.edits_after_resolved, d.postmortem_days, s.timezone, s.platform
    from incidents i join vendors v on v.id = i.vendor left join disclosure d on d.incident = i.id
    left join sources s on s.id = i.source where i.id = :id
"""
# What is the same but for region and service is one row, with these as JSON: one incident has thousands of either.
_INTERVAL = "severity, started_at, ended_at, start_basis, end_basis, started_after, ended_after"
OUTAGES = f"""
    select {_INTERVAL}, json_group_array(json_array(region, service)) as cells
    from outages where incident = :id group by {_INTERVAL} order by min(rowid)
"""
_SAID = """source, authority, said_at, started_at, ended_at, basis, timezone_text, quote, suspect, url, note,
      started_after, ended_after"""
CLAIMS = f"""
    select {_SAID}, json_group_array(json_array(region, service)) as cells
    from claims where incident = :id group by {_SAID} order by min(rowid)
"""
UPDATES = "select * from updates where incident = :id order by position"
REVISIONS = "select * from revisions where incident = :id order by seen_at, rowid"
# All at once: to look up one of them SQLite reads others, whole, to compare their keys.
VERSIONS = """
    select source, url, seen_at, record from versions where incident = :id and record is not null
    order by source, url, number
"""
REGIONS = "select id, name, separate, city from regions where vendor = (select vendor from incidents where id = :id)"
SERVICES = "select id, name from services where vendor = (select vendor from incidents where id = :id)"
#: Zones of the vendor's pages: an incident written by hand has none of its own.
ZONES = """
    select timezone, count(*) from sources where vendor = (select vendor from incidents where id = :id)
    and platform <> 'landmarks' group by timezone order by 2 desc, 1
"""
LOOK = "select id from polls where source = :source and url = :url and polled_at = :at"

#: A cell of the archive: region and service, None where nobody said.
Cell = tuple[str | None, str | None]
Rows = Literal["regions", "services"]

#: Up to so many names, and letters, are spelled out; of what is nearly all, those that are missing.
SPELLED, LETTERS, MISSING = 6, 90, 3
#: Stretches of text longer than this that did not change are cut out of a difference.
CONTEXT = 160

#: What stands in a quote between words that the text has further apart.
JOINED = " … "

#: A reference that is dated by its day alone is held to be of its last minute.
_SAME_DAY = timedelta(days=1)
_BOUNDS: tuple[Literal["start", "end"], ...] = ("start", "end")
_UNITS = {"title": WORDS, "services": ITEMS, "regions": ITEMS, "service_text": ITEMS, "region_text": ITEMS}
_SPOKEN = list(AUTHORITIES)


class Names(msgspec.Struct, frozen=True):
    """Several regions or services: in short, by their number ("42 regions and 19 wider areas"), and one by one."""

    text: str
    counted: str
    ids: list[str | None]
    names: list[str]

    @property
    def folded(self) -> bool:
        """Whether the short form leaves names out."""
        return self.text != ", ".join(self.names)


class Bound(msgspec.Struct, frozen=True):
    """An end of an outage, what it rests on (see `words`), and the number of the account that says so."""

    at: str
    basis: str | None
    words: str
    account: int | None


class Course(msgspec.Struct, frozen=True):
    """Regions and services with the same interval. `minutes` is None without an end."""

    regions: Names
    services: Names
    severity: str | None
    start: Bound
    end: Bound | None
    minutes: float | None


class Wave(msgspec.Struct, frozen=True):
    """What came back at the same time, `minutes` after the beginning of the incident; None: what has no end.
    `back` is the share of all that was back by then.
    """

    at: str | None
    minutes: float | None
    back: float
    courses: list[Course]


class Look(msgspec.Struct, frozen=True):
    """A look at a page: the row of `polls` (None: not kept), when, at which source."""

    poll: str | None
    at: str
    source: str


class Account(msgspec.Struct, frozen=True):
    """Who says what about when: claims that are the same but for region and service. `whole`: of the incident as such.
    `chosen`: a figure rests on it.
    """

    number: int
    source: str
    whole: bool
    authority: str | None
    authority_words: str | None
    basis: str
    said_at: str | None
    regions: Names
    services: Names
    started_at: str | None
    ended_at: str | None
    started_after: str | None
    ended_after: str | None
    timezone_text: str | None
    quote: str | None
    note: str | None
    suspect: str | None
    url: str | None
    look: Look | None
    chosen: bool = False


class Voice(msgspec.Struct, frozen=True):
    """One side of a conflict."""

    at: str
    account: int
    source: str
    authority: str | None
    basis: str
    chosen: bool


class Conflict(msgspec.Struct, frozen=True):
    """Accounts of the same bound that do not agree, earliest first."""

    bound: Literal["start", "end"]
    regions: Names
    services: Names
    whole: bool
    minutes: float
    voices: list[Voice]


class Edit(msgspec.Struct, frozen=True):
    """Something published was changed; a look showed it first at `seen_at`."""

    seen_at: str
    field: str
    source: str | None
    before: str | None
    after: str | None
    pieces: list[Piece]


class Entry(msgspec.Struct, frozen=True):
    """A message of the vendor (`number` from 1), with what was changed in it; or a change of the incident itself.

    `told_by`: no message of that minute, but an event of which that reference of a file written by hand tells, `told`
    "later", or "then or later" where it is not known which.
    """

    at: str | None
    number: int | None
    state: str | None
    state_text: str | None
    text: str
    first_seen_at: str | None
    removed_at: str | None
    added_later: str | None
    edits: list[Edit]
    told_by: str | None = None
    told: str | None = None


class Page(msgspec.Struct, frozen=True):
    """All of it. Times are UTC text, as in the tables; `incident` is its row with what `INCIDENT` adds."""

    incident: dict[str, Any]
    zone: str
    by_hand: bool
    start: Bound | None
    end: Bound | None
    regions: Names
    services: Names
    waves: list[Wave]
    timeline: list[Entry]
    conflicts: list[Conflict]
    accounts: list[Account]

    @property
    def bases(self) -> set[str]:
        """What accounts rest on."""
        return {account.basis for account in self.accounts}

    @property
    def worst_part(self) -> str | None:
        """The worst severity of any region or service, where the incident as such is called worse than all of them."""
        parts = [Severity(c.severity) if c.severity else None for wave in self.waves for c in wave.courses]
        rated = [part for part in parts if part]
        whole = self.incident["severity"]
        if not whole or not rated or len(rated) < len(parts):
            return None
        worst = max(rated, key=RANK.__getitem__)
        return worst.value if RANK[worst] < RANK[Severity(whole)] else None

    @property
    def last_back(self) -> Wave | None:
        """What is known to have come back last, where something else has no end."""
        ended = [wave for wave in self.waves if wave.at]
        return ended[-1] if ended and len(ended) < len(self.waves) else None


class Interval(NamedTuple):
    """What was out from then until then: of `outages`, all that but for region and service is one row."""

    row: dict[str, Any]
    cells: list[Cell]


class _Message(msgspec.Struct):
    text: str | None = None


class _Words(msgspec.Struct):
    """What is said in a record."""

    title: str | None = None
    updates: list[_Message] = []


class Version(msgspec.Struct, dict=True):
    """What an address showed from a look on, as JSON."""

    source: str
    url: str
    seen_at: str
    record: str

    @cached_property
    def words(self) -> str:
        """Its title and messages."""
        # Impacts follow the messages (`records.Incident`), by the thousand. No string holds an unescaped quote, so this is the field.
        end = self.record.find(',"impacts":[')
        said = msgspec.json.decode(self.record if end < 0 else f"{self.record[:end]}}}", type=_Words)
        return "\n".join((said.title or "", *(update.text or "" for update in said.updates)))


class Story:
    """The rows of one incident, and the page made of them."""

    def __init__(self, conn: sqlite3.Connection, id: str) -> None:
        self._cursor = dicts(conn)
        self._named = {"id": id}
        self.incident: dict[str, Any] | None = next(iter(self._all(INCIDENT)), None)

    def _all(self, sql: str) -> list[dict[str, Any]]:
        return self._cursor.execute(sql, self._named).fetchall()

    def read(self) -> None:
        """Read what hangs on the incident, which must be there."""
        assert self.incident is not None
        self.by_hand = self.incident["first_seen_at"] is None
        self.zone = self._zone()
        self.held = [Interval(row, _cells(row.pop("cells"))) for row in self._all(OUTAGES)]
        regions = self._all(REGIONS)
        self.region_names = {row["id"]: row["name"] for row in regions}
        self.wider = frozenset(row["id"] for row in regions if row["separate"] and not row["city"])
        self.service_names = {row["id"]: row["name"] for row in self._all(SERVICES)} | {ALL: "all services"}
        self.out = frozenset(cell for held in self.held for cell in held.cells)
        self.regions = sorted({r for r, _ in self.out}, key=lambda r: (r is None, self.region_names.get(r or "", r)))
        self.services = sorted({s for _, s in self.out}, key=lambda s: (s is None, s or ""))
        self._versions = [Version(**row) for row in self._all(VERSIONS) if not row["source"].endswith(f"-{LANDMARKS}")]
        self._cells: dict[int, frozenset[Cell]] = {}  # of which region and service an account speaks, by its number
        self.accounts = self._accounts()
        self._by_bound: dict[tuple[str, str, str], list[Account]] = defaultdict(list)
        for account in self.accounts:
            for bound, at in (("start", account.started_at), ("end", account.ended_at)):
                if at and not account.suspect:
                    self._by_bound[bound, at, account.basis].append(account)
        self._chosen: set[int] = set()

    def _zone(self) -> str:
        assert self.incident is not None
        zone = self.incident.pop("timezone")
        if self.incident.pop("platform") == LANDMARKS:
            zone = next((row["timezone"] for row in self._all(ZONES)), zone)
        return zone or "UTC"

    # Names

    def _region(self, region: str | None) -> str:
        return "no region said" if region is None else self.region_names.get(region, region)

    def _service(self, service: str | None) -> str:
        return "no service said" if service is None else self.service_names.get(service, service)

    def _places(self, ids: Iterable[str | None]) -> Names:
        return _names(ids, self.regions, self._region, self._regions, missing=True)

    def _things(self, ids: Iterable[str | None]) -> Names:
        return _names(ids, self.services, self._service, _services, missing=False)

    def _regions(self, ids: Iterable[str]) -> str:
        """How many, as people count them: neither `global` nor a multi-region is a region."""
        asked = set(ids)
        return count_regions(len(asked), len(asked & self.wider))

    # What it rests on

    def _accounts(self) -> list[Account]:
        claims = list(enumerate(self._all(CLAIMS), start=1))
        self._cells = {number: frozenset(_cells(claim["cells"])) for number, claim in claims}
        return [self._account(number, claim, self._cells[number]) for number, claim in claims]

    def _account(self, number: int, claim: dict[str, Any], cells: frozenset[Cell]) -> Account:
        named = cells - {(None, None)}
        return Account(
            number=number,
            source=claim["source"],
            whole=named != cells,
            authority=claim["authority"],
            authority_words=AUTHORITIES.get(claim["authority"]),
            basis=claim["basis"],
            said_at=claim["said_at"],
            regions=self._places({region for region, _ in named}),
            services=self._things({service for _, service in named}),
            started_at=claim["started_at"],
            ended_at=claim["ended_at"],
            started_after=claim["started_after"],
            ended_after=claim["ended_after"],
            timezone_text=claim["timezone_text"],
            quote=claim["quote"],
            note=claim["note"],
            suspect=claim["suspect"],
            url=_address(claim["url"]),
            look=self._look(claim),
        )

    def _look(self, claim: Mapping[str, Any]) -> Look | None:
        """The first look whose page says what the claim does; of what was only seen, the look that saw it."""
        times = [claim[bound] for bound in ("started_at", "ended_at") if claim[bound]]
        for version in self._versions:
            if version.source != claim["source"]:
                continue
            if claim["basis"] == "observed":
                return self._poll(version.source, version.url, times[-1] if times else version.seen_at)
            spans = (claim["quote"] or "").split(JOINED)
            if all(span in version.words for span in spans) and (
                claim["quote"] or all(at in version.record for at in times)
            ):
                return self._poll(version.source, version.url, version.seen_at)
        return None

    def _poll(self, source: str, url: str, at: str) -> Look:
        row = self._cursor.execute(LOOK, {"source": source, "url": url, "at": at}).fetchone()
        return Look(row["id"] if row else None, at, source)

    def _bound(
        self, which: str, at: str | None, basis: str | None, cells: Iterable[Cell], after: str | None = None
    ) -> Bound | None:
        if at is None:
            return None
        asked = frozenset(cells)
        found = sorted(
            self._by_bound.get((which, at, basis or ""), ()),
            key=lambda a: (not _covers(self._cells[a.number], asked), _weight(a.authority), not a.quote, a.number),
        )
        account = found[0] if found else None
        if account:
            self._chosen.add(account.number)
            after = after or (account.started_after if which == "start" else account.ended_after)
        return Bound(at, basis, _words(basis, at, after, account), account.number if account else None)

    # What was out

    def waves(self) -> Iterator[Wave]:
        """What came back together, the first on top; what has no end, last."""
        assert self.incident is not None
        by_end: dict[str | None, list[Course]] = defaultdict(list)
        sizes: Counter[str | None] = Counter()
        for interval, cells in self.held:
            by_region: dict[str | None, set[str | None]] = defaultdict(set)
            for region, service in cells:
                by_region[region].add(service)
            same: dict[frozenset[str | None], list[str | None]] = defaultdict(list)
            for region, services in by_region.items():
                same[frozenset(services)].append(region)
                sizes[interval["ended_at"]] += len(services)
            for some, regions in same.items():
                by_end[interval["ended_at"]].append(self._course(interval, regions, some))
        total, back = max(1, sum(len(held.cells) for held in self.held)), 0
        begin = min((held.row["started_at"] for held in self.held), default=None)
        for end in sorted(by_end, key=lambda at: at or "~"):
            back += sizes[end] if end else 0
            courses = sorted(by_end[end], key=lambda c: (-len(c.services.ids) * len(c.regions.ids), c.services.text))
            yield Wave(end, _minutes(begin, end), back / total, courses)

    def _course(self, outage: Mapping[str, Any], regions: list[str | None], services: Iterable[str | None]) -> Course:
        services = list(services)
        cells = [(region, service) for region in regions for service in services]
        start = self._bound("start", outage["started_at"], outage["start_basis"], cells, outage["started_after"])
        assert start is not None
        return Course(
            regions=self._places(regions),
            services=self._things(services),
            severity=outage["severity"],
            start=start,
            end=self._bound("end", outage["ended_at"], outage["end_basis"], cells, outage["ended_after"]),
            minutes=_minutes(outage["started_at"], outage["ended_at"]),
        )

    # What was said

    def timeline(self) -> list[Entry]:
        """Messages by their time, and between them the changes of the incident by when a look showed them."""
        self._updates = self._all(UPDATES)
        edits: dict[str | None, list[Edit]] = defaultdict(list)
        added: dict[str, str] = {}
        for row in self._all(REVISIONS):
            if row["field"] == "update added":
                added[row["update_id"]] = row["seen_at"]
            elif row["field"] != "update removed":
                edits[row["update_id"]].append(_edit(row))
        entries = [
            Entry(
                at=row["posted_at"],
                number=number,
                state=row["state"],
                state_text=row["state_text"],
                text=row["text"],
                first_seen_at=row["first_seen_at"],
                removed_at=row["removed_at"],
                added_later=added.get(row["id"]),
                edits=edits.pop(row["id"], []),
                **self._told(row),
            )
            for number, row in enumerate(self._updates, start=1)
        ]
        looks: dict[str, list[Edit]] = defaultdict(list)
        for some in edits.values():
            for edit in some:
                looks[edit.seen_at].append(edit)
        entries += [Entry(at, None, None, None, "", at, None, None, some) for at, some in looks.items()]
        return sorted(entries, key=lambda entry: entry.at or "")

    def _told(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Of a line written by hand that is no message of its minute, who tells it and since when; else nothing.

        Such a line is known by its id, which names who said it and of when (`crawler.landmarks`). It is a message where the first
        word is of that very minute, and after it where who said that (or who says this) is known to have spoken at the time.
        """
        by, sep, at = row["id"].removeprefix(f"{row['incident']}/").partition("@")
        if not (sep and row["posted_at"] and at.partition("#")[0] == row["posted_at"]):
            return {}
        first = self.incident["first_posted_at"] if self.incident else None
        said = [account.said_at for account in self.accounts if account.source == by and account.said_at]
        if at == first or row["posted_at"] in said:
            return {}
        if first and at < first:
            return {"told_by": by, "told": "later"}
        if not said:
            return {"told_by": by, "told": "then or later"}
        if instant(min(said)) - instant(row["posted_at"]) > _SAME_DAY:
            return {"told_by": by, "told": "later"}
        return {} if first and by in self._heralds(first) else {"told_by": by, "told": "then or later"}

    def _heralds(self, first: str) -> set[str]:
        """Of lines written by hand: who had the first word."""
        ids = (row["id"].removeprefix(f"{row['incident']}/") for row in self._updates if row["posted_at"] == first)
        return {id.partition("@")[0] for id in ids}

    # Who contradicts whom

    def conflicts(self) -> list[Conflict]:
        """Accounts of the same bound that differ, stated or from fields; where several places have the same ones, once.

        Of the incident as a whole, a page's words may contradict its own fields.
        """
        by_cell: dict[Cell, list[int]] = defaultdict(list)
        for account in self.accounts:
            if not account.suspect and account.basis in ("stated", "structured"):
                for cell in self._cells[account.number]:
                    by_cell[cell].append(account.number)
        spoken_of: dict[tuple[bool, tuple[int, ...]], list[Cell]] = defaultdict(list)  # by the same accounts
        for cell, numbers in by_cell.items():
            spoken_of[cell == (None, None), tuple(numbers)].append(cell)
        alike: dict[tuple[Literal["start", "end"], tuple[int, ...]], list[Cell]] = defaultdict(list)
        for (whole, those), cells in spoken_of.items():
            for bound in _BOUNDS:
                if against := self._disagreeing(bound, those, whole):
                    alike[bound, against] += cells
        found = [self._conflict(bound, those, cells) for (bound, those), cells in alike.items()]
        return sorted(found, key=lambda c: (not c.whole, c.bound == "end", -c.minutes, [v.account for v in c.voices]))

    def _disagreeing(self, bound: Literal["start", "end"], numbers: Iterable[int], whole: bool) -> tuple[int, ...]:
        """Of these accounts those that contradict each other, each time and source once; none where they agree."""
        voices: dict[tuple[str, str, str], int] = {}
        for account in (self.accounts[number - 1] for number in numbers):
            if at := account.started_at if bound == "start" else account.ended_at:
                voices.setdefault((at, account.source, account.basis), account.number)
        sides = {(source, basis if whole else None) for _, source, basis in voices}
        return tuple(sorted(voices.values())) if len({at for at, _, _ in voices}) > 1 and len(sides) > 1 else ()

    def _conflict(self, bound: Literal["start", "end"], numbers: Sequence[int], cells: Sequence[Cell]) -> Conflict:
        said = [self.accounts[number - 1] for number in numbers]
        voices = sorted(
            (
                Voice((a.started_at if bound == "start" else a.ended_at) or "", a.number, a.source, a.authority, a.basis,
                      self._held(bound, a, cells))
                for a in said
            ),
            key=lambda voice: (voice.at, voice.account),
        )  # fmt: skip
        return Conflict(
            bound=bound,
            regions=self._places({region for region, _ in cells}),
            services=self._things({service for _, service in cells}),
            whole=set(cells) == {(None, None)},
            minutes=_minutes(voices[0].at, voices[-1].at) or 0,
            voices=voices,
        )

    def _held(self, bound: str, account: Account, cells: Sequence[Cell]) -> bool:
        """Whether what we hold true of these is what the account says."""
        assert self.incident is not None
        column, at = ("started_at", account.started_at) if bound == "start" else ("ended_at", account.ended_at)
        basis = "start_basis" if bound == "start" else "end_basis"
        if set(cells) == {(None, None)} and (None, None) not in self.out:
            return bool(self.incident[column] == at and self.incident[basis] == account.basis)
        asked = frozenset(cells)
        return any(
            held.row[column] == at and held.row[basis] == account.basis and _covers(asked, held.cells)
            for held in self.held
        )

    # Together

    def page(self) -> Page:
        """The page, `read` first."""
        assert self.incident is not None
        row = self.incident
        waves = list(self.waves())
        start = self._bound("start", row["started_at"], row["start_basis"], [(None, None)])
        end = self._bound("end", row["ended_at"], row["end_basis"], [(None, None)])
        return Page(
            incident=row,
            zone=self.zone,
            by_hand=self.by_hand,
            start=start,
            end=end,
            regions=_names(self.regions, [], self._region, self._regions),
            services=_names(self.services, [], self._service, _services),
            waves=waves,
            timeline=self.timeline(),
            conflicts=self.conflicts(),
            accounts=[msgspec.structs.replace(a, chosen=a.number in self._chosen) for a in self.accounts],
        )

    def best_rows(self) -> Rows:
        """Regions, unless there is one at most and the services tell more."""
        one = len(self.regions) < 2 and (len(self.services) > 1 or self.regions == [None])
        return "services" if one else "regions"

    def chart(self, page: Page, rows: Rows, hrefs: Mapping[str, str]) -> chart.Chart | None:
        """The chart; the rows that were out shortest on top. `hrefs` are addresses of regions or services by id."""
        assert self.incident is not None
        spells: dict[str | None, list[chart.Spell]] = defaultdict(list)
        for row, cells in self.held:
            severity = Severity(row["severity"]) if row["severity"] else None
            start = instant(row["started_at"])
            end, since, until = (_maybe(row[at]) for at in ("ended_at", "started_after", "ended_after"))
            for region, service in cells:
                beside, thing = (region, service) if rows == "regions" else (service, region)
                spells[beside].append(chart.Spell(thing, severity, start, end, since, until))
        name = self._region if rows == "regions" else self._service
        order = sorted(spells, key=lambda key: (*_lasted(spells[key]), name(key)))
        alone = order == [None]
        drawn = [
            chart.Row("the whole" if alone else name(key), hrefs.get(key or ""), spells[key], key in self.wider)
            for key in order
        ]
        over = self.incident["state"] in OVER and self.incident["resolved_posted_at"]
        until = _maybe(over or self.incident["last_seen_at"])  # what is called over was out no longer than that
        return chart.draw(drawn, list(_marks(page.timeline)), zone_of(self.zone), until, many=rows)


def tell(conn: sqlite3.Connection, id: str) -> tuple[Story, Page] | None:
    """An incident and its page; None when there is none of this id."""
    story = Story(conn, id)
    if story.incident is None:
        return None
    story.read()
    return story, story.page()


def event(page: Page, address: str) -> Event | None:
    """The incident as an event of a calendar; None when nobody knows when it began."""
    row = page.incident
    began = row["started_at"] or row["first_posted_at"]
    if began is None:
        return None
    stamped = row["last_seen_at"] or row["ended_at"] or row["resolved_posted_at"] or began
    told = [f"{row['vendor_name']}: {row['severity'] or 'severity not said'}, {row['state'] or 'state not said'}"]
    told += [f"Services: {', '.join(page.services.names)}"] if page.services.ids else []
    told += [row["cause"]] if row["cause"] else []
    told += [f"As the vendor has it: {row['url']}"] if row["url"] else []
    told += [] if row["ended_at"] else ["No end is known."]
    return Event(
        uid=f"{row['id']}@outages.invalid",
        title=f"{row['vendor_name']}: {row['title']}",
        start=instant(began),
        end=_maybe(row["ended_at"]),
        stamped=instant(stamped),
        description="\n".join(told),
        url=address,
        location=", ".join(n for i, n in zip(page.regions.ids, page.regions.names, strict=True) if i),
        categories=(row["kind"],),
    )


def zone_of(name: str) -> tzinfo:
    """The zone of a source; UTC when this machine does not know it."""
    if name == "UTC":
        return UTC
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC
    return UTC if name in ("Etc/UTC", "GMT", "Etc/GMT") else zone


def excerpt(pieces: Iterable[Piece]) -> list[Piece]:
    """A difference without most of what is the same."""
    found = list(pieces)
    short = []
    for number, piece in enumerate(found):
        text = piece.text
        if piece.kind == "same" and len(text) > 2 * CONTEXT:
            before = text[:CONTEXT] if number else ""
            after = text[-CONTEXT:] if number + 1 < len(found) else ""
            text = f"{before} […] {after}".strip()
            text = f"{text} " if after else f" {text}"
        short.append(Piece(piece.kind, text))
    return short


def _edit(row: Mapping[str, Any]) -> Edit:
    field = row["field"].removeprefix("update ")
    before, after = row["before"], row["after"]
    unit = WORDS if row["field"] == "update text" else _UNITS.get(row["field"], WHOLE)
    if field in ("vanished", "returned"):
        return Edit(row["seen_at"], field, row["source"], before, after, [])
    return Edit(row["seen_at"], field, row["source"], before, after, excerpt(compare(before or "", after or "", unit)))


def _marks(timeline: Iterable[Entry]) -> Iterator[chart.Mark]:
    for entry in timeline:
        what = ", ".join(e.field.replace("_", " ") for e in entry.edits) if not entry.number else "message"
        href = f"#m{entry.number}" if entry.number else f"#c{entry.at}"
        for seen_at in dict.fromkeys(edit.seen_at for edit in entry.edits):
            yield chart.Mark("edit", instant(seen_at), f"{what} changed, seen {seen_at}", href)
        if entry.number and entry.at:
            kind = "removed" if entry.removed_at else "event" if entry.told else "message"
            what = f"event of {entry.at}, told {entry.told}" if entry.told else f"message of {entry.at}"
            words = f"{what}: {entry.text[:80]}{'…' if len(entry.text) > 80 else ''}"
            yield chart.Mark(kind, instant(entry.at), words, f"#m{entry.number}")


def _lasted(spells: Sequence[chart.Spell]) -> tuple[bool, float, datetime]:
    """How long: what has no end at last, then by the mean length, then by the last end."""
    ends = [spell.end for spell in spells if spell.end]
    lengths = [(spell.end - spell.start).total_seconds() for spell in spells if spell.end]
    last = max(ends, default=max(spell.start for spell in spells))
    return len(ends) < len(spells), sum(lengths) / max(1, len(lengths)), last


def _names(
    ids: Iterable[str | None],
    every: Sequence[str | None],
    name: Callable[[str | None], str],
    count: Callable[[Iterable[str]], str],
    missing: bool = False,
) -> Names:
    """Several in short: by name where they are few, else as all, all but a few, or by their number (`count`)."""
    asked = set(ids)
    ordered = sorted(asked, key=lambda i: (i is None, name(i)))
    names = [name(i) for i in ordered]
    left = [i for i in every if i is not None and i not in asked]
    placed = len([i for i in every if i is not None])
    known = [i for i in asked if i is not None]
    counted = count(known)
    rest = f", {name(None)} of others" if None in asked else ""
    spelled = ", ".join(names)
    if len(names) <= SPELLED and (len(spelled) <= LETTERS or len(known) < 2):
        text = spelled
    elif placed and not left:
        text = f"all {counted}{rest}"
    elif missing and placed and len(left) <= MISSING:
        text = f"all but {', '.join(name(i) for i in left)}{rest}"
    else:
        text = f"{counted}{rest}"
    return Names(text, counted, ordered, names)


def count_regions(number: int, wider: int) -> str:
    """So many places in words, of which some are wider than a region: "42 regions and 19 wider areas"."""
    told = [_counted(number - wider, "region")] if number > wider or not wider else []
    return " and ".join([*told, _counted(wider, "wider area")] if wider else told)


def _services(ids: Iterable[str]) -> str:
    return _counted(len(set(ids)), "service")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _cells(text: str) -> list[Cell]:
    """Pairs of region and service, as `OUTAGES` and `CLAIMS` have them."""
    return msgspec.json.decode(text, type=list[Cell])


def _covers(said: frozenset[Cell], asked: Iterable[Cell]) -> bool:
    """Whether an account speaks of one of these cells, or of all."""
    if (None, None) in said:
        return True
    return any(
        (r, s) in said or (r, ALL) in said or (r, None) in said or (None, s) in said or (None, ALL) in said
        for r, s in asked
    )


def _weight(authority: str | None) -> int:
    return _SPOKEN.index(authority) if authority in _SPOKEN else len(_SPOKEN)


def _words(basis: str | None, at: str, after: str | None, account: Account | None) -> str:
    """What a bound rests on."""
    source = account.source if account else "the page"
    if basis == "stated":
        return f"stated in words by {source}"
    if basis == "structured":
        return f"a field of {source} says so"
    if basis == "posted":
        return "nobody states it: the time of the message"
    since = f"between the looks of {_said(after)} and {_said(at)}" if after else f"by the look of {_said(at)}"
    return f"nobody said: seen {since}" if basis == "observed" else "not known"


def _said(at: str) -> str:
    return at.replace("T", " ").replace("Z", " UTC")


def _address(url: str | None) -> str | None:
    return url if url and url.startswith(("http://", "https://")) else None


def _minutes(start: str | None, end: str | None) -> float | None:
    if start is None or end is None:
        return None
    return round((instant(end) - instant(start)).total_seconds() / 60, 1)


def _maybe(at: str | None) -> datetime | None:
    return instant(at) if at else None
