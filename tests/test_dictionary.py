"""The data dictionary: the document that ships, the page, and that both say what is there."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from sqlite_utils import Database

from crawler.schema import make_views, migrations
from crawler.site import described, dictionary
from crawler.site.dictionary import Dictionary, describe, fresh, markdown
from crawler.site.server import opened
from tests.published import get

ABOUT = described()

#: What others rely on: add to it freely, rename nothing.
CONTRACT = {
    "vendors": "id name homepage",
    "regions": "vendor id key name local_name city country latitude longitude",
    "services": "vendor id key name local_name category",
    "sources": "id vendor platform url authority timezone last_polled_at last_changed_at last_outcome",
    "incidents": "id vendor key source title url kind severity severity_text state service_text region_text started_at ended_at "
    "minutes start_basis end_basis first_posted_at resolved_posted_at first_seen_at last_seen_at vanished_at linked_to cause "
    "cause_category",
    "updates": "id incident position posted_at state text first_seen_at removed_at",
    "revisions": "id incident update_id seen_at field before after",
    "claims": "id incident source authority region service region_text service_text severity started_at ended_at basis "
    "timezone_text quote suspect",
    "outages": "id incident vendor region service severity started_at ended_at minutes start_basis end_basis",
    "polls": "id source polled_at outcome http_status capture bytes milliseconds error",
    "recovery_order": "incident service region recovered_at minutes rank",
    "disclosure": "incident started_at first_posted_at lag_minutes edits_after_resolved postmortem_days",
    "availability_by_month": "vendor region service month down_minutes watched_minutes availability",
    "conflicting_claims": "",
}


@pytest.fixture(scope="module")
def made() -> Dictionary:
    return fresh()


def test_the_document_is_what_schema_and_descriptions_make(made: Dictionary) -> None:
    assert dictionary.FILE.read_text(encoding="utf-8") == markdown(made), "run python -m crawler.site.dictionary"


def test_check_fails_on_anything_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(dictionary, "FILE", tmp_path / "dictionary.md")
    assert dictionary.main(["--check"]) == 1
    assert "run python -m crawler.site.dictionary" in capsys.readouterr().err
    assert dictionary.main([]) == 0
    assert dictionary.main(["--check"]) == 0
    (tmp_path / "dictionary.md").write_text("# Another\n")
    assert dictionary.main(["--check"]) == 1


def test_everything_that_others_rely_on_is_described(made: Dictionary) -> None:
    tables = {table.name: table for table in made.tables}
    for name, columns in CONTRACT.items():
        described = {column.name: column.description for column in tables[name].columns}
        assert tables[name].description
        assert not tables[name].hidden, name
        assert all(described[column] for column in columns.split()), name


def test_keys_references_and_indexes_are_those_of_the_schema(made: Dictionary) -> None:
    tables = {table.name: table for table in made.tables}
    regions = {column.name: column for column in tables["regions"].columns}
    assert (regions["vendor"].key, regions["id"].key, regions["name"].key) == (1, 2, 0)
    assert regions["vendor"].references == "vendors.id"
    assert regions["vendor"].required
    assert not regions["city"].required
    indexes = {index.name: index for index in tables["incidents"].indexes}
    assert indexes["incidents_started"].columns == ("started_at desc", "id")
    assert indexes["incidents_linked"].where == "linked_to is not null"
    assert indexes["incidents_search"].unique
    assert not indexes["incidents_started"].unique
    assert tables["recovery_order"].kind == "view"
    assert not any(table.indexes for table in tables.values() if table.kind == "view")


def test_an_older_archive_has_the_part_it_has() -> None:
    db = Database(memory=True)
    migrations.apply(db, stop_before="questions")
    make_views(db)
    older = describe(db.conn, ABOUT["databases"]["outages"])
    assert {table.name for table in older.tables} < {table.name for table in fresh().tables}
    assert "incidents" in {table.name for table in older.tables}


def test_the_page_says_the_same(tmp_path: Path, made: Dictionary) -> None:
    db = Database(tmp_path / "outages.db")
    migrations.apply(db)
    make_views(db)
    db.close()
    site = opened(tmp_path / "outages.db")

    page, data = get(site, "/-/dictionary"), get(site, "/-/dictionary.json")
    assert (page.status_code, data.status_code) == (200, 200)
    told = json.loads(data.text)
    assert [table["name"] for table in told["tables"]] == [table.name for table in made.tables]
    assert [question["name"] for question in told["questions"]] == [question.name for question in made.questions]
    assert told["tables"][0]["columns"][0]["description"] == made.tables[0].columns[0].description
    ids = re.findall(r' id="([^"]+)"', page.text)
    assert len(ids) == len(set(ids)), "an address within the page leads to two places"
    for table in made.tables:
        assert {table.name, *(f"{table.name}.{column.name}" for column in table.columns)} <= set(ids)
    for target in re.findall(r'href="#([^"]+)"', page.text):
        assert target in ids, f"#{target} leads nowhere"
    for question in made.questions:
        assert f'href="/outages/{question.name}"' in page.text
