"""Times in words: what windows a message states, in English, Chinese, Japanese and Korean.

    windows("Between 10:26 AM and 2:40 PM PST we ...", posted_at, Zones("UTC", {"PST": "America/Los_Angeles"}))

Deterministic: rules over tokens, nothing learnt, no clock of the machine. It prefers to say nothing:
times of updates to come, of steps of the repair and of backlogs give no window, and a time that cannot be
is returned with the reason in `suspect`. `read` also tells which zone abbreviations the source leaves
unexplained; a time in such a zone is never guessed.

zones.py    what zone words mean; wall clocks to UTC
lexer.py    clocks, dates, days and zones in a text
phrases.py  moments, and which two are a range
days.py     the missing date, year and half of the day
cues.py     the words around a time: start, end, plan, repair
joining.py  which starts and ends go together
reading.py  windows of a text
"""

from crawler.clock.reading import Context, Reading, Window, goes_on, read, windows
from crawler.clock.zones import Zone, Zones

__all__ = ["Context", "Reading", "Window", "Zone", "Zones", "goes_on", "read", "windows"]
