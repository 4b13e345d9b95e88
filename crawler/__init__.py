"""Between a response and a row: catalog, captures, records, archive, timeline, clock, places."""
