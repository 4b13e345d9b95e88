"""RSS and Atom in one shape: what is in an entry, what is refused, and what is reported."""

from __future__ import annotations

from pathlib import Path

import pytest

from crawler.reading.feeds import Entry, Feed, looks_like_one, read
from crawler.records import Signal, Unreadable

BASE = "https://status.northwind.example/feed.xml"


def parsed(text: str | bytes, *, signals: list[Signal] | None = None, **settings: str) -> Feed:
    body = text.encode() if isinstance(text, str) else text
    return read(body, [] if signals is None else signals, base=BASE, **settings)


def rss(items: str, attributes: str = "") -> str:
    return f'<rss version="2.0" {attributes}><channel><title>N</title><link>/</link>{items}</channel></rss>'


def atom(entries: str, attributes: str = "") -> str:
    return f'<feed xmlns="http://www.w3.org/2005/Atom" {attributes}><title>N</title>{entries}</feed>'


def only(feed: Feed) -> Entry:
    (entry,) = feed.entries
    return entry


def test_an_item_of_rss() -> None:
    signals: list[Signal] = []
    feed = parsed(
        rss(
            """<generator>Hand</generator><ttl>5</ttl>
            <item><guid isPermaLink="false">7</guid><title>A &amp;amp; <![CDATA[<b>B</b>]]></title><link> /incidents/7 </link>
            <pubDate>Mon, 02 Mar 2026 10:00:00 GMT</pubDate><category>API</category><category/><author>x</author>
            <description>short</description><content:encoded><![CDATA[<p>long</p>]]></content:encoded></item>""",
            'xmlns:content="http://purl.org/rss/1.0/modules/content/"',
        ),
        signals=signals,
    )
    assert (feed.title, feed.link, feed.generator) == ("N", "https://status.northwind.example/", "Hand")
    assert only(feed) == Entry(
        id="7",
        link="https://status.northwind.example/incidents/7",
        title="A & B",
        published="Mon, 02 Mar 2026 10:00:00 GMT",
        updated="",
        content="<p>long</p>",
        summary="short",
        categories=("API",),
    )
    assert signals == []


def test_an_entry_of_atom() -> None:
    signals: list[Signal] = []
    feed = parsed(
        atom(
            """<subtitle>of N</subtitle><link rel="self" href="/feed"/><link href="https://n.example"/>
            <entry xml:base="https://n.example/x/"><id>urn:7</id><title type="html">A &amp;lt; B</title>
            <link rel="edit" href="e"/><link rel="alternate" href="7"/><published>2026-03-02T10:00:00Z</published>
            <updated>2026-03-02T11:00:00Z</updated><category term="api" label="API"/><summary>1 &lt; 2</summary></entry>"""
        ),
        signals=signals,
    )
    assert (feed.link, feed.description) == ("https://n.example", "of N")
    assert only(feed) == Entry(
        id="urn:7",
        link="https://n.example/x/7",
        title="A < B",
        published="2026-03-02T10:00:00Z",
        updated="2026-03-02T11:00:00Z",
        content="1 &lt; 2",
        summary="",
        categories=("API",),
    )
    assert signals == []


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<content type="html">&lt;b&gt;x&lt;/b&gt; &amp;amp;</content>', "<b>x</b> &amp;"),
        ('<content type="text">a &lt; b</content>', "a &lt; b"),
        ("<content>a &lt; b</content>", "a &lt; b"),
        (
            '<content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml">a<br/>b &amp; <a href="x?1&amp;2">c</a></div></content>',
            '<div>a<br>b &amp; <a href="x?1&amp;2">c</a></div>',
        ),
    ],
)
def test_a_text_construct_becomes_html(content: str, expected: str) -> None:
    assert only(parsed(atom(f"<entry><id>1</id>{content}</entry>"))).content == expected


def test_a_guid_that_is_an_address_is_the_link() -> None:
    address = "https://n.example/7"
    assert only(parsed(rss(f"<item><guid>{address}</guid></item>"))).link == address
    assert only(parsed(rss(f'<item><guid isPermaLink="false">{address}</guid></item>'))).link == ""
    assert only(parsed(rss("<item><guid>seven</guid></item>"))).link == ""


def test_all_of_rss_in_a_namespace_and_atom_within() -> None:
    entry = only(
        parsed(
            '<rss xmlns="http://backend.userland.com/rss2" xmlns:a="http://www.w3.org/2005/Atom"><channel>'
            '<item><title>x</title><a:link href="/7"/><a:updated>2026-03-02T10:00:00Z</a:updated></item></channel></rss>'
        )
    )
    assert (entry.title, entry.link, entry.updated) == (
        "x",
        "https://status.northwind.example/7",
        "2026-03-02T10:00:00Z",
    )


def test_what_is_not_known_is_reported_once() -> None:
    signals: list[Signal] = []
    text = rss(
        "<mood>grim</mood><item><title>t</title><s:title>other</s:title><s:state>bad</s:state></item>"
        "<item><s:state>good</s:state><m:thumbnail/></item>",
        'xmlns:s="https://n.example/s" xmlns:m="http://search.yahoo.com/mrss/"',
    )
    feed = parsed(text, signals=signals)
    assert [entry.title for entry in feed.entries] == ["t", ""]  # a stranger's title is none
    assert sorted(signals) == [
        Signal("unknown-field", "entry.state", "bad"),
        Signal("unknown-field", "entry.title", "other"),
        Signal("unknown-field", "feed.mood", "grim"),
    ]
    signals.clear()
    known = read(text.encode(), signals, extensions={"state"})
    assert [entry.extra for entry in known.entries] == [{"state": "bad"}, {"state": "good"}]
    assert [signal.where for signal in signals] == ["feed.mood", "entry.title"]


def test_encodings() -> None:
    text = '<?xml version="1.0" encoding="{}"?>' + rss("<item><title>已恢复</title></item>")
    for name in ("utf-8", "gb18030", "utf-16"):
        assert only(parsed(text.format(name).encode(name))).title == "已恢复"
    bare = rss("<item><title>已恢复</title></item>")
    assert only(parsed(b"\xef\xbb\xbf\n" + bare.encode())).title == "已恢复"
    assert only(parsed(bare.encode("gbk"), content_type='application/rss+xml; charset="GBK"')).title == "已恢复"
    for wrong in (text.format("utf-8").encode("gbk"), text.format("klingon").encode(), bare.encode("gbk")):
        with pytest.raises(Unreadable, match="a feed that is not"):
            parsed(wrong)


BOMB = (
    '<!DOCTYPE rss [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">'
    '<!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;">]>' + rss("<item><title>&d;</title></item>")
)
OUTSIDE = '<?xml version="1.0"?><!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + rss(
    "<item><title>&x;</title></item>"
)


@pytest.mark.parametrize("text", [BOMB, OUTSIDE, '<?xml version="1.0"?><!DOCTYPE rss [ ]>' + rss("")])
def test_declarations_of_entities_are_refused(text: str) -> None:
    with pytest.raises(Unreadable, match="declares entities"):
        parsed(text)


def test_a_document_type_alone_does_no_harm() -> None:
    old = '<!DOCTYPE rss PUBLIC "-//Netscape Communications//DTD RSS 0.91//EN" "http://my.netscape.com/rss-0.91.dtd">'
    assert parsed(old + rss("<item><title>x</title></item>")).entries[0].title == "x"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty body"),
        (" \n", "empty body"),
        ("<html><body/></html>", "not a feed, begins with"),
        ('{"items": []}', "not a feed, begins with"),
        ('<?xml version="1.0"?><opml/>', "not a feed: <opml>"),
        ('<rss version="2.0"/>', "RSS without a channel"),
        (rss("<item><title>x")[:80], "broken or cut off"),
        (rss("<item><title>&nbsp;</title></item>"), "broken or cut off"),
        (rss("<item>" + "<b>" * 5000 + "</b>" * 5000 + "</item>"), "nests deeper"),
        (rss("<item><title>\x01</title></item>"), "broken or cut off"),
        (rss("<item><title>a</wrong></item>"), "broken or cut off"),
    ],
)
def test_any_other_body_is_refused(text: str, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        parsed(text)


def test_what_looks_like_a_feed() -> None:
    assert looks_like_one(b"\xef\xbb\xbf  <?xml version='1.0'?>")
    assert looks_like_one(b"<rss>")
    assert looks_like_one(b"<feed xmlns=")
    assert not looks_like_one(b"<html>")
    assert not looks_like_one(b"<feedback>")
    assert not looks_like_one(b"")


@pytest.mark.parametrize(
    ("name", "entries", "known"),
    [
        ("aws/all_2026-08-18.rss", 50, ()),
        ("aws/ec2-us-east-1_before-2024-01.rss", 15, ()),
        ("azure/feed_2026-07-23T1812Z_westus_active.xml", 1, ()),
        ("azure/feed_2026-08-01_empty.xml", 0, ()),
        ("statuspage/github-history-2022-06-12.atom", 25, ()),
        ("statuspage/github-history-2023-11-20.atom", 25, ()),
        ("statusiq/gvi-major-outage.xml", 9, ("responsetime",)),
        ("volcengine/volcengine_rss_zh_cn-beijing_ModelArk.rss", 2, ()),
    ],
)
def test_real_feeds(shared: Path, name: str, entries: int, known: tuple[str, ...]) -> None:
    """Also those of platforms that still have a parser of their own: nothing in them is unknown here."""
    signals: list[Signal] = []
    feed = read((shared / "captures" / name).read_bytes(), signals, base=BASE, extensions=known)
    assert (len(feed.entries), signals) == (entries, [])
    assert feed.title
    for entry in feed.entries:
        assert entry.title
        assert entry.published
        assert entry.content
