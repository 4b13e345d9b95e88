"""RSS 2.0 (and its 0.9x forebears) and Atom 1.0, read into one shape.

Only the XML is read here: dates stay as written (`crawler.reading.dates` reads them, in the zones of their source), contents
stay HTML, and what an entry means is for the platform to say. Every element is used, ignored by name, or a signal; a
platform names the extensions that it knows, and finds their text in `Entry.extra`.

A reader calls `feed_of(capture, signals)`, and tells who publishes by `title`, `generator` and `link` of the feed. It
gets with it: encodings, refusal of entities and of deep nesting, relative links, Atom's text constructs.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from html import escape
from urllib.parse import urljoin
from xml.etree import ElementTree
from xml.parsers import expat

import msgspec

from crawler.reading.markup import plain
from crawler.records import Capture, Signal, Unreadable

#: Deeper than this nests no feed.
DEPTH = 64

_ATOM = "http://www.w3.org/2005/Atom"
_CONTENT = "http://purl.org/rss/1.0/modules/content/"
_DC = "http://purl.org/dc/elements/1.1/"
_XML = "{http://www.w3.org/XML/1998/namespace}"
#: Namespaces that say nothing about an incident: pictures, comments, syndication, tracking.
_DECORATION = frozenset(
    {
        "http://search.yahoo.com/mrss/",
        "http://purl.org/rss/1.0/modules/slash/",
        "http://purl.org/rss/1.0/modules/syndication/",
        "http://purl.org/syndication/thread/1.0",
        "http://wellformedweb.org/CommentAPI/",
        "http://webfeeds.org/rss/1.0",
        "http://www.itunes.com/dtds/podcast-1.0.dtd",
        "http://rssnamespace.org/feedburner/ext/1.0",
        "com-wordpress:feed-additions:1",
    }
)
#: Of the feed itself, what is left alone.
_FEED_IGNORED = frozenset({
    "author", "category", "cloud", "contributor", "copyright", "creator", "date", "docs", "icon", "id",
    "image", "language", "lastBuildDate", "logo", "managingEditor", "pubDate", "published", "rating", "rights", "skipDays",
    "skipHours", "textInput", "ttl", "updated", "webMaster",
})  # fmt: skip
#: Of an entry, what is left alone: who wrote it, where it was copied from, what is attached.
_ENTRY_IGNORED = frozenset({"author", "comments", "contributor", "creator", "enclosure", "rights", "source"})

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DECLARATION = re.compile(rb"""\s*<\?xml[^>]*?\bencoding\s*=\s*["']([\w.:-]+)["']""")
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:-]+)""", re.IGNORECASE)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One item or entry. Texts that are absent are ""."""

    id: str  # guid, atom:id
    link: str  # the page about it, absolute
    title: str  # plain text
    published: str  # pubDate, atom:published, dc:date; as written
    updated: str  # atom:updated; as written
    content: str  # HTML: content:encoded, atom:content, else the description or summary
    summary: str  # HTML: the description or summary beside a content, else ""
    categories: tuple[str, ...] = ()
    #: Text of the platform's own elements, by their local name.
    extra: Mapping[str, str] = {}


class Feed(msgspec.Struct, frozen=True, kw_only=True):
    """A feed, its entries in the order of the document."""

    title: str
    link: str
    description: str  # subtitle
    generator: str
    entries: tuple[Entry, ...]


def looks_like_one(body: bytes) -> bool:
    """Whether a body begins as a feed does: by an XML declaration, `<rss` or `<feed`, or perhaps a comment."""
    start = body.lstrip(codecs.BOM_UTF8 + b" \t\r\n")[:64]
    return re.match(rb"<(?:\?xml\b|rss\b|feed\b|!DOCTYPE\s+rss\b|!--)", start) is not None or body[:2] in _UTF_16


def feed_of(capture: Capture, signals: list[Signal], extensions: Collection[str] = ()) -> Feed:
    """The feed in a capture: `read` with the address that it came from and the encoding that its headers name."""
    content_type = capture.headers.get("content-type", "")
    return read(capture.body or b"", signals, base=capture.url, content_type=content_type, extensions=extensions)


def read(
    body: bytes, signals: list[Signal], *, base: str = "", content_type: str = "", extensions: Collection[str] = ()
) -> Feed:
    """The feed in `body`. Raises Unreadable when there is none: broken or cut off, another root, entities.

    `base` is the address it came from, for relative links; `content_type` the header, for the encoding of a feed that
    does not declare one. `extensions` are local names of elements of an entry that the platform knows.
    """
    if not body.strip():
        raise Unreadable("empty body")
    if not looks_like_one(body):
        raise Unreadable(f"not a feed, begins with {body.strip()[:40]!r}")
    root = _parse(_decode(body, content_type))
    if root.tag == f"{{{_ATOM}}}feed":
        return _feed(root, _ATOM, f"{{{_ATOM}}}entry", signals, base, extensions)
    space, local = _split(root)
    if local != "rss":
        raise Unreadable(f"not a feed: <{root.tag}>")
    prefix = f"{{{space}}}" if space else ""  # some put all of RSS into a namespace
    channel = root.find(f"{prefix}channel")
    if channel is None:
        raise Unreadable("RSS without a channel")
    return _feed(channel, space, f"{prefix}item", signals, base, extensions)


def _decode(body: bytes, content_type: str) -> str:
    """By the byte order mark, the XML declaration, the header, else UTF-8."""
    encoding = "utf-8-sig" if body.startswith(codecs.BOM_UTF8) else "utf-16" if body[:2] in _UTF_16 else ""
    if not encoding:
        declared, header = _DECLARATION.match(body), _CHARSET.search(content_type)
        encoding = declared[1].decode() if declared else header[1] if header else "utf-8"
    try:
        return body.decode(encoding).lstrip()
    except (UnicodeError, LookupError) as error:
        raise Unreadable(f"a feed that is not {encoding}: {error}") from error


def _parse(text: str) -> ElementTree.Element:
    """The tree of a document. Expat itself is driven, because only it tells of declarations before it follows them."""
    builder = ElementTree.TreeBuilder()
    parser = expat.ParserCreate("utf-8", "}")
    depth = 0

    def name(tag: str) -> str:
        return f"{{{tag}" if "}" in tag else tag

    def start(tag: str, attributes: dict[str, str]) -> None:
        nonlocal depth
        depth += 1
        if depth > DEPTH:
            raise Unreadable(f"XML that nests deeper than {DEPTH}")
        builder.start(name(tag), {name(key): value for key, value in attributes.items()})

    def end(tag: str) -> None:
        nonlocal depth
        depth -= 1
        builder.end(name(tag))

    def doctype(_name: str, _system: str | None, _public: str | None, has_internal_subset: bool) -> None:
        if has_internal_subset:
            raise Unreadable("XML that declares entities")

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.CharacterDataHandler = builder.data
    parser.StartDoctypeDeclHandler = doctype
    parser.buffer_text = True
    try:
        parser.Parse(text.encode(), True)
        return builder.close()
    except (expat.ExpatError, UnicodeEncodeError, AssertionError) as error:
        raise Unreadable(f"XML that is broken or cut off: {error}") from error


def _feed(
    channel: ElementTree.Element,
    space: str,
    item: str,
    signals: list[Signal],
    base: str,
    extensions: Collection[str],
) -> Feed:
    told: dict[str, str] = {}
    base = urljoin(base, channel.get(f"{_XML}base", ""))
    for child in channel:
        name = _name(child, space)
        if name == "link":
            told[name] = told.get(name) or _link([child], base)
        elif name in ("title", "generator", "description", "subtitle"):
            told.setdefault(name, _plain(child))
        elif child.tag != item and name not in _FEED_IGNORED and not _decorates(child):
            _unknown(signals, "feed", child)
    return Feed(
        title=told.get("title", ""),
        link=told.get("link", ""),
        description=told.get("description") or told.get("subtitle") or "",
        generator=told.get("generator", ""),
        entries=tuple(_entry(each, space, signals, base, extensions) for each in channel.findall(item)),
    )


def _entry(
    item: ElementTree.Element, space: str, signals: list[Signal], base: str, extensions: Collection[str]
) -> Entry:
    told: dict[str, str] = {}
    links: list[ElementTree.Element] = []
    categories: list[str] = []
    extra: dict[str, str] = {}
    base = urljoin(base, item.get(f"{_XML}base", ""))
    for child in item:
        name = _name(child, space)
        if extensions and _split(child)[1] in extensions:
            extra[_split(child)[1]] = _text(child)
        elif name == "link":
            links.append(child)
        elif name == "category":
            categories.append(child.get("label") or child.get("term") or _text(child))
        elif name == "title":
            told.setdefault(name, _plain(child))
        elif name in _TEXTS:
            told.setdefault(name, _text(child))
        elif name in _CONTENTS:
            told.setdefault(name, _html(child))
        elif name not in _ENTRY_IGNORED and not _decorates(child):
            _unknown(signals, "entry", child)
    content = told.get("encoded") or told.get("content") or ""
    summary = told.get("description") or told.get("summary") or ""
    identifier = told.get("guid") or told.get("id") or ""
    return Entry(
        id=identifier,
        link=_link(links, base) or _permalink(item, space, identifier),
        title=told.get("title", ""),
        published=told.get("pubDate") or told.get("published") or told.get("date") or "",
        updated=told.get("updated", ""),
        content=content or summary,
        summary=summary if content else "",
        categories=tuple(category for category in categories if category),
        extra=extra,
    )


_TEXTS = frozenset({"guid", "id", "pubDate", "published", "updated", "date"})
_CONTENTS = frozenset({"description", "summary", "encoded", "content"})
#: Names of other namespaces that are understood as part of a feed. Atom within RSS is common.
_FOREIGN = {
    f"{{{_CONTENT}}}encoded": "encoded",
    f"{{{_DC}}}date": "date",
    f"{{{_DC}}}creator": "creator",
    f"{{{_ATOM}}}link": "link",
    f"{{{_ATOM}}}updated": "updated",
    f"{{{_ATOM}}}published": "published",
}


def _split(element: ElementTree.Element) -> tuple[str, str]:
    """Namespace, "" for none, and local name."""
    return _parts(element.tag)


@lru_cache(maxsize=1024)
def _parts(tag: str) -> tuple[str, str]:
    namespace, _, local = tag.removeprefix("{").rpartition("}")
    return namespace, local


def _name(element: ElementTree.Element, space: str) -> str:
    """The name of an element of the feed's own namespace, or of one that is understood here; "" of any other."""
    namespace, local = _parts(element.tag)
    return local if namespace == space else _FOREIGN.get(element.tag, "")


def _is_atom(element: ElementTree.Element) -> bool:
    return _split(element)[0] == _ATOM


def _decorates(element: ElementTree.Element) -> bool:
    return _split(element)[0] in _DECORATION


def _unknown(signals: list[Signal], where: str, element: ElementTree.Element) -> None:
    """Report a name once, whatever is in it."""
    place = f"{where}.{_split(element)[1]}"
    if not any(signal.kind == "unknown-field" and signal.where == place for signal in signals):
        signals.append(Signal("unknown-field", place, _text(element)[:80]))


def _text(element: ElementTree.Element) -> str:
    return "".join(element.itertext()).strip()


def _plain(element: ElementTree.Element) -> str:
    """A title: HTML in RSS, whatever the standard says; in Atom what its type says."""
    return " ".join(plain(_html(element)).split())


def _html(element: ElementTree.Element) -> str:
    """A text construct as HTML."""
    kind = element.get("type", "text" if _is_atom(element) else "html")
    if kind == "xhtml" or len(element):
        return _markup(element)
    text = (element.text or "").strip()
    return escape(text, quote=False) if kind in ("text", "text/plain") else text


def _markup(element: ElementTree.Element) -> str:
    """What is within an element, as HTML without namespaces."""
    return escape(element.text or "", quote=False).strip() + "".join(_tags(element)).strip()


def _tags(element: ElementTree.Element) -> Iterator[str]:
    for child in element:
        name = _split(child)[1]
        attributes = "".join(f' {key}="{escape(value)}"' for key, value in child.attrib.items() if "}" not in key)
        yield f"<{name}{attributes}>{escape(child.text or '', quote=False)}"
        yield from _tags(child)
        if name not in ("br", "hr", "img"):
            yield f"</{name}>"
        yield escape(child.tail or "", quote=False)


def _link(links: Iterable[ElementTree.Element], base: str) -> str:
    """The address of the page about it. Atom may name several: `alternate` is the page, and is meant when none is said."""
    for link in links:
        if not _is_atom(link):
            address = _text(link)
        elif link.get("rel", "alternate") == "alternate":
            address = link.get("href", "")
        else:
            continue
        if address:
            return _join(base, address)
    return ""


def _join(base: str, address: str) -> str:
    if address.startswith(("https://", "http://")):
        return address
    try:
        return urljoin(base, address)
    except ValueError:  # no address at all
        return address


def _permalink(item: ElementTree.Element, space: str, identifier: str) -> str:
    """A guid that is an address is the link, unless it says that it is none."""
    said = next((child.get("isPermaLink", "") for child in item if _name(child, space) == "guid"), "false")
    return identifier if said.lower() != "false" and re.match(r"(?i)https?://", identifier) else ""
