"""Azure's reader over real responses kept beside the project; its shapes are in tests/fixtures/azure."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from crawler.catalog import SHIPPED, Source, load_vendor
from crawler.places import Gazetteer, Named, subject
from crawler.records import OVER, Capture, Page, Severity, State, Unreadable
from spiders.azure import PLATFORM, read

SOURCE = Source(id="azure", platform="azure", url="https://azure.status.microsoft/en-us/status/feed/")


def page(body: bytes) -> Page:
    fetched_at = datetime(2026, 8, 1, tzinfo=UTC)
    return read(
        Capture(source=SOURCE.id, url=SOURCE.url, fetched_at=fetched_at, status=200, headers={}, body=body), SOURCE
    )


def test_the_walk_through_the_history() -> None:
    api = "https://azure.status.microsoft/en-us/statushistoryapi/?serviceSlug=all&regionSlug=all&startDate=all&page={}&shdrefreshflag=true"
    source = Source(id="azure-history-api", platform="azure", url=api.format(1))
    now = datetime(2026, 8, 1, tzinfo=UTC)

    def answered(url: str, body: str) -> Capture:
        return Capture(source=source.id, url=url, fetched_at=now, status=200, headers={}, body=body.encode())

    assert PLATFORM.history is not None
    (ask,) = PLATFORM.history(source, now)
    walked = [ask.url]
    while asks := list(
        PLATFORM.older(answered(walked[-1], '<input class="wa-historyResult-count" value="21"/>'), source)
    ):
        walked.append(asks[0].url)
    assert walked == [api.format(number) for number in (1, 2, 3)]
    assert not PLATFORM.older(answered(walked[0], "<html>"), source)
    assert not PLATFORM.older(answered(walked[0], ""), source)
    assert not PLATFORM.history(SOURCE, now)
    behind = answered(api.format(4), '<input class="wa-historyResult-count" value="21"/>')
    assert read(behind, source) == Page()
    with pytest.raises(Unreadable):
        read(msgspec.structs.replace(behind, url=api.format(3)), source)


def captured(shared: Path, name: str) -> Page:
    return page((shared / "captures" / "azure" / name).read_bytes())


def test_an_empty_feed_is_quiet(shared: Path) -> None:
    assert captured(shared, "feed_2026-08-01_empty.xml") == Page(open_only=True)


def test_an_incident_keeps_its_key_while_its_text_grows(shared: Path) -> None:
    first = captured(shared, "feed_2026-07-23T1649Z_westus_active.xml")
    later = captured(shared, "feed_2026-07-23T1812Z_westus_active.xml")
    assert not first.signals
    assert not later.signals
    (before,), (after,) = first.incidents, later.incidents
    assert before.key == after.key == "issues-connecting-to-resources-in-west-us-20260723"
    assert before.first_posted_at == after.first_posted_at == datetime(2026, 7, 23, 16, 29, 9, tzinfo=UTC)
    assert before.updates[0].text != after.updates[0].text
    assert [len(before.impacts), len(after.impacts)] == [2, 15]
    assert before.state is after.state is None


def test_both_generations_of_history_blocks(shared: Path) -> None:
    history = captured(shared, "status_history_blocks.html")
    assert not history.signals
    assert not any(incident.updates[0].posted_at for incident in history.incidents), "nobody says when it was posted"
    with_day = [incident for incident in history.incidents if incident.day]
    assert (len(with_day), len(history.incidents) - len(with_day)) == (60, 4)
    for incident in history.incidents:
        assert incident.state in OVER
        assert incident.service_text is incident.region_text is None  # titles are read by crawler.places
        assert not incident.title.endswith(")") or "Tracking ID" not in incident.title
        assert "<p" not in incident.updates[0].text
    titled = sum("RCA" in i.title or "(PIR)" in i.title for i in history.incidents)
    assert titled == sum(i.state is State.POSTMORTEM for i in history.incidents)


def test_the_labelled_history(shared: Path) -> None:
    (line,) = (shared / "labels" / "azure.captures.jsonl").read_text().splitlines()
    history = page(json.loads(line)["body"].encode())
    with (shared / "labels" / "azure.labels.csv").open(newline="") as file:
        labels = {row["key"]: row for row in csv.DictReader(file)}
    assert not history.signals
    assert {incident.key for incident in history.incidents} == labels.keys()
    places = Gazetteer(load_vendor(SHIPPED / "azure.yml"))
    found = [(labels[i.key], subject(places, i.title, i.updates[0].text)) for i in history.incidents]
    assert sum(_labelled(about.services, "services") == row["service_name"].lower() for row, about in found) >= 25
    assert sum(_labelled(about.regions, "regions") == row["location"].lower() for row, about in found) >= 24


def _labelled(names: tuple[Named, ...], kind: str) -> str:
    """What the labels say of these names: the first, more than two as many, none as unknown."""
    words = list(dict.fromkeys(name.words for name in names)) or ["unknown"]
    return f"multiple {kind}" if len(words) > 2 else words[0].lower()


def test_the_region_table(shared: Path) -> None:
    table = captured(shared, "status_page_before-2024-01.html")
    assert [(c.component.name, c.component.group, c.severity) for c in table.components] == [
        ("Azure Monitor", "Non-Regional", Severity.OPERATIONAL)
    ]
    # Its one row has a cell more than the table has regions.
    assert [(signal.kind, signal.where) for signal in table.signals] == [("bad-value", "region-status-table.row")]


def test_the_page_of_azure_devops_is_another_platform(shared: Path) -> None:
    with pytest.raises(Unreadable):
        captured(shared, "azure_devops_status_page_before-2024-01.html")


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_feed_or_page_that_is_cut_off_is_refused(shared: Path, part: float) -> None:
    for path in sorted((shared / "captures" / "azure").iterdir()):
        body = path.read_bytes()
        with pytest.raises(Unreadable):
            page(body[: int(len(body) * part)])
