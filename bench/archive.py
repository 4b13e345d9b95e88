"""How fast captures become rows: import and rebuild of one file of capture lines, beside a floor in the same run.

    python bench/archive.py FILE.jsonl.xz [...]

The floor decompresses, hashes and parses the same bodies and does nothing else. Times are CPU seconds of one
process, as the machine may be busy with other things; memory is the peak of the child that did the work.
"""

from __future__ import annotations

import hashlib
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

WORK = ("floor", "import", "rebuild")


def floor(path: Path) -> int:
    """Decompress, hash, parse."""
    from xml.etree import ElementTree

    import msgspec

    from crawler.captures.lines import BadLine, read

    count = 0
    for item in read(path):
        assert not isinstance(item, BadLine), item
        body = item.body or b""
        hashlib.sha256(body).digest()
        try:
            msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
        except msgspec.DecodeError:
            if body.lstrip().startswith(b"<"):
                ElementTree.fromstring(body)
        count += 1
    return count


def take(path: Path, data: Path) -> int:
    """Import as `outages import` does."""
    from crawler.archive import Archive, chunks
    from crawler.captures import Captures
    from crawler.captures.imports import from_lines
    from crawler.catalog import load
    from crawler.records import Capture

    catalog = load()
    captures = Captures(data / "captures.db")
    count = 0
    for chunk in chunks(item for item in from_lines(path, catalog, None) if isinstance(item, Capture)):
        count += captures.add(chunk)
    Archive(data / "outages.db", catalog).catch_up(captures)
    return count


def again(data: Path) -> int:
    """Rebuild as `outages rebuild` does."""
    from crawler.archive import Archive
    from crawler.captures import Captures
    from crawler.catalog import load

    report = Archive(data / "outages.db", load()).rebuild(Captures(data / "captures.db"))
    return sum(report.outcomes.values())


def measured(work: Callable[[], int]) -> str:
    """Captures, CPU seconds and peak megabytes of one piece of work in this process."""
    began = time.process_time()
    count = work()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return f"{count} {time.process_time() - began:.3f} {peak:.0f}"


def main() -> None:
    """Each piece of work in a process of its own."""
    if sys.argv[1] == "--child":
        name, path, data = sys.argv[2], Path(sys.argv[3]), Path(sys.argv[4])
        children: dict[str, Callable[[], int]] = {
            "floor": lambda: floor(path), "import": lambda: take(path, data), "rebuild": lambda: again(data),
        }  # fmt: skip
        print(measured(children[name]))
        return
    print(f"{'file':28} {'work':8} {'captures':>8} {'seconds':>8} {'per s':>7} {'MB':>5} {'x floor':>8}")
    for file in map(Path, sys.argv[1:]):
        with tempfile.TemporaryDirectory() as data:
            base = 0.0
            for name in WORK:
                out = subprocess.run(
                    [sys.executable, __file__, "--child", name, str(file), data],
                    check=True,
                    capture_output=True,
                    text=True,
                ).stdout.split()
                count, seconds, peak = int(out[0]), float(out[1]), out[2]
                base = base or seconds
                stem = file.name.partition(".")[0]
                print(
                    f"{stem:28} {name:8} {count:8} {seconds:8.2f} {count / seconds:7.0f} {peak:>5} {seconds / base:8.2f}"
                )


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
