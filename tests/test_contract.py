"""The tables, columns, views and commands that others rely on: added to freely, never renamed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from crawler.archive import Archive
from crawler.captures import Captures
from crawler.catalog import load
from crawler.commands import main

COLUMNS = {
    "vendors": "id name homepage",
    "regions": "vendor id key name local_name city country latitude longitude",
    "services": "vendor id key name local_name category",
    "sources": "id vendor platform url authority timezone last_polled_at last_changed_at last_outcome",
    "incidents": """id vendor key source title url kind severity severity_text state service_text region_text started_at
        ended_at minutes start_basis end_basis first_posted_at resolved_posted_at first_seen_at last_seen_at vanished_at
        linked_to cause cause_category""",
    "updates": "id incident position posted_at state text first_seen_at removed_at",
    "revisions": "id incident update_id seen_at field before after",
    "claims": """id incident source authority region service region_text service_text severity started_at ended_at basis
        timezone_text quote suspect""",
    "outages": "id incident vendor region service severity started_at ended_at minutes start_basis end_basis",
    "polls": "id source polled_at outcome http_status capture bytes milliseconds error",
    "recovery_order": "incident service region recovered_at minutes rank",
    "disclosure": "incident started_at first_posted_at lag_minutes edits_after_resolved postmortem_days",
    "availability_by_month": "vendor region service month down_minutes watched_minutes availability",
    "conflicting_claims": "incident service region",
}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Archive:
    """What ships, and nothing else."""
    data: Path = tmp_path_factory.mktemp("shipped")
    made = Archive(data / "outages.db", load())
    made.catch_up(Captures(data / "captures.db"))
    return made


@pytest.mark.parametrize("name", COLUMNS)
def test_columns(archive: Archive, name: str) -> None:
    cursor = archive.conn.execute(f"select * from [{name}] limit 1")
    assert set(COLUMNS[name].split()) <= {column[0] for column in cursor.description}


@pytest.mark.parametrize("command", ["poll", "import", "rebuild", "serve", "sources", "add", "health", "export"])
def test_commands(command: str) -> None:
    result = CliRunner().invoke(main, [command, "--help"])
    assert result.exit_code == 0
    assert "--data" in result.output


def rank(archive: Archive, incident: str, service: str) -> list[tuple[str, set[str]]]:
    """Waves of recovery: when, and which regions."""
    waves: dict[str, set[str]] = {}
    for region, at in archive.conn.execute(
        "select region, recovered_at from recovery_order where incident = ? and service = ? order by rank, region",
        (incident, service),
    ):
        waves.setdefault(at, set()).add(region)
    return list(waves.items())


@pytest.mark.parametrize(
    ("service", "first", "others"),
    [
        ("console", "2023-11-12T10:54:00Z", "2023-11-12T11:43:00Z"),
        ("api", "2023-11-12T10:54:00Z", "2023-11-12T11:43:00Z"),
        ("mq", "2023-11-12T12:12:00Z", "2023-11-12T13:11:00Z"),
    ],
)
def test_alibaba_hangzhou_and_beijing_first(archive: Archive, service: str, first: str, others: str) -> None:
    waves = rank(archive, "alibaba:16", service)
    assert [at for at, _ in waves] == [first, others]
    assert waves[0][1] == {"cn-hangzhou", "cn-beijing"}
    assert len(waves[1][1]) > 30
    assert {"cn-shanghai", "ap-south-1", "cn-hangzhou-finance"} <= waves[1][1]


def test_tencent_shanghai_last(archive: Archive) -> None:
    waves = rank(archive, "tencent:2024-04-08-api", "api")
    assert [at for at, _ in waves] == ["2024-04-08T08:05:00Z", "2024-04-08T08:45:00Z"]
    assert waves[1][1] == {"ap-shanghai"}
    assert len(waves[0][1]) == 20


def test_google_2025_06_12_has_its_corrected_start(archive: Archive) -> None:
    found = archive.conn.execute("select started_at from incidents where id = 'gcp:ow5i3PPK96RduMcb1SsW'").fetchone()
    assert found == ("2025-06-12T17:51:00Z",)


def test_conflicting_accounts_stand_side_by_side(archive: Archive) -> None:
    starts = archive.conn.execute(
        "select earlier, later, minutes_apart from conflicting_claims where incident = 'alibaba:16' and bound = 'start'"
    ).fetchall()
    assert ("2023-11-12T09:39:00Z", "2023-11-12T09:44:00Z", 5.0) in starts
    leaked = archive.conn.execute(
        "select count(*) from conflicting_claims where incident like 'tencent:%' and 'leak' in (earlier_authority, later_authority)"
    ).fetchone()
    assert leaked[0] > 0


def test_post_mortems(archive: Archive) -> None:
    days, none_by = archive.conn.execute(
        "select postmortem_days, no_postmortem_by from disclosure where incident = 'tencent:2024-04-08-api'"
    ).fetchone()
    assert round(days) == 6
    assert none_by is None
    days, none_by = archive.conn.execute(
        "select postmortem_days, no_postmortem_by from disclosure where incident = 'alibaba:16'"
    ).fetchone()
    assert days is None
    assert none_by > "2024-01"
