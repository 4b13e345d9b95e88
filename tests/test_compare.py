"""`outages rebuild --diff` shows what a change would do, and does nothing."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from click.testing import CliRunner

from crawler.catalog import SHIPPED
from crawler.commands import main


def archive(data: Path, catalog: Path) -> None:
    page = {
        "page": {"id": "ppppqqqqrrrr", "name": "GitHub", "url": "https://www.githubstatus.com", "time_zone": "Etc/UTC",
                 "updated_at": "2026-02-01T00:00:00Z"},
        "incidents": [{
            "id": "bcdfghjklmnp", "name": "Slow", "status": "investigating", "impact": "major",
            "created_at": "2026-02-01T10:00:00Z", "updated_at": "2026-02-01T10:00:00Z",
            "started_at": "2026-02-01T10:00:00Z", "monitoring_at": None, "resolved_at": None, "shortlink": "https://stspg.io/x",
            "page_id": "ppppqqqqrrrr", "components": [], "reminder_intervals": None,
            "incident_updates": [{
                "id": "u1u1u1u1u1u1", "status": "investigating", "body": "It is slow.", "incident_id": "bcdfghjklmnp",
                "created_at": "2026-02-01T10:00:00Z", "updated_at": "2026-02-01T10:00:00Z",
                "display_at": "2026-02-01T10:00:00Z", "deliver_notifications": True,
                "affected_components": [{"code": "zzzzyyyyxxxx", "name": "Teapots", "old_status": "operational",
                                         "new_status": "major_outage"}],
            }],
        }],
    }  # fmt: skip
    line = {"source": "github-incidents", "url": "https://www.githubstatus.com/api/v2/incidents.json",
            "fetched_at": "2026-02-01T10:05:00Z", "status": 200, "body": json.dumps(page)}  # fmt: skip
    data.mkdir()
    (data / "line.jsonl").write_text(json.dumps(line) + "\n")
    run(data, catalog, "import", str(data / "line.jsonl"))


def run(data: Path, catalog: Path, *arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, [*arguments, "--data", str(data), "--catalog", str(catalog)])
    assert result.exit_code == code, result.output
    return result.output


def digest(data: Path) -> str:
    return hashlib.sha256((data / "outages.db").read_bytes()).hexdigest()


def test_nothing_would_change(tmp_path: Path) -> None:
    archive(tmp_path / "data", SHIPPED)
    assert "would change nothing" in run(tmp_path / "data", SHIPPED, "rebuild", "--diff")


def test_what_a_changed_catalog_would_change(tmp_path: Path) -> None:
    catalog = tmp_path / "catalog"
    shutil.copytree(SHIPPED, catalog)
    data = tmp_path / "data"
    archive(data, catalog)
    before = digest(data)
    with (catalog / "github.yml").open("a", encoding="utf-8") as file:
        file.write("  - {id: teapots, name: Teapots, category: other, key: zzzzyyyyxxxx}\n")
    said = run(data, catalog, "rebuild", "--diff", code=3)
    assert "service: 'zzzzyyyyxxxx' → 'teapots'" in said
    assert "outages: 1 rows would change" in said
    assert digest(data) == before
    run(data, catalog, "rebuild")
    assert "would change nothing" in run(data, catalog, "rebuild", "--diff")


def test_there_must_be_something_to_compare_with(tmp_path: Path) -> None:
    assert "nothing to compare with" in run(tmp_path, SHIPPED, "rebuild", "--diff", code=1)
