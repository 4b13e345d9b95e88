"""Scrapy settings, each with its reason. The clock, the sources and the paths come from the round."""

from __future__ import annotations

from crawler.polling.heads import BoundedHeads

BOT_NAME = "outages"
SPIDER_MODULES = ["crawler.polling.spider"]

# Polite: one request at a time to a host, a pause between two, robots.txt obeyed. A source may lengthen its
# pause, and may leave robots.txt aside only with a reason, in the catalog.
ROBOTSTXT_OBEY = True
# Places: between 32 and 256 of them a round of live hosts takes the same time (bench/poll.py), but a dead host holds one
# for the whole timeout. Of 2,000 hosts 2 % hold 40 places for 30 s: a sixth of what 128 places can do in a minute.
CONCURRENT_REQUESTS = 128
# A name is looked up in a thread. There is one for each place, and a lookup ends long before its request does: so names
# whose servers are slow do not keep others from being looked up.
REACTOR_THREADPOOL_MAXSIZE = CONCURRENT_REQUESTS
DNS_TIMEOUT = 10
CONCURRENT_REQUESTS_PER_DOMAIN = 1
DOWNLOAD_DELAY = 1.0
DOWNLOAD_DELAY_JITTER = 0

# An archive rests on whom it talked to, and must survive whatever is sent.
DOWNLOAD_VERIFY_CERTIFICATES = True
DOWNLOAD_MAXSIZE = 32 * 1024 * 1024
DOWNLOAD_WARNSIZE = 0
DOWNLOAD_HANDLERS = {"http": BoundedHeads, "https": BoundedHeads}
REDIRECT_MAX_TIMES = 5

# What stands between us and the pages is listed here, whole, rather than switched off where it is not wanted: a new
# version of Scrapy must add nothing unasked. (2.19 added a server that runs the code it is sent.)
#
# One look is one observation. So a failure is written down, not retried until it looks better; an error page that
# reloads itself is what was published; no cookie makes us known again; Scrapy's own cache, which would hand back the old
# page on a 503, is not there: validators are kept in captures.db instead. Answers of every status reach the spider.
EXTENSIONS_BASE: dict[str, int] = {}
SPIDER_MIDDLEWARES_BASE = {"scrapy.spidermiddlewares.referer.RefererMiddleware": 700}  # that of redirects asks for it
DOWNLOADER_MIDDLEWARES_BASE = {
    "crawler.polling.guard.PublicRedirects": 50,  # before robots.txt is asked for
    "crawler.polling.robots.KeptRobots": 100,  # in the place of Scrapy's
    "scrapy.downloadermiddlewares.downloadtimeout.DownloadTimeoutMiddleware": 350,
    "scrapy.downloadermiddlewares.defaultheaders.DefaultHeadersMiddleware": 400,
    "scrapy.downloadermiddlewares.useragent.UserAgentMiddleware": 500,
    "scrapy.downloadermiddlewares.httpcompression.HttpCompressionMiddleware": 590,
    "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": 600,
    "scrapy.downloadermiddlewares.httpproxy.HttpProxyMiddleware": 750,
    "crawler.polling.spider.Stopwatch": 1000,
}
ITEM_PIPELINES = {"crawler.polling.poller.KeepCaptures": 100}

# To warn of callbacks that return a value, Scrapy opens the file they stand in: with few descriptors left an answer would
# be lost by that, which has come already.
WARN_ON_GENERATOR_RETURN_VALUE = False
LOG_LEVEL = "WARNING"
