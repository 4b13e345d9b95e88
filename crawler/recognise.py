"""Which platform a status page is on: its well-known addresses are asked, and the reader that understands the
answers decides. Answering at a Statuspage address is not enough, since others imitate those addresses.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from crawler import poller
from crawler.captures import Captures
from crawler.catalog import Catalog, Source, load_vendor
from crawler.records import Capture, Page, Unreadable
from spiders import PLATFORMS, platform, reader

_ID = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class NotRecognisedError(Exception):
    """No reader understands what is published there, or its name is taken; the message says what was tried."""


class Found(msgspec.Struct, frozen=True):
    """A recognised page: the sources that answered, and what the first of them says now."""

    vendor: str
    name: str
    url: str
    platform: str
    sources: tuple[Source, ...]
    page: Page


def recognise(url: str, vendor: str | None, data: Path, known: Catalog, contact: str | None = None) -> Found:
    """Ask the page, once and politely, unless `known` has the vendor. What could be read is kept in `data`."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
    except ValueError as error:
        raise NotRecognisedError(f"{url}: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise NotRecognisedError(f"{url}: not an http(s) address")
    root = f"{parts.scheme}://{parts.netloc}"
    vendor = vendor or vendor_id(parts.hostname)
    tried: list[str] = []
    probes = {name: find(root, "") for name in PLATFORMS if (find := platform(name).find)}
    sources = [
        Source(id=f"{vendor}-{name}", vendor=vendor, platform=product, url=address, delay=0.5)
        for product, addresses in probes.items()
        for name, address in addresses.items()
    ]
    _refuse_taken(vendor, sources, known)
    answers: dict[tuple[str, str], Capture] = {}  # two platforms may give their sources one name
    with tempfile.TemporaryDirectory() as scratch:
        poller.run(
            sources,
            Path(scratch) / "captures.db",
            contact=contact,
            told=lambda c: answers.__setitem__((c.source, c.url), c),
        )
    for product, addresses in probes.items():
        read: list[tuple[Source, Page]] = []
        for source in (s for s in sources if s.platform == product):
            problem, page = _read(answers.get((source.id, source.url)), source)
            if page is not None:
                read.append((source, page))
            else:
                tried.append(f"{source.url}: {problem}")
        if read and read[0][0].id == f"{vendor}-{next(iter(addresses))}":
            captures = Captures(data / "captures.db")
            captures.add([answers[source.id, source.url] for source, _ in read])
            captures.close()
            first = answers[read[0][0].id, read[0][0].url]
            name = platform(product).about(first).name or vendor
            return Found(vendor, name, root, product, tuple(source for source, _ in read), read[0][1])
    raise NotRecognisedError("no platform recognised; tried\n  " + "\n  ".join(tried))


def _refuse_taken(vendor: str, sources: Iterable[Source], known: Catalog) -> None:
    """Nothing may be asked, or kept, under the name of another."""
    if not _ID.fullmatch(vendor):
        raise NotRecognisedError(f"{vendor!r} is no id: small letters, digits and single hyphens; name another --id")
    if vendor in known.vendors:
        raise NotRecognisedError(f"{vendor} is in the catalog already; name another --id")
    for source in sources:
        if source.id in known.sources:
            other = known.sources[source.id].vendor
            raise NotRecognisedError(f"{other} has a source {source.id} already; name another --id")


def _read(capture: Capture | None, source: Source) -> tuple[str, Page | None]:
    if capture is None:
        return "no answer", None
    if capture.status != 200:
        return capture.error or f"HTTP {capture.status}", None
    try:
        return "", reader(source.platform)(capture, source)
    except Unreadable as error:
        return str(error), None


def vendor_id(host: str) -> str:
    """A short name from a host: `status.example.com` and `www.examplestatus.com` become `example`."""
    labels = [label for label in host.lower().split(".") if label not in ("www", "status", "statuspage", "io", "com")]
    name = re.sub(r"[^a-z0-9]+", "-", labels[0] if labels else host.lower()).strip("-")
    return re.sub(r"-?status$", "", name) or name


def write(found: Found, directory: Path) -> Path:
    """Write the catalog file of a page that is not in the catalog yet, and check that it loads."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{found.vendor}.yml"
    lines = [
        f"id: {_quoted(found.vendor)}",
        f"name: {_quoted(found.name)}",
        f"homepage: {_quoted(found.url)}",
        "sources:",
    ]
    for source in found.sources:
        lines += [f"  - id: {source.id}", f"    platform: {found.platform}", f"    url: {_quoted(source.url)}"]
    with path.open("x", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    load_vendor(path)
    return path


def _quoted(text: str) -> str:
    return msgspec.json.encode(text).decode()
