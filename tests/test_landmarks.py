"""The landmark outages: every shipped file, the two showcases, and how wrong files are refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from crawler.catalog import Catalog
from crawler.catalog import load as load_catalog
from crawler.landmarks import AUTHORITIES, CAUSES, SHIPPED, Landmark, LandmarkError, load, load_file
from crawler.records import Account, Basis, State

GOOD = """\
vendor: alibaba
key: "99"
title: Everything
url: https://status.example.com/99
severity: major_outage
timezone: Asia/Shanghai
cause_category: configuration
references:
  page: {by: Vendor, url: "https://status.example.com/99", authority: vendor, day: 2023-11-13}
accounts:
  - said_by: page
    regions: all
    services: [console]
    start: 2023-11-12 17:39
    end: 2023-11-12 21:11
updates:
  - {at: 2023-11-12 21:11, said_by: page, state: resolved, text: Over.}
  - {at: 2023-11-12 17:44, said_by: page, state: investigating, text: Something is wrong.}
"""

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        path = tmp_path / "landmark.yml"
        path.write_text(text)
        return path

    return _write


@pytest.fixture(scope="module")
def shipped() -> list[Landmark]:
    return load()


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


def accounts(landmarks: list[Landmark], vendor: str, key: str, service: str) -> list[Account]:
    (found,) = (mark for mark in landmarks if mark.vendor == vendor and mark.incident.key == key)
    return [account for account in found.incident.accounts if service in account.services]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_shipped_files_cover_ten_years(shipped: list[Landmark]) -> None:
    years = {
        moment.year
        for mark in shipped
        for account in mark.incident.accounts
        for moment in (account.started_at, account.ended_at)
        if moment
    }
    assert len(shipped) >= 32
    assert years >= set(range(2017, 2027))


def test_shipped_files_are_named_after_what_they_hold(shipped: list[Landmark]) -> None:
    for mark in shipped:
        assert mark.path.stem.startswith(f"{mark.vendor}-20"), mark.path.name


def test_everything_shipped_says_where_it_comes_from(shipped: list[Landmark]) -> None:
    for mark in shipped:
        assert mark.incident.url, mark.path.name
        assert mark.incident.cause_category in CAUSES
        for account in mark.incident.accounts:
            assert account.url, mark.path.name
            assert account.authority in AUTHORITIES


def test_regions_and_services_are_those_of_the_catalog(shipped: list[Landmark], catalog: Catalog) -> None:
    unknown = []
    for mark in shipped:
        vendor = catalog.vendor(mark.vendor)
        for account in mark.incident.accounts:
            regions = {*account.regions, *account.except_regions} - {"all"}
            unknown += [(mark.path.name, r) for r in sorted(regions - vendor.region_ids.keys())]
            unknown += [(mark.path.name, s) for s in sorted(set(account.services) - vendor.service_ids.keys())]
    assert unknown == []


def test_updates_are_oldest_first_and_their_keys_single(shipped: list[Landmark]) -> None:
    for mark in shipped:
        updates = mark.incident.updates
        assert len({update.key for update in updates}) == len(updates), mark.path.name
        moments = [update.posted_at for update in updates if update.posted_at]
        assert all(before <= after for before, after in pairwise(moments)), mark.path.name


@pytest.mark.parametrize(("service", "first", "others"), [("console", 10 * 60 + 54, 11 * 60 + 43), ("mq", 732, 791)])
def test_hangzhou_and_beijing_recovered_first(shipped: list[Landmark], service: str, first: int, others: int) -> None:
    """Minutes of the day in UTC at which the two, then all others, were back on 2023-11-12."""
    told = accounts(shipped, "alibaba", "16", service)
    (named,) = (account for account in told if account.ended_at and account.regions != ("all",))
    (rest,) = (account for account in told if account.ended_at and account.regions == ("all",))
    assert named.regions == rest.except_regions == ("cn-hangzhou", "cn-beijing")
    assert named.open_list
    assert named.ended_at == utc(2023, 11, 12, *divmod(first, 60))
    assert rest.ended_at == utc(2023, 11, 12, *divmod(others, 60))


def test_both_starts_and_ends_of_2023_11_12_are_kept(shipped: list[Landmark]) -> None:
    (mark,) = (mark for mark in shipped if mark.vendor == "alibaba" and mark.incident.key == "16")
    whole = [account for account in mark.incident.accounts if not account.regions and not account.services]
    assert {account.ended_at for account in whole} == {utc(2023, 11, 12, 11, 20), utc(2023, 11, 12, 13, 11)}
    starts = {account.started_at for account in accounts(shipped, "alibaba", "16", "api") if account.started_at}
    assert starts == {utc(2023, 11, 12, 9, 39), utc(2023, 11, 12, 9, 44)}
    assert mark.incident.postmortem_at is None
    assert mark.incident.no_postmortem_by
    assert mark.incident.no_postmortem_by > "2024-01-12"


def test_shanghai_recovered_last_and_the_leak_stands_beside(shipped: list[Landmark]) -> None:
    api = accounts(shipped, "tencent", "2024-04-08-api", "api")
    official = [account for account in api if account.authority == "vendor-quoted"]
    (rest,) = (account for account in official if account.except_regions == ("ap-shanghai",))
    (shanghai,) = (account for account in official if account.regions == ("ap-shanghai",))
    assert (rest.started_at, rest.ended_at) == (utc(2024, 4, 8, 7, 23), utc(2024, 4, 8, 8, 5))
    assert shanghai.ended_at == utc(2024, 4, 8, 8, 45)
    ends = {
        account.authority: account.ended_at for account in accounts(shipped, "tencent", "2024-04-08-api", "console")
    }
    assert ends == {"vendor-quoted": utc(2024, 4, 8, 8, 50), "leak": utc(2024, 4, 8, 7, 47)}


def test_a_postmortem_known_by_its_day_counts_whole_days(shipped: list[Landmark]) -> None:
    (mark,) = (mark for mark in shipped if mark.incident.key == "2024-04-08-api")
    assert mark.incident.state is State.POSTMORTEM
    assert mark.incident.postmortem_at
    assert (mark.incident.postmortem_at - utc(2024, 4, 8, 9, 45)).days == 6


def test_local_times_become_utc(write: Write) -> None:
    incident = load_file(write(GOOD)).incident
    (account,) = incident.accounts
    assert (account.started_at, account.ended_at) == (utc(2023, 11, 12, 9, 39), utc(2023, 11, 12, 13, 11))
    assert account.regions == ("all",)
    assert account.severity is incident.severity
    assert account.said_at == utc(2023, 11, 13, 15, 59), "a day stands for its last minute"
    assert incident.state is State.RESOLVED


def test_an_account_may_be_of_its_own_time_and_basis(write: Write) -> None:
    text = GOOD.replace("    regions: all\n", "    said_at: 2023-11-12 21:12\n    basis: posted\n")
    (account,) = load_file(write(text)).incident.accounts
    assert account.said_at == utc(2023, 11, 12, 13, 12)
    assert account.basis is Basis.POSTED


def test_update_keys_outlive_a_line_put_between(write: Write) -> None:
    before = [update.key for update in load_file(write(GOOD)).incident.updates]
    more = GOOD + "  - {at: 2023-11-12 18:54, said_by: page, text: Some are back.}\n"
    after = [update.key for update in load_file(write(more)).incident.updates]
    assert before == ["page@2023-11-12T09:44:00Z", "page@2023-11-12T13:11:00Z"]
    assert set(before) < set(after)


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("    regions: all", "    region: all", 12, "unknown field `region`"),
        ("    regions: all", "    regions: some", 12, "'some'"),
        ("severity: major_outage", "severity: bad", 5, "'bad'"),
        ("timezone: Asia/Shanghai", "timezone: Asia/Hangzhou", 6, "no time zone 'Asia/Hangzhou'"),
        ("cause_category: configuration", "cause_category: gremlins", 7, "'gremlins' is none of attack, capacity"),
        ("authority: vendor", "authority: rumour", 9, "'rumour' is none of vendor, vendor-quoted"),
        ("day: 2023-11-13", "on: 2023-11-13", 8, "Expected `str`"),  # YAML reads the key as true
        ("accounts:\n  - said_by: page", "accounts:\n  - said_by: paper", 11, "no reference 'paper'; there are: page"),
        ("21:11, said_by: page", "21:11, said_by: paper", 17, "no reference 'paper'"),
        ("start: 2023-11-12 17:39", "start: 2023-11-12T17:39", 14, "is not like 2023-11-12 17:44"),
        ("start: 2023-11-12 17:39", "start: 2023-11-31 17:39", 14, "no such time as 2023-11-31 17:39"),
        ("end: 2023-11-12 21:11", "end: 2023-11-12 17:11", 15, "2023-11-12 17:11 is before the start"),
        ("    regions: all", "    except: [cn-beijing]", 12, "'except' takes away from 'regions: all' only"),
        ("    start: 2023-11-12 17:39\n    end: 2023-11-12 21:11\n", "", 11, "a start, an end, or both"),
        ("key:", "postmortem: {published: true}\nkey:", 2, "no web address"),
        ("key:", "postmortem: {published: false}\nkey:", 2, "'as_of'"),
    ],
)
def test_a_wrong_file_is_refused_with_its_line(write: Write, old: str, new: str, line: int, message: str) -> None:
    assert old in GOOD
    path = write(GOOD.replace(old, new, 1))
    with pytest.raises(LandmarkError) as caught:
        load_file(path)
    assert str(caught.value).startswith(f"{path}:{line}: ")
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("moment", "message"),
    [("2021-03-14 02:30", "does not exist"), ("2021-11-07 01:30", "is ambiguous")],
)
def test_times_the_clocks_skip_or_repeat_are_refused(write: Write, moment: str, message: str) -> None:
    text = GOOD.replace("Asia/Shanghai", "America/Los_Angeles").replace("2023-11-12 17:39", moment)
    path = write(text)
    with pytest.raises(LandmarkError, match=message) as caught:
        load_file(path)
    assert str(caught.value).startswith(f"{path}:14: ")
    assert "accounts.0.start" in str(caught.value)


def test_one_incident_stands_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(GOOD)
    (tmp_path / "b.yml").write_text(GOOD)
    with pytest.raises(LandmarkError, match=r"b\.yml:2: '99' stands in a\.yml already"):
        load(tmp_path)


def test_shipped_directory_is_the_projects() -> None:
    assert SHIPPED.is_dir()
