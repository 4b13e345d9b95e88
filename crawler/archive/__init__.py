"""The archive: every capture read once, in order, into `outages.db`.

Incremental work and a rebuild give the same rows, because each table depends only on the captures:

- what one address showed (`polls`, `versions`, `sightings`, `signals`) on the captures of its source in the order
  they were fetched (`intake`); when an older one turns up, the source is read again from the beginning;
- the rows of one incident on its versions and the catalog (`rows`), and nothing else;
- availability on polls and outages (`availability`);
- names, regions, services and landmark incidents on what people maintain (`shipped`).
"""

from crawler.archive.intake import CHUNK, Archive, MissingCapturesError, Report, chunks

__all__ = ["CHUNK", "Archive", "MissingCapturesError", "Report", "chunks"]
