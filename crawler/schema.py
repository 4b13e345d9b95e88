"""Tables and views of `outages.db`.

Times are UTC text, `YYYY-MM-DDTHH:MM:SSZ`; `started_at` is inclusive, `ended_at` exclusive and NULL while
open or unknown. Everything here is made from captures, the catalog and the hand-written incidents, and can
be made again. What each column means is said in `metadata.yml`.
"""

from __future__ import annotations

from sqlite3 import Connection

from sqlite_utils import Database, Migrations

from crawler.database import transaction

migrations = Migrations("archive")

#: Counted up when the same captures give other rows than before: an older archive is then derived anew.
DERIVATION = 5

TABLES = """
create table vendors (id text primary key, name text not null, local_name text, homepage text);

create table regions (vendor text not null references vendors(id), id text not null, key text, name text not null,
  local_name text, city text, country text, latitude real, longitude real, opened text, closed text,
  separate integer not null, primary key (vendor, id));

create table services (vendor text not null references vendors(id), id text not null, key text, name text not null,
  local_name text, category text, listed integer not null, primary key (vendor, id));
create index services_key on services (vendor, key);

create table sources (id text primary key, vendor text not null references vendors(id), platform text not null,
  url text not null, authority text not null, timezone text not null, interval_seconds integer not null,
  polled integer not null, robots text not null, why text, verified integer not null, since text, until text,
  last_polled_at text, last_changed_at text, last_outcome text);

create table incidents (id text primary key, vendor text not null references vendors(id), key text not null,
  source text references sources(id), title text not null, url text, kind text not null, severity text,
  severity_text text, state text, state_text text, service_text text, region_text text, started_at text,
  ended_at text, minutes real, start_basis text, end_basis text, first_posted_at text, resolved_posted_at text,
  first_seen_at text, last_seen_at text, vanished_at text, linked_to text, cause text, cause_category text,
  plane text, postmortem_at text, postmortem_url text, no_postmortem_by text);
create index incidents_started on incidents (started_at desc, id);
create index incidents_vendor on incidents (vendor, started_at desc, id);
create index incidents_open on incidents (state, ended_at) where ended_at is null;

create table updates (id text primary key, incident text not null references incidents(id), position integer not null,
  posted_at text, state text, state_text text, text text not null, first_seen_at text, removed_at text);
create index updates_incident on updates (incident, position);
create index updates_posted on updates (posted_at desc, id);

create table revisions (id text primary key, incident text not null references incidents(id), update_id text,
  source text references sources(id), seen_at text not null, field text not null, before text, after text);
create index revisions_incident on revisions (incident, seen_at);
create index revisions_seen on revisions (seen_at desc, id);

create table claims (id text primary key, incident text not null references incidents(id), source text, authority text,
  said_at text, region text, service text, region_text text, service_text text, severity text, started_at text,
  ended_at text, basis text not null, timezone_text text, quote text, suspect text, url text, note text);
create index claims_incident on claims (incident, basis);
create index claims_started on claims (started_at desc, id);

create table outages (id text primary key, incident text not null references incidents(id),
  vendor text not null references vendors(id), region text, service text, severity text, started_at text not null,
  ended_at text, minutes real, start_basis text not null, end_basis text);
create index outages_incident on outages (incident, service, region);
create index outages_started on outages (started_at desc, id);
create index outages_place on outages (vendor, region, service, started_at);

create table polls (id text primary key, source text not null references sources(id), url text not null,
  polled_at text not null, outcome text not null, http_status integer, capture integer, bytes integer,
  milliseconds integer, error text, reach text);
create index polls_source on polls (source, polled_at desc);
create index polls_polled on polls (polled_at desc, id);
create index polls_capture on polls (capture);
create index polls_address on polls (source, url, polled_at);

create table signals (source text not null references sources(id), kind text not null, place text not null,
  detail text not null, count integer not null, first_seen_at text not null, last_seen_at text not null,
  primary key (source, kind, place, detail));

create table component_states (source text not null references sources(id), url text not null, component text not null,
  vendor text not null references vendors(id), key text, name text not null, group_name text, region text, service text,
  severity text, severity_text text not null, before_at text, seen_at text not null,
  primary key (source, url, component, seen_at)) without rowid;
create index component_states_vendor on component_states (vendor, region, service);

create table availability (vendor text not null references vendors(id), region text, service text, month text not null,
  down_minutes real not null, watched_minutes real not null);
create index availability_place on availability (vendor, region, service, month);

create table watched (vendor text not null references vendors(id), started_at text not null, ended_at text not null,
  primary key (vendor, started_at));

create table versions (incident text not null, source text not null, url text not null, number integer not null,
  seen_at text not null, digest text, record text, primary key (incident, source, url, number)) without rowid;
create index versions_source on versions (source);

create table pages (source text not null, url text not null, readable integer not null, body integer,
  reach text, keys text not null, missing text not null, primary key (source, url)) without rowid;

create table sightings (incident text not null, source text not null, url text not null, began text,
  first_seen_at text not null, last_seen_at text not null, primary key (incident, source, url)) without rowid;
create index sightings_source on sightings (source);

create table unresolved (incident text not null references incidents(id), source text not null, kind text not null,
  place text not null, detail text not null, component text);
create index unresolved_incident on unresolved (incident);
create index unresolved_component on unresolved (component) where component is not null;

create table to_measure (vendor text primary key, since text not null) without rowid;

create table meta (key text primary key, value text not null) without rowid;
"""

#: Words of incidents (see crawler/archive/search.py). Its rowid is `incidents.search_key`: the newest are found first
#: without sorting. `messages` are those that stand; `removed` what the vendor says no longer: messages taken away, and
#: earlier wordings of titles and messages; `about` what is known of it besides.
INCIDENTS_FTS = """
    create virtual table incidents_fts using fts5(title, messages, removed, about, vendor,
    tokenize = 'porter unicode61 remove_diacritics 2')
"""
#: Names of vendors, regions and services: `own`, and those of the vendor they are of. `id` is not looked for: `own` has it.
NAMES_FTS = """
    create virtual table names_fts using fts5(own, of, kind, vendor unindexed, id unindexed,
    tokenize = 'unicode61 remove_diacritics 2')
"""

#: Minutes from the start of an incident to its first word, where the start says how late that was. Most platforms fill in
#: a start with the moment of the first message, and such a one says nothing: a start in a field counts where it is more
#: than a minute off, or a person entered it, in whole minutes beside a post that is not. What prose states always counts.
LAG = """case when start_basis = 'stated' or (start_basis = 'structured' and (
            abs(julianday(first_posted_at) - julianday(started_at)) * 1440 > 1.01
            or (substr(started_at, 18) = '00Z' and substr(first_posted_at, 18) <> '00Z')))
          then round((julianday(first_posted_at) - julianday(started_at)) * 1440, 1) end"""

VIEWS = {
    # A rank from a window would sort all outages to show the first page; only those of one incident are compared here.
    "recovery_order": """
        select incident, service, region, recovered_at, minutes,
          (select count(*) from (select max(ended_at) as other_at from outages
            where outages.incident = back.incident and outages.service is back.service
            group by region having count(*) = count(ended_at)) where other_at < recovered_at) + 1 as rank
        from (select incident, service, region, max(ended_at) as recovered_at,
            round((julianday(max(ended_at)) - julianday(min(started_at))) * 1440, 1) as minutes
          from outages group by incident, service, region having count(*) = count(ended_at)) as back
    """,
    "disclosure": f"""
        select i.id as incident, i.vendor as vendor, i.started_at as started_at, i.first_posted_at as first_posted_at,
          {LAG} as lag_minutes,
          case when i.first_seen_at is not null then (select count(*) from revisions r
            where r.incident = i.id and r.seen_at > i.resolved_posted_at) end as edits_after_resolved,
          round(julianday(i.postmortem_at) - julianday(i.ended_at), 1) as postmortem_days,
          i.no_postmortem_by as no_postmortem_by
        from incidents i where i.kind = 'outage'
    """,
    "availability_by_month": """
        select vendor, region, service, month, down_minutes, watched_minutes,
          case when watched_minutes > 0 then round(1 - down_minutes / watched_minutes, 6) end as availability
        from availability
    """,
    "coverage_by_month": """
        select vendor, source, month, polls, failed, minutes, watched_minutes,
          case when minutes > 0 then round(watched_minutes / minutes, 6) end as share, longest_gap_minutes
        from coverage
    """,
    "blind_spots": """
        with newest as (select max(polled_at) as now from polls),
        looked as (
          select vendor, id as source, interval_seconds / 86400.0 as every, polled and until is null as polled,
            (select min(polled_at) from polls where source = sources.id) as first_at,
            (select max(polled_at) from polls where source = sources.id) as last_at,
            (select outcome in ('error', 'unreadable') from polls where source = sources.id
              order by polled_at desc, 1 limit 1) as failing,
            (select ended_at from watched where vendor = sources.vendor and source = sources.id
              order by started_at desc limit 1) as seen_until
          from sources),
        -- Blind until now: none of its addresses answers any more, or nobody has looked although it is to be polled.
        judged as (
          select *, (failing and coalesce(julianday(last_at) - julianday(seen_until) > every / 2, 1))
            or (polled and julianday(now) - julianday(last_at) > 3 * every) as blind
          from looked, newest where first_at is not null),
        lives as (
          select vendor, source, first_at, blind,
            case when blind and polled then now when failing and not blind then seen_until else last_at end as until_at
          from judged),
        edges as (
          select vendor, source, first_at as started_at, first_at as ended_at, 0 as blind from lives
          union all select vendor, source, started_at, ended_at, 0 from watched
          union all select vendor, source, until_at, until_at, blind from lives),
        pairs as (
          select vendor, source, ended_at as from_at, lead(started_at) over spans as until_at, lead(blind) over spans as blind
          from edges window spans as (partition by vendor, source order by started_at, ended_at, blind))
        select vendor, source, from_at as started_at, case when not blind then until_at end as ended_at,
          round((julianday(until_at) - julianday(from_at)) * 1440, 1) as minutes,
          (select count(*) from polls where polls.source = pairs.source and outcome in ('error', 'unreadable')
            and polled_at between from_at and until_at) as failed,
          (select coalesce(error, outcome) from polls where polls.source = pairs.source
            and outcome in ('error', 'unreadable') and polled_at between from_at and until_at
            order by polled_at desc limit 1) as last_error
        from pairs where until_at > from_at
    """,
    "health": """
        with asked as materialized (
          select id as source, vendor, platform, verified, interval_seconds, last_polled_at as last_look_at,
            -- Its own address; where only others are asked, the first of those of the last rounds.
            coalesce((select url from polls where source = sources.id and url = sources.url limit 1),
              (select min(+url) from polls where source = sources.id and polled_at >=
                strftime('%Y-%m-%dT%H:%M:%SZ', last_polled_at, '-' || (3 * interval_seconds) || ' seconds'))) as address
          from sources where polled),
        looked as materialized (
          select *, (select outcome from polls where source = asked.source and url = address
              order by polled_at desc limit 1) as last_outcome,
            (select polled_at from polls where source = asked.source and url = address
              and outcome in ('new', 'same', 'not-modified') order by polled_at desc limit 1) as last_read_at
          from asked),
        changed as materialized (
          select *, (select max(polled_at) from polls where source = looked.source and url = address and outcome = 'new')
              as last_change_at,
            (select min(polled_at) from polls where source = looked.source and url = address
              and polled_at > coalesce(last_read_at, '')) as failing_since,
            (select count(*) from polls where source = looked.source and url = address
              and polled_at > coalesce(last_read_at, '')) as failures,
            (select count(*) from (select outcome, max(polled_at) from polls where source = looked.source
              and polled_at >= strftime('%Y-%m-%dT%H:%M:%SZ', last_look_at, '-' || (3 * interval_seconds) || ' seconds')
              group by +url) where outcome in ('error', 'unreadable')) as failing_addresses
          from looked)
        select source, vendor, platform, verified, interval_seconds, last_look_at, last_outcome, last_read_at,
          failing_since, failures, failing_addresses,
          case when failures + failing_addresses > 0 then (select coalesce(error, outcome) from polls where polls.source = changed.source
            and outcome in ('error', 'unreadable') order by polled_at desc limit 1) end as last_error,
          case when last_outcome = 'unreadable' then (select group_concat(detail, ', ') from signals
            where signals.source = changed.source and kind = 'looks-like' and last_seen_at >= failing_since) end as looks_like,
          (select max(last_seen_at) from signals where signals.source = changed.source and kind = 'no-items'
            and last_seen_at >= (select max(polled_at) from polls where polls.source = changed.source
            and polls.url = signals.place and outcome = 'new')) as no_items_at,
          last_change_at,
          (select count(*) from (select 1 from polls where polls.source = changed.source and url = address
            and outcome = 'new' limit 51)) - 1 as changes,
          (select round(max(gap) * 1440, 1) from (
            select julianday(polled_at) - julianday(lead(polled_at) over (order by polled_at desc)) as gap from (
              select polled_at from polls where polls.source = changed.source and url = address and outcome = 'new'
              order by polled_at desc limit 51))) as longest_minutes,
          (select count(*) from signals where signals.source = changed.source
            and first_seen_at >= strftime('%Y-%m-%dT%H:%M:%SZ', last_look_at, '-7 days')) as not_understood
        from changed
    """,
    "observed_outages": """
        with spells as (
          select *, (select before_at from component_states n where n.source = s.source and n.url = s.url
              and n.component = s.component and n.seen_at > s.seen_at order by n.seen_at limit 1) as ended_after,
            (select min(seen_at) from component_states n where n.source = s.source and n.url = s.url
              and n.component = s.component and n.seen_at > s.seen_at and n.severity_text <> '') as ended_by
          from component_states s)
        select vendor, region, service, name as component, group_name, severity, severity_text,
          before_at as started_after, seen_at as started_by, ended_after, ended_by,
          round((julianday(ended_after) - julianday(seen_at)) * 1440, 1) as minutes_at_least,
          round((julianday(ended_by) - julianday(before_at)) * 1440, 1) as minutes_at_most, source
        from spells where severity in ('degraded', 'partial_outage', 'major_outage')
    """,
    "conflicting_claims": """
        select a.incident as incident, a.service as service, a.region as region, 'start' as bound,
          a.started_at as earlier, a.source as earlier_source, a.authority as earlier_authority, a.url as earlier_url,
          b.started_at as later, b.source as later_source, b.authority as later_authority, b.url as later_url,
          round((julianday(b.started_at) - julianday(a.started_at)) * 1440, 1) as minutes_apart
        from claims a join claims b on b.incident = a.incident and b.basis = a.basis and b.service is a.service
          and b.region is a.region and b.source <> a.source and b.started_at > a.started_at
        where a.basis = 'stated' and a.suspect is null and b.suspect is null
        union all
        select a.incident as incident, a.service as service, a.region as region, 'end' as bound,
          a.ended_at as earlier, a.source as earlier_source, a.authority as earlier_authority, a.url as earlier_url,
          b.ended_at as later, b.source as later_source, b.authority as later_authority, b.url as later_url,
          round((julianday(b.ended_at) - julianday(a.ended_at)) * 1440, 1) as minutes_apart
        from claims a join claims b on b.incident = a.incident and b.basis = a.basis and b.service is a.service
          and b.region is a.region and b.source <> a.source and b.ended_at > a.ended_at
        where a.basis = 'stated' and a.suspect is null and b.suspect is null
    """,
}


@migrations()
def create(db: Database) -> None:
    """Tables of the first version."""
    for statement in TABLES.split(";"):
        if statement.strip():
            db.execute(statement)


@migrations()
def watch_by_source(db: Database) -> None:
    """Watched time is kept for each source; what polls there are is measured again by the next run."""
    for statement in (
        "drop table watched",
        """create table watched (vendor text not null references vendors(id), source text not null references sources(id),
          started_at text not null, ended_at text not null, primary key (vendor, source, started_at)) without rowid""",
        """create table coverage (vendor text not null references vendors(id), source text not null references sources(id),
          month text not null, polls integer not null, failed integer not null, minutes real not null,
          watched_minutes real not null, longest_gap_minutes real not null,
          primary key (vendor, source, month)) without rowid""",
        """create index polls_failed on polls (source, polled_at) where outcome in ('error', 'unreadable')""",
        """insert into to_measure
          select vendor, min(first) from (select vendor, (select min(polled_at) from polls where source = sources.id) as first
            from sources) where first is not null group by vendor
          on conflict (vendor) do update set since = min(since, excluded.since)""",
    ):
        db.execute(statement)


@migrations()
def observed(db: Database) -> None:
    """Between which two looks something changed, and which components an incident is about."""
    for statement in (
        "alter table versions add column left_list integer not null default 0",
        "alter table versions add column before_at text",
        "alter table claims add column started_after text",
        "alter table claims add column ended_after text",
        "alter table outages add column started_after text",
        "alter table outages add column ended_after text",
        """create table concerns (vendor text not null, component text not null, incident text not null,
        since text not null, until text, primary key (vendor, component, incident)) without rowid""",
        "create index concerns_incident on concerns (incident)",
        "create index component_states_component on component_states (vendor, component, source, url, seen_at)",
        """create table links (incident text primary key, twin text not null, why text not null, source text not null,
        seen_at text not null) without rowid""",
        "create index links_source on links (source)",
        "create index versions_gone on versions (source, url, seen_at) where record is null",
        "alter table incidents add column linked_why text",
    ):
        db.execute(statement)


@migrations()
def regions_found(db: Database) -> None:
    """Regions that the catalog does not list are known by the common list of places."""
    db.execute("alter table regions add column listed integer not null default 1")


@migrations()
def health(db: Database) -> None:
    """How often pages showed something, and quick answers to when they changed."""
    for statement in (
        "create index polls_new on polls (source, url, polled_at) where outcome = 'new'",
        """create table shown (source text not null, url text not null, filled integer not null,
        empty integer not null, primary key (source, url)) without rowid""",
    ):
        db.execute(statement)


@migrations()
def links_by_source(db: Database) -> None:
    """What each source tells of an incident that was published again is kept: another may be read anew."""
    for statement in (
        """create table links_of (incident text not null, source text not null, twin text not null, why text not null,
        seen_at text not null, primary key (incident, source)) without rowid""",
        "insert into links_of select incident, source, twin, why, seen_at from links",
        "drop table links",
        "alter table links_of rename to links",
        "create index links_source on links (source)",
    ):
        db.execute(statement)


@migrations()
def indexes(db: Database) -> None:
    """For what every run asks: who had vanished, and which outages reach into a month."""
    for statement in (
        "create index incidents_vanished on incidents (id, vanished_at) where vanished_at is not null",
        "create index outages_ended on outages (vendor, ended_at)",
    ):
        db.execute(statement)


@migrations()
def questions(db: Database) -> None:
    """For the questions of `metadata.yml`: each is answered from as many rows as it is about, not from a whole table."""
    for statement in (
        # Vendors compared over a period, without reading their incidents.
        """create index incidents_compared on incidents (kind, started_at, vendor, severity, minutes, start_basis,
          first_posted_at, id)""",
        "create index incidents_gone on incidents (vanished_at) where vanished_at is not null",
        "create index incidents_linked on incidents (started_at desc, id) where linked_to is not null",
        "create index incidents_explained on incidents (postmortem_at) where postmortem_at is not null",
        "create index incidents_unexplained on incidents (no_postmortem_by) where no_postmortem_by is not null",
        "create index incidents_unposted on incidents (started_at desc, id) where key >= 'observed-' and key < 'observed.'",
        "create index revisions_counted on revisions (seen_at, incident, field)",
        "create index updates_removed on updates (removed_at) where removed_at is not null",
        # Where somebody else than the vendor speaks, accounts can differ.
        """create index claims_others on claims (started_at desc, incident)
          where authority <> 'vendor' and basis = 'stated' and suspect is null""",
        "create index claims_suspect on claims (started_at desc, id) where suspect is not null",
        # What was out at an instant began in the week before, or lasted for longer than that.
        "create index incidents_long on incidents (ended_at, started_at) where minutes > 10080",
        "create index availability_worst on availability (month, down_minutes)",
        "create index coverage_month on coverage (month)",
        "create index signals_seen on signals (last_seen_at)",
    ):
        db.execute(statement)


@migrations()
def searching(db: Database) -> None:
    """Words of incidents are found by an index of them; what changed last is listed first in feeds."""
    for statement in (
        "alter table incidents add column search_key integer",
        "alter table incidents add column changed_at text",
        "create unique index incidents_search on incidents (search_key)",
        "create index incidents_changed on incidents (changed_at desc, id) where kind = 'outage'",
        "create index incidents_vendor_changed on incidents (vendor, changed_at desc, id) where kind = 'outage'",
        INCIDENTS_FTS,
    ):
        db.execute(statement)


@migrations()
def months(db: Database) -> None:
    """What comparisons need of each month; of what there is, all is measured by the next run."""
    counted = """incidents integer not null, major_outage integer not null, partial_outage integer not null,
      degraded integer not null, unrated integer not null, unended integer not null, lags_known integer not null, median_lag_minutes real,
      lags text not null, followed integer not null, edited integer not null, edits integer not null, down_minutes real not null"""
    for statement in (
        f"""create table vendor_months (vendor text not null references vendors(id), month text not null, {counted},
        watched_minutes real not null, primary key (vendor, month)) without rowid""",
        f"""create table category_months (vendor text not null references vendors(id), category text not null,
        month text not null, {counted}, primary key (vendor, category, month)) without rowid""",
        "create index category_months_month on category_months (category, month)",
        """create table region_months (vendor text not null references vendors(id), region text, month text not null,
        incidents integer not null, unrated integer not null, unended integer not null, severity text, longest_minutes real, longest_incident text,
        last_started_at text, last_incident text, down_minutes real not null, watched_down_minutes real not null,
        primary key (vendor, region, month))""",
        "create index services_category on services (category, vendor) where category is not null",
        """insert into to_measure select vendor, min(first) from (
          select vendor, min(started_at) as first from outages group by vendor
          union all select vendor, min(coalesce(started_at, first_posted_at)) from incidents group by vendor
          union all select vendor, (select min(polled_at) from polls where source = sources.id) from sources)
        where first is not null group by vendor
        on conflict (vendor) do update set since = min(since, excluded.since)""",
    ):
        db.execute(statement)


@migrations()
def places(db: Database) -> None:
    """Pages of vendors, regions and services: when a place was out is read from indexes alone."""
    for statement in (
        "create index outages_of_region on outages (vendor, region, started_at, ended_at, severity, service, incident)",
        "create index outages_of_service on outages (vendor, service, started_at, ended_at, severity, region, incident)",
        """create index availability_lost on availability (vendor, month, region, service, down_minutes)
          where down_minutes > 0""",
        """create index incidents_of_vendor on incidents (vendor, kind, started_at, id, ended_at, severity, state, linked_to,
          first_posted_at, start_basis, first_seen_at, last_seen_at, resolved_posted_at)""",
        # What began before a period reaches into it by its end; what has none is open, or was never said to be over.
        "create index incidents_ended on incidents (vendor, ended_at, started_at)",
        "create index incidents_open_of on incidents (vendor, last_seen_at) where ended_at is null",
        "create index sources_vendor on sources (vendor)",
    ):
        db.execute(statement)


@migrations()
def dashboards(db: Database) -> None:
    """Months of all vendors are counted from an index alone, without the lags that stand in their rows."""
    for statement in (
        """create index vendor_months_counted on vendor_months (month, vendor, incidents, major_outage, partial_outage,
          degraded, unrated, lags_known, median_lag_minutes, followed, edited, down_minutes, watched_minutes)""",
        "create index region_months_counted on region_months (month, vendor, region, incidents, down_minutes)",
    ):
        db.execute(statement)


@migrations()
def site_indexes(db: Database) -> None:
    """For the pages of the site: views that stop after the first rows, and which outages reached most regions."""
    for statement in (
        "drop index outages_incident",
        "create index outages_incident on outages (incident, service, region, ended_at, started_at)",
        "drop index claims_incident",
        "create index claims_incident on claims (incident, basis, service, region)",
        "create index incidents_kind on incidents (vendor, kind)",
        "create index component_states_severity on component_states (severity)",
        "alter table incidents add column regions_out integer",
        "update incidents set regions_out = (select count(distinct region) from outages where incident = incidents.id)",
        """create index incidents_greatest on incidents (regions_out desc, minutes desc, id)
          where kind = 'outage' and severity in ('partial_outage', 'major_outage')""",
    ):
        db.execute(statement)


@migrations()
def searching_names(db: Database) -> None:
    """Vendors, regions and services are found by the words of their names."""
    db.execute(NAMES_FTS)


@migrations()
def signals_sorted(db: Database) -> None:
    """The second page of signals: those of the same look are many, and were sorted for it."""
    db.execute("create index signals_sorted on signals (last_seen_at desc, source, kind, place, detail)")


@migrations()
def severities_of_incidents(db: Database) -> None:
    """How bad each part of an incident was, for the days of a vendor's page, is read from an index alone."""
    for statement in (
        "drop index outages_incident",
        "create index outages_incident on outages (incident, service, region, ended_at, started_at, severity)",
    ):
        db.execute(statement)


def make_views(db: Database) -> None:
    """Views hold no data: they are made anew where their text has changed, by one process while the others wait."""
    made = {
        name: sql.partition(" AS ")[2]
        for name, sql in db.execute("select name, sql from sqlite_master where type = 'view'")
    }
    if any(made.get(name) != sql.strip() for name, sql in VIEWS.items()):
        with transaction(db.conn):
            for name, sql in VIEWS.items():
                db.create_view(name, sql.strip(), replace=True)


#: Views whose rows have all to be made before the first can be shown, and what they are looked up by.
SETTLED = {
    "blind_spots": ("started_at desc", "vendor", "source"),
    "conflicting_claims": ("incident", "minutes_apart desc"),
    "health": ("failures desc", "vendor"),
}

#: What questions of all years and vendors are counted by, in the order of their groups, so that nothing is sorted: an
#: index serves a question only while it has the very expressions of the question in `metadata.yml`.
COUNTED = (
    "readers_lengths on incidents (kind, vendor, severity, started_at, minutes, start_basis)",
    f"readers_lags on incidents (kind, vendor, substr(started_at, 1, 4), {LAG}, started_at, start_basis, first_posted_at, id)",
    "readers_changes on revisions (substr(incident, 1, instr(incident, ':') - 1), incident, field, seen_at)",
    "readers_months on availability (vendor, month, down_minutes, region, service, watched_minutes)",
)


def settle(conn: Connection) -> None:
    """What a copy has that nobody writes any more: tables in the place of views that take long, and indexes to count by."""
    for index in COUNTED:
        conn.execute(f"create index {index}")
    for view, sorts in SETTLED.items():
        conn.execute(f"create table settled as select * from {view}")
        conn.execute(f"drop view {view}")
        conn.execute(f"alter table settled rename to {view}")
        for sort in sorts:
            conn.execute(f"create index {view}_{sort.split()[0]} on {view} ({sort})")
