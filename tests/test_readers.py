"""One test over all fixtures: `tests/fixtures/<platform>/<case>/`.

A case holds `capture.json` (how the response came, and the settings of its source), the body in the
one file named `body.*`, and `expected.json`, the page the reader must make of it, or `exception.txt`,
a piece of the message with which it must refuse. A missing expectation is written, and the test fails
once so that somebody reviews it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from crawler.catalog import Source
from crawler.records import Capture, Page, Unreadable, instant
from spiders import PLATFORMS, reader

FIXTURES = Path(__file__).parent / "fixtures"
CASES = sorted(path.parent for path in FIXTURES.glob("*/*/capture.json"))


def load(case: Path) -> tuple[Capture, Source]:
    """The capture and the source of one case."""
    info: dict[str, Any] = json.loads((case / "capture.json").read_text())
    (body,) = case.glob("body.*")
    source = msgspec.convert({"platform": case.parent.name, "url": info["url"], **info["source"]}, Source)
    capture = Capture(
        source=source.id,
        url=info["url"],
        fetched_at=instant(info["fetched_at"]),
        status=info.get("status", 200),
        headers=info.get("headers", {}),
        body=body.read_bytes(),
    )
    return capture, source


def prune(value: Any) -> Any:
    """JSON without the fields that say nothing."""
    if isinstance(value, dict):
        return {k: prune(v) for k, v in value.items() if v is not False and v not in (None, [], {})}
    return [prune(v) for v in value] if isinstance(value, list) else value


def shape(page: Page) -> Any:
    """The page as JSON, without the fields that say nothing."""
    return prune(json.loads(msgspec.json.encode(page)))


@pytest.mark.parametrize("case", CASES, ids=lambda p: f"{p.parent.name}/{p.name}")
def test_reader(case: Path) -> None:
    capture, source = load(case)
    read = reader(source.platform)
    refusal = case / "exception.txt"
    if refusal.exists():
        with pytest.raises(Unreadable) as caught:
            read(capture, source)
        assert refusal.read_text().strip() in str(caught.value)
        return
    page = shape(read(capture, source))
    expected = case / "expected.json"
    if not expected.exists():
        expected.write_text(json.dumps(page, ensure_ascii=False, indent=1) + "\n")
        pytest.fail(f"{expected} was missing and has been written: review it, then run again")
    assert page == prune(json.loads(expected.read_text()))


@pytest.mark.parametrize("platform", PLATFORMS)
def test_every_platform_has_fixtures(platform: str) -> None:
    cases = [case for case in CASES if case.parent.name == platform]
    assert any((case / "expected.json").exists() for case in cases), "no fixture that is read"
    assert any((case / "exception.txt").exists() for case in cases), "no fixture that is refused"
