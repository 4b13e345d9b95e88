"""Scrapy settings, each with its reason. The clock, the sources and the paths come from the round."""

from __future__ import annotations

BOT_NAME = "outages"
SPIDER_MODULES = ["crawler.polling.spider"]

# Polite: one request at a time to a host, a pause between two, robots.txt obeyed. A source may lengthen its
# pause, and may leave robots.txt aside only with a reason, in the catalog.
ROBOTSTXT_OBEY = True
# Places: between 32 and 256 of them a round of live hosts takes the same time (bench/poll.py), but a dead host holds one
# for the whole timeout. Of 2,000 hosts 2 % hold 40 places for 30 s: a sixth of what 128 places can do in a minute.
CONCURRENT_REQUESTS = 128
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0
DOWNLOAD_DELAY_JITTER = 0

# An archive rests on whom it talked to, and must survive whatever is sent.
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
REDIRECT_MAX_TIMES = 5
METAREFRESH_ENABLED = False  # an error page that reloads itself is what was published
COOKIES_ENABLED = False

# One look is one observation: a failure is written down, not retried until it looks better; and Scrapy's own
# cache would hand back the old page on a 503, so the validators are kept in captures.db instead.
RETRY_ENABLED = False
HTTPCACHE_ENABLED = False

DOWNLOADER_MIDDLEWARES = {
    "crawler.polling.guard.PublicRedirects": 50,  # before robots.txt is asked for
    "scrapy.downloadermiddlewares.robotstxt.RobotsTxtMiddleware": None,
    "crawler.polling.robots.KeptRobots": 100,  # in its place
    "crawler.polling.spider.Stopwatch": 1000,
}
ITEM_PIPELINES = {"crawler.polling.poller.KeepCaptures": 100}

TELNETCONSOLE_ENABLED = False
LOG_LEVEL = "WARNING"
