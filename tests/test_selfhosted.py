"""Platforms that people host themselves, or keep in a repository: what is asked for, and what real files say."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from crawler.catalog import Source
from crawler.platform import Ask
from crawler.records import Capture, Kind, Page, Severity, State, stamp
from spiders import platform
from tests.test_readers import FIXTURES, load

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def fixture(name: str) -> tuple[Capture, Source]:
    return load(FIXTURES / name)


def urls(asks: Iterable[Ask]) -> list[str]:
    return [ask.url for ask in asks]


def real(shared: Path, name: str, product: str, url: str) -> Page:
    body = (shared / "captures" / name).read_bytes()
    capture = Capture(source="x", url=url, fetched_at=NOW, status=200, headers={}, body=body)
    page = platform(product).read(capture, Source(id="x", platform=product, url=url))
    assert page.signals == ()
    return page


# --- cState


def test_cstate_asks_for_the_texts_of_the_newest_issues() -> None:
    cstate = platform("cstate")
    listed = fixture("cstate/issues")
    root = "https://status.northwind.example/issues"
    assert urls(cstate.follow(*listed)) == [
        f"{root}/2026-03-02-slow-uploads/index.json",
        f"{root}/2026-02-10-login/index.json",
        f"{root}/2026-01-01-sales/index.json",
    ]
    assert urls(cstate.older(*listed)) == urls(cstate.follow(*listed))
    assert urls(cstate.follow(*fixture("cstate/index-issues"))) == []
    assert urls(cstate.follow(*fixture("cstate/html-instead"))) == []
    assert cstate.history
    assert urls(cstate.history(listed[1], NOW)) == [f"{root}/index.json"]
    assert cstate.record
    assert cstate.record(listed[1], "2026-02-10-login").url == f"{root}/2026-02-10-login/index.json"
    assert cstate.about(fixture("cstate/index-quiet")[0]).name == "Northwind Status"


def test_cstate_has_one_key_for_an_issue_wherever_it_stands() -> None:
    cstate = platform("cstate")
    for case in ("issues", "issue", "feed", "source"):
        assert "2026-02-10-login" in {i.key for i in cstate.read(*fixture(f"cstate/{case}")).incidents}


def test_sources_of_cstate(shared: Path) -> None:
    raw = "https://raw.githubusercontent.com/cstate/example/master/content/issues"
    name = "2018-05-25-us-east-conn-issues"
    (outage,) = real(shared, f"cstate/{name}.md", "cstate", f"{raw}/{name}.md").incidents
    assert (outage.key, outage.state, outage.severity) == (name, State.RESOLVED, Severity.MAJOR_OUTAGE)
    assert [u.state for u in outage.updates] == [State.INVESTIGATING, State.MONITORING, State.RESOLVED]
    assert [stamp(u.posted_at)[11:16] for u in outage.updates if u.posted_at] == ["04:13", "04:40", "05:54"]
    assert [i.component.name for i in outage.impacts if i.component] == ["API", "Media Proxy", "Gateway"]
    name = "2024-02-24-maintenance-window"
    (notice,) = real(shared, f"cstate/{name}.md", "cstate", f"{raw}/{name}.md").incidents
    assert (notice.kind, notice.started_at, notice.severity) == (Kind.NOTICE, None, None)


# --- Upptime


def test_upptime_asks_page_by_page() -> None:
    upptime = platform("upptime")
    full, source = fixture("upptime/issues-full-page")
    (following,) = urls(upptime.older(full, source))
    assert following == "https://api.github.com/repos/northwind/status/issues?state=all&per_page=2&labels=status&page=2"
    assert urls(upptime.older(*fixture("upptime/issues"))) == []
    assert urls(upptime.older(*fixture("upptime/summary"))) == []
    assert upptime.history
    assert len(urls(upptime.history(source, NOW))) == 2


def test_upptime_is_found_by_the_repository_that_its_page_names() -> None:
    upptime = platform("upptime")
    assert upptime.find
    html = """<a href="https://github.com/upptime/upptime">Upptime</a> <a href="https://github.com/northwind/status">source</a>"""
    found = upptime.find("https://status.northwind.example", html)
    assert next(iter(found)) == "summary"
    assert found["summary"] == "https://raw.githubusercontent.com/northwind/status/HEAD/history/summary.json"
    assert upptime.find("https://status.northwind.example", "") == {}


def test_files_of_upptime(shared: Path) -> None:
    raw = "https://raw.githubusercontent.com/manticoresoftware/upptime/HEAD/history"
    summary = real(shared, "upptime/manticore-summary.json", "upptime", f"{raw}/summary.json")
    sites = {state.component.key: state for state in summary.components}
    assert len(sites) == 18
    assert {state.severity for state in sites.values()} == {Severity.OPERATIONAL}
    for name in ("catalog-autocomplete", "catalog-demo", "catalog-search", "chat"):
        site = real(shared, f"upptime/manticore-{name}.yml", "upptime", f"{raw}/{name}.yml")
        (state,) = site.components
        assert state.component.key in sites
        assert state.severity is Severity.OPERATIONAL


# --- Uptime Kuma, Gatus


def test_kuma_asks_for_the_states_of_a_page() -> None:
    kuma = platform("uptimekuma")
    shown, source = fixture("uptimekuma/page-quiet")
    assert urls(kuma.follow(shown, source)) == ["https://up.northwind.example/api/status-page/heartbeat/default"]
    assert urls(kuma.follow(*fixture("uptimekuma/heartbeats"))) == []
    assert kuma.about(shown).name == "Northwind"
    assert kuma.find
    html = "<script>window.preloadData = {'config':{'slug':'all','title':'N'}};</script>"
    assert kuma.find("https://x.example", html) == {"page": "https://x.example/api/status-page/all"}
    assert kuma.find("https://x.example", "") == {"page": "https://x.example/api/status-page/default"}


def test_gatus_asks_for_the_events_of_what_failed() -> None:
    gatus = platform("gatus")
    root = "https://gatus.northwind.example/api/v1/endpoints"
    listed = fixture("gatus/endpoints")
    failed = [f"{root}/core_api/statuses", f"{root}/_website/statuses", f"{root}/core_odd/statuses"]
    assert urls(gatus.follow(*listed)) == failed
    assert urls(gatus.older(*listed)) == [*failed[:2], f"{root}/core_new/statuses", failed[2]]
    assert urls(gatus.follow(*fixture("gatus/endpoint"))) == []
    assert gatus.history
    assert urls(gatus.history(listed[1], NOW)) == [f"{root}/statuses"]


# --- DatoCMS, Infomaniak


def test_datocms_asks_for_the_newest_files() -> None:
    datocms = platform("datocms")
    listed, source = fixture("datocms/list")
    raw = "https://raw.githubusercontent.com/datocms/status-website/HEAD/data/incidents"
    assert urls(datocms.follow(listed, source)) == [f"{raw}/2026-03-02-slow-api.json"]
    many = [{**json.loads(listed.body or b"")[0], "name": f"2026-01-{day:02}.json"} for day in range(1, 20)]
    crowd = Capture(source="x", url=listed.url, fetched_at=NOW, status=200, headers={}, body=json.dumps(many).encode())
    assert (len(urls(datocms.follow(crowd, source))), len(urls(datocms.older(crowd, source)))) == (5, 19)
    assert urls(datocms.follow(*fixture("datocms/incident"))) == []


def test_files_of_datocms(shared: Path) -> None:
    found = {}
    for file in sorted((shared / "captures" / "git-authored").glob("datocms-*.json")):
        url = (
            f"https://raw.githubusercontent.com/datocms/status-website/HEAD/data/x/{file.name.removeprefix('datocms-')}"
        )
        (incident,) = real(shared, f"git-authored/{file.name}", "datocms", url).incidents
        found[incident.key[:10]] = incident
    maintenance, twice, cloud = (found[day] for day in ("2023-02-27", "2024-10-08", "2025-11-18"))
    assert (maintenance.kind, maintenance.state) == (Kind.MAINTENANCE, State.COMPLETED)
    assert maintenance.started_at == datetime(2023, 3, 4, 5, tzinfo=UTC)
    assert maintenance.ended_at == datetime(2023, 3, 4, 10, tzinfo=UTC)
    assert twice.resolved_posted_at
    assert stamp(twice.resolved_posted_at) == "2024-10-09T16:48:36Z"  # reopened after the first "resolved"
    assert (cloud.severity, cloud.state, len(cloud.updates)) == (Severity.MAJOR_OUTAGE, State.RESOLVED, 6)


def test_infomaniak_asks_for_the_next_page() -> None:
    infomaniak = platform("infomaniak")
    last, source = fixture("infomaniak/events")
    assert urls(infomaniak.older(last, source)) == []
    document = json.loads(last.body or b"") | {"page": 1, "pages": 2}
    more = Capture(
        source="x", url=f"{last.url}?page=1&locale=en", fetched_at=NOW, status=200, headers={},
        body=json.dumps(document).encode(),
    )  # fmt: skip
    assert urls(infomaniak.older(more, source)) == ["https://api.infomaniak.com/2/events?page=2&locale=en"]
    assert urls(infomaniak.older(*fixture("infomaniak/html-instead"))) == []


def test_events_of_infomaniak(shared: Path) -> None:
    url = "https://api.infomaniak.com/2/events"
    found = real(shared, "other/infomaniak-impacting-in-progress.json", "infomaniak", url).incidents
    assert [incident.key for incident in found] == ["2212695", "2211544", "2210611", "2208241", "2205996"]
    assert [incident.state for incident in found] == [
        None, State.RESOLVED, State.COMPLETED, State.RESOLVED, State.RESOLVED,
    ]  # fmt: skip
    assert [incident.ended_at is None for incident in found] == [True, False, False, False, False]
    assert [len(incident.updates) for incident in found] == [1, 1, 1, 1, 2]
    assert found[2].kind is Kind.MAINTENANCE
