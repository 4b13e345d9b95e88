"""The catalog files: whether they load, agree with themselves, and hold what the vendors print."""

from __future__ import annotations

import csv
import datetime as dt
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from crawler.catalog import (
    ALL,
    CONTROL_PLANE,
    GLOBAL,
    SHIPPED,
    Catalog,
    CatalogError,
    Region,
    Service,
    Source,
    Vendor,
    load,
    load_vendor,
)
from spiders import PLATFORMS

FILES = sorted(SHIPPED.glob("*.yml"))
TODAY = dt.date(2026, 10, 1)
ALIBABA_OUTAGE = dt.date(2023, 11, 12)

#: Regions whose vendor names a town of which there are several.
UNCLEAR = {("oci", "us-shawnee-1")}

each_file = pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load()


def normalised(name: str) -> str:
    """A name as it is compared: half-width, lower case, no blanks."""
    return "".join(unicodedata.normalize("NFKC", name).lower().split())


def names(entry: Region | Service) -> set[str]:
    """Everything an entry is called, normalised."""
    known = (entry.id, entry.key, entry.name, entry.local_name, *entry.aliases)
    return {normalised(name) for name in known if name}


def lookup(entries: Iterable[Region | Service]) -> dict[str, set[str]]:
    """Ids by normalised name."""
    found: dict[str, set[str]] = defaultdict(set)
    for entry in entries:
        for name in names(entry):
            found[name].add(entry.id)
    return found


def addresses(source: Source) -> list[str]:
    """The addresses of a source, their placeholders filled in."""
    return [re.sub(r"\{\w+\}", "x-1", address) for address in (source.url, *source.also)]


def place(vendor: Vendor, name: str) -> str | None:
    """The id of the region called `name`."""
    return next(iter(lookup(vendor.regions).get(normalised(name), ())), None)


def product(vendor: Vendor, name: str) -> str | None:
    """The id of the service called `name`."""
    return next(iter(lookup(vendor.services).get(normalised(name), ())), None)


# -- every file -----------------------------------------------------------------------------------


def test_all_files_load_together(catalog: Catalog) -> None:
    assert {vendor.id for vendor in catalog.vendors.values() if not vendor.listed} == {path.stem for path in FILES}


@each_file
def test_regions_do_not_share_a_name(path: Path) -> None:
    shared_names = {name: ids for name, ids in lookup(load_vendor(path).regions).items() if len(ids) > 1}
    assert not shared_names


@each_file
def test_services_do_not_share_a_name(path: Path) -> None:
    shared_names = {name: ids for name, ids in lookup(load_vendor(path).services).items() if len(ids) > 1}
    assert not shared_names


@each_file
def test_regions_have_a_place(path: Path) -> None:
    vendor = load_vendor(path)
    for region in vendor.regions:
        assert region.name, region.id
        assert region.city or not region.at, f"{region.id}: coordinates of what?"
        assert region.country is None or re.fullmatch(r"[A-Z]{2}", region.country), region.id
        if not region.separate and region.id != GLOBAL:
            assert region.city, f"{region.id}: no city"
            assert region.country, f"{region.id}: no country"
            assert (region.at is None) == ((vendor.id, region.id) in UNCLEAR), f"{region.id}: no coordinates"


@each_file
def test_regions_open_before_they_close(path: Path) -> None:
    for region in load_vendor(path).regions:
        assert not (region.opened and region.closed) or region.opened < region.closed, region.id


@each_file
def test_every_vendor_has_global_and_all(path: Path) -> None:
    vendor = load_vendor(path)
    assert vendor.region_ids[GLOBAL].separate
    assert vendor.service_ids[ALL].category == "all"


@each_file
def test_only_the_service_all_means_everything(path: Path) -> None:
    assert [s.id for s in load_vendor(path).services if s.category == "all"] == [ALL]


@each_file
def test_sources_belong_to_a_platform(path: Path) -> None:
    for source in load_vendor(path).sources:
        assert source.platform in PLATFORMS, source.id


@each_file
def test_addresses_are_https(path: Path) -> None:
    vendor = load_vendor(path)
    for address in (vendor.homepage, *(a for source in vendor.sources for a in (source.url, *source.also))):
        assert address.startswith("https://"), address


@each_file
def test_polling_says_why(path: Path) -> None:
    for source in load_vendor(path).sources:
        assert source.why, f"{source.id}: nobody can review an interval without its reason"
        if source.polled:
            assert "{" not in source.url, f"{source.id}: an address to ask has no open places"
            assert source.interval >= dt.timedelta(minutes=1), source.id
            assert source.delay >= 1, source.id


@each_file
def test_addresses_find_their_source(path: Path, catalog: Catalog) -> None:
    for source in load_vendor(path).sources:
        for address in addresses(source):
            found = catalog.source_of(None, address)
            assert found is not None, address
            assert found.id == source.id, address


def test_an_unknown_address_finds_no_source(catalog: Catalog) -> None:
    assert catalog.source_of(None, "https://status.aws.amazon.com/data.json?x=1") is None
    assert catalog.source_of(None, "https://status.aws.amazon.com/rss/a/b.rss") is None


def test_a_host_belongs_to_one_platform(catalog: Catalog) -> None:
    platforms: dict[str, set[str]] = defaultdict(set)
    for source in catalog.sources.values():
        if source.until is not None:
            continue  # a vendor may have kept its host when it left a platform
        for address in (source.url, *source.also):
            platforms[urlsplit(address).netloc].add(source.platform)
    assert not {host: found for host, found in platforms.items() if len(found) > 1}


# -- regions by date ------------------------------------------------------------------------------


def public(vendor: Vendor) -> int:
    """How many regions an outage everywhere means today."""
    return len(vendor.all_regions(TODAY))


def test_counts(catalog: Catalog) -> None:
    assert public(catalog.vendor("aws")) >= 33
    assert public(catalog.vendor("alibaba")) >= 29
    assert public(catalog.vendor("tencent")) >= 20
    # Azure counts its government and Chinese clouds, too
    assert sum(region.city is not None for region in catalog.vendor("azure").regions) >= 60


def test_all_regions_of_a_day(catalog: Catalog) -> None:
    alibaba = catalog.vendor("alibaba")
    then = set(alibaba.all_regions(ALIBABA_OUTAGE))
    assert {"cn-hangzhou", "cn-beijing", "cn-hangzhou-finance", "cn-north-2-gov-1"} <= then
    assert {"ap-south-1", "ap-southeast-2"} <= then, "closed in 2024 only"
    assert not then & {"na-south-1", "us-southeast-1", "cn-zhongwei"}, "opened later"
    assert not then & {GLOBAL, "public", "mq-internet-access", "cn-heyuan-acdr-1"}


def test_a_region_ends_on_the_day_it_closes(catalog: Catalog) -> None:
    alibaba = catalog.vendor("alibaba")
    assert "ap-south-1" in alibaba.all_regions(dt.date(2024, 7, 14))
    assert "ap-south-1" not in alibaba.all_regions(dt.date(2024, 7, 15))


def test_a_region_begins_on_the_day_it_opens(catalog: Catalog) -> None:
    aws = catalog.vendor("aws")
    assert "ca-west-1" not in aws.all_regions(dt.date(2023, 12, 19))
    assert "ca-west-1" in aws.all_regions(dt.date(2023, 12, 20))


def test_without_a_day_all_regions_there_ever_were(catalog: Catalog) -> None:
    ever = set(catalog.vendor("alibaba").all_regions(None))
    assert {"ap-south-1", "na-south-1", "cn-hangzhou"} <= ever
    assert GLOBAL not in ever


def test_regions_of_tencent_on_2024_04_08(catalog: Catalog) -> None:
    then = set(catalog.vendor("tencent").all_regions(dt.date(2024, 4, 8)))
    assert {"ap-shanghai", "ap-guangzhou", "na-toronto", "ap-mumbai"} <= then
    assert not then & {"me-saudi-arabia", "ap-osaka", "eu-moscow", "ap-shanghai-fsi"}


# -- names the vendors print ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "name", "region"),
    [
        ("alibaba", "华东1（杭州）", "cn-hangzhou"),
        ("alibaba", "华东1(杭州)", "cn-hangzhou"),
        ("alibaba", "杭州", "cn-hangzhou"),
        ("alibaba", "中国香港", "cn-hongkong"),
        ("alibaba", "香港", "cn-hongkong"),
        ("alibaba", "美东", "us-east-1"),
        ("alibaba", "美西", "us-west-1"),
        ("alibaba", "Korea (Seoul)", "ap-northeast-2"),
        ("alibaba", "South Korea (Seoul)", "ap-northeast-2"),
        ("alibaba", "US（Atlanta）", "us-southeast-1"),
        ("alibaba", "non-regional", GLOBAL),
        ("tencent", "华南地区(广州)", "ap-guangzhou"),
        ("tencent", "上海", "ap-shanghai"),
        ("tencent", "non-regional", GLOBAL),
        ("aws", "N. Virginia", "us-east-1"),
        ("aws", "US Standard", "us-east-1"),
        ("aws", "UAE", "me-central-1"),
        ("aws", "GovCloud", "us-gov-west-1"),
        ("aws", "US-East", "us-gov-east-1"),
        ("azure", "West US", "westus"),
        ("azure", "United Kingdom", "uk"),
        ("azure", "*Non-Regional", GLOBAL),
    ],
)
def test_region_names(catalog: Catalog, vendor: str, name: str, region: str) -> None:
    assert place(catalog.vendor(vendor), name) == region


@pytest.mark.parametrize(
    ("vendor", "name", "service"),
    [
        ("alibaba", "OTS", "ots"),
        ("alibaba", "表格存储", "ots"),
        ("alibaba", "消息队列MQ", "mq"),
        ("alibaba", "消息服务MNS", "mns"),
        ("alibaba", "云产品控制台", "console"),
        ("alibaba", "API服务", "api"),
        ("alibaba", "管控API", "api"),
        ("alibaba", "访问密钥服务 (AK)", "ak"),
        ("alibaba", "百炼", "sfm"),
        ("alibaba", "云服务器ECS", "ecs"),
        ("tencent", "云API", "api"),
        ("tencent", "控制台", "console"),
        ("aws", "management-console", "console"),
        ("aws", "Amazon EC2 Container Registry", "ecr"),
        ("aws", "EC2APac", "ec2"),
        ("azure", "Azure Active Directory", "entra-id"),
        ("azure", "Microsoft Entra ID", "entra-id"),
        ("azure", "Azure Frontdoor", "front-door"),
    ],
)
def test_service_names(catalog: Catalog, vendor: str, name: str, service: str) -> None:
    assert product(catalog.vendor(vendor), name) == service


@pytest.mark.parametrize("vendor", ["alibaba", "tencent"])
def test_what_every_notice_begins_with_is_no_service(catalog: Catalog, vendor: str) -> None:
    """`阿里云监控发现…` is the vendor watching, not its product 云监控."""
    assert product(catalog.vendor(vendor), "云监控") is None


@pytest.mark.parametrize(
    ("vendor", "service"),
    [
        ("alibaba", "console"),
        ("alibaba", "api"),
        ("tencent", "console"),
        ("tencent", "api"),
        ("aws", "console"),
        ("aws", "iam"),
        ("azure", "portal"),
        ("azure", "resource-manager"),
        ("azure", "entra-id"),
    ],
)
def test_control_plane_is_told_apart(catalog: Catalog, vendor: str, service: str) -> None:
    assert catalog.vendor(vendor).service_ids[service].category in CONTROL_PLANE


# -- against what the vendors really published ----------------------------------------------------


@pytest.mark.parametrize(
    ("vendor", "table"),
    [("alibaba", "aliyun_regions_from_openapi_meta.csv"), ("tencent", "tencent_regions_from_tccli.csv")],
)
def test_regions_of_the_vendors_table(catalog: Catalog, shared: Path, vendor: str, table: str) -> None:
    known = catalog.vendor(vendor)
    with (shared / "captures" / vendor / table).open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            assert row["region_id"] in known.region_ids
            if row["name_zh"] != "公网":  # the vendor calls two things so
                assert place(known, row["name_zh"]) == row["region_id"]


def test_regions_of_azures_table(catalog: Catalog, shared: Path) -> None:
    azure = catalog.vendor("azure")
    table = json.loads((shared / "captures/regions/azure_regions_claranet.json").read_text(encoding="utf-8"))
    for row in table["regions"]:
        assert place(azure, row["cli_name"]) == row["cli_name"]
        assert place(azure, row["display_name"]) == row["cli_name"]


def test_regions_of_awss_table_and_feed(catalog: Catalog, shared: Path) -> None:
    aws = catalog.vendor("aws")
    tables = shared / "captures/regions"
    for partition in json.loads((tables / "aws_botocore_partitions.json").read_text(encoding="utf-8"))["partitions"]:
        for code, row in partition["regions"].items():
            if not code.endswith("-global"):
                assert place(aws, row["description"]) == code
    feed = json.loads((tables / "aws_region_names_from_feed.json").read_text(encoding="utf-8"))
    for code, printed in feed["region_names"].items():
        assert {place(aws, name) for name in printed} == {code}


def test_services_of_awss_feed(catalog: Catalog, shared: Path) -> None:
    aws = catalog.vendor("aws")
    table = json.loads((shared / "captures/aws/service_codes_from_feed.json").read_text(encoding="utf-8"))
    unknown = [code for code in table["services"] if product(aws, code) is None]
    assert not unknown
    # the two kinds of Mechanical Turk differ in the parenthesis that the table lost
    printed = {name for each in table["services"].values() for name in each} - {"Amazon Mechanical Turk"}
    assert not [name for name in printed if product(aws, name) is None]


@pytest.mark.parametrize("vendor", ["aws", "azure"])
def test_names_people_gave_to_reports(catalog: Catalog, shared: Path, vendor: str) -> None:
    known = catalog.vendor(vendor)
    # no one service or place, or a phrase for several
    phrases = {"UNKNOWN", "Multiple Services", "Multiple Regions", "US", "Southeast United States (US)"}
    phrases |= {"Azure Front Door and Azure CDN", "US Government Cloud"}
    with (shared / "labels" / f"{vendor}.labels.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert not {row["service_name"] for row in rows if product(known, row["service_name"]) is None} - phrases
    assert not {row["location"] for row in rows if place(known, row["location"]) is None} - phrases


# -- mistakes are refused -------------------------------------------------------------------------

GOOD = """\
id: acme
name: Acme
homepage: https://acme.example/
sources:
  - id: acme-status
    platform: statuspage
    url: https://status.acme.example/api/v2/incidents.json
regions:
  - {id: north, name: North}
services:
  - {id: store, name: Store, category: storage}
"""


def refusal(directory: Path, text: str) -> str:
    """The message with which a catalog file of that text is refused."""
    path = directory / "acme.yml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        load_vendor(path)
    message = str(caught.value)
    assert str(path) in message
    return message.replace(str(path), "acme.yml")


def test_a_good_file_loads(tmp_path: Path) -> None:
    path = tmp_path / "acme.yml"
    path.write_text(GOOD, encoding="utf-8")
    vendor = load_vendor(path)
    assert [source.vendor for source in vendor.sources] == ["acme"]
    assert [region.id for region in vendor.regions] == ["north", GLOBAL]
    assert [service.id for service in vendor.services] == ["store", ALL]


def test_an_unknown_key_is_refused_with_its_line(tmp_path: Path) -> None:
    message = refusal(tmp_path, GOOD.replace("    url:", "    intervall: 5m\n    url:"))
    assert message.startswith("acme.yml:7:")
    assert "intervall" in message


def test_a_wrong_type_is_refused_with_its_line(tmp_path: Path) -> None:
    message = refusal(tmp_path, GOOD.replace("name: North}", "name: North, country: NO}"))
    assert message.startswith("acme.yml:9:"), "NO unquoted is a boolean, not Norway"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("category: storage", "category: boxes", "category 'boxes' is none of"),
        ("  - {id: north, name: North}", "  - {id: a, name: A}\n  - {id: a, name: B}", "region id stands twice: a"),
        ("    platform: statuspage\n", "    platform: statuspage\n    timezone: Mars/Olympus\n", "'Mars/Olympus'"),
        ("    platform: statuspage\n", "    platform: statuspage\n    zones: {PST: Pacific}\n", "'Pacific'"),
        ("id: acme\n", "id: other\n", "id is 'other'"),
        ("name: North}", "name: North, at: [120.2, 30.3]}", "is no latitude and longitude"),
    ],
)
def test_mistakes_are_refused_by_name(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    assert complaint in refusal(tmp_path, GOOD.replace(old, new, 1))


def test_no_files_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match="no catalog files"):
        load(tmp_path)


def test_an_unknown_vendor_is_named_with_those_there_are(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match=r"there are: alibaba, .*aws.* and \d+ listed pages"):
        catalog.vendor("nobody")
    with pytest.raises(CatalogError, match=r"did you mean .*1password"):
        catalog.vendor("1pasword")
