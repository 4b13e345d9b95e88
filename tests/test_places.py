from __future__ import annotations

import csv
import html
import json
import re
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.catalog import GLOBAL, SHIPPED, Region, Service, Vendor, load_vendor
from crawler.places import Gazetteer, Recovery, Scope, split_title
from crawler.records import Component

#: A Chinese cloud with a city that has two regions, one of them set apart, and a closed region.
EAST = Vendor(
    id="dongyun",
    name="Dongyun Cloud",
    local_name="东云",
    homepage="https://dongyun.example/",
    regions=(
        Region(id="cn-hangzhou", name="China (Hangzhou)", local_name="华东1（杭州）", city="Hangzhou"),
        Region(id="cn-hangzhou-finance", name="China East 1 Finance", local_name="华东1 金融云", separate=True),
        Region(id="cn-beijing", name="China (Beijing)", local_name="华北2（北京）", city="Beijing"),
        Region(id="cn-shanghai", name="China (Shanghai)", local_name="华东2(上海)", city="Shanghai"),
        Region(id="cn-hongkong", name="China (Hong Kong)", local_name="中国香港", aliases=("香港",)),
        Region(id="ap-southeast-5", name="Indonesia (Jakarta)", local_name="印度尼西亚（雅加达）", city="Jakarta"),
        Region(id="ap-south-1", name="India (Mumbai)", local_name="印度（孟买）", closed=date(2024, 7, 15)),
        Region(id="us-east-1", name="US (Virginia)", local_name="美国（弗吉尼亚）", aliases=("美东",)),
        Region(id="na-south-1", name="Mexico", local_name="墨西哥", opened=date(2025, 2, 1)),
        Region(id=GLOBAL, name="Global", separate=True),
    ),
    services=(
        Service(id="console", name="Management Console", local_name="控制台", category="console"),
        Service(id="api", name="OpenAPI", local_name="管控 API", category="api", aliases=("API 服务",)),
        Service(id="mq", name="ApsaraMQ", local_name="消息队列", category="messaging", aliases=("MQ",)),
        Service(id="mns", name="Message Service", local_name="消息服务", category="messaging", aliases=("MNS",)),
        Service(id="oss", name="Object Storage Service", local_name="对象存储", category="storage", aliases=("OSS",)),
        Service(id="ecs", name="Elastic Compute Service", category="compute", aliases=("ECS", "云服务器ECS")),
        Service(id="rds", name="Relational Database", category="database", aliases=("RDS",)),
    ),
)
#: A Western cloud with products named like words of prose, and places named like each other.
WEST = Vendor(
    id="nws",
    name="Nimbus Web Services",
    homepage="https://nws.example/",
    regions=(
        Region(id="us-east-1", name="US East (N. Virginia)", aliases=("N. Virginia",)),
        Region(id="us-east-2", name="US East (Ohio)", aliases=("East US 2",)),
        Region(id="us-west-2", name="US West (Oregon)", aliases=("East US",), key="PDX"),
        Region(id="eu-west-1", name="Europe (Ireland)", city="Dublin", aliases=("Twin",)),
        Region(id="eu-west-3", name="Europe (Paris)", city="Paris", aliases=("CDG", "Twin")),
        Region(id="sa-east-1", name="South America (São Paulo)", city="Sao Paulo"),
        Region(id="westeurope", name="West Europe"),
        Region(id="nyc1", name="NYC1"),
        Region(id="eu", name="EU", aliases=("Europe",), separate=True),
        Region(id=GLOBAL, name="Global", separate=True),
    ),
    services=(
        Service(id="ec2", name="Nimbus Elastic Compute Cloud (EC2)", key="k8w3r06qmzrp", category="compute"),
        Service(id="cloudwatch", name="Nimbus CloudWatch", category="monitoring"),
        Service(id="batch", name="NWS Batch", category="compute"),
        Service(id="connect", name="Nimbus Connect", category="communication"),
        Service(id="lambda", name="NWS Lambda", category="serverless"),
        Service(id="route53", name="Nimbus Route 53", category="dns"),
        Service(id="route53resolver", name="Nimbus Route 53 Resolver", category="dns"),
        Service(id="console", name="NWS Management Console", category="console"),
        Service(id="sqs", name="Nimbus Simple Queue Service", aliases=("SQS",), category="messaging"),
        Service(id="droplets", name="Droplets", category="compute"),
        Service(id="desk", name="NWS Support", category="support"),
        Service(id="all", name="All services", category="all"),
    ),
)
east, west = Gazetteer(EAST), Gazetteer(WEST)
THEN = date(2023, 11, 12)
ALL_THEN = ("cn-hangzhou", "cn-beijing", "cn-shanghai", "cn-hongkong", "ap-southeast-5", "ap-south-1", "us-east-1")


def minus(*out: str) -> tuple[str, ...]:
    return tuple(region for region in ALL_THEN if region not in out)


# Fields


@pytest.mark.parametrize(
    ("key", "text", "region"),
    [
        ("US-EAST-1", None, "us-east-1"),
        ("pdx", None, "us-west-2"),
        ("nowhere", "Ohio", "us-east-2"),
        (None, "US East (N. Virginia)", "us-east-1"),
        (None, "US EAST  (N.Virginia)", "us-east-1"),
        (None, "N. Virginia", "us-east-1"),
        (None, "us-east-2b", "us-east-2"),
        (None, "Western thing (us-east-2)", "us-east-2"),
        (None, "East US 2", "us-east-2"),
        (None, "East US", "us-west-2"),
        (None, "Ireland Region", "eu-west-1"),
        (None, "São Paulo", "sa-east-1"),
        (None, "sao paulo", "sa-east-1"),
        (None, "Dublin", "eu-west-1"),
        (None, "Europe", "eu"),
        (None, "Global", GLOBAL),
        (None, "non-regional", GLOBAL),
        (None, "Twin", None),  # an alias of two regions
        (None, "Ohio and Oregon", None),
        (None, "Atlantis", None),
        (None, "", None),
        (None, None, None),
    ],
)
def test_region_field(key: str | None, text: str | None, region: str | None) -> None:
    assert west.region(key, text) == region


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("华东1（杭州）", "cn-hangzhou"),
        ("华东1(杭州)", "cn-hangzhou"),
        ("华东 1 （杭州）", "cn-hangzhou"),
        ("华东１", "cn-hangzhou"),
        ("杭州", "cn-hangzhou"),
        ("华东1 金融云", "cn-hangzhou-finance"),
        ("cn-hangzhou-finance", "cn-hangzhou-finance"),
        ("美東", "us-east-1"),
        ("cn-shanghai\n", "cn-shanghai"),
        ("上海地域", "cn-shanghai"),
    ],
)
def test_chinese_region_field(text: str, region: str) -> None:
    assert east.region(None, text) == region


@pytest.mark.parametrize(
    ("key", "text", "service"),
    [
        ("EC2", None, "ec2"),
        (None, "Nimbus Elastic Compute Cloud", "ec2"),
        (None, "elastic compute cloud (ec2)", "ec2"),
        (None, "Batch", "batch"),
        (None, "Nimbus Batch", "batch"),
        (None, "Route 53", "route53"),
        (None, "All services", "all"),
        (None, "Support", "desk"),
        (None, "Batch jobs", None),
        (None, None, None),
    ],
)
def test_service_field(key: str | None, text: str | None, service: str | None) -> None:
    assert west.service(key, text) == service


@pytest.mark.parametrize(
    ("name", "group", "key", "expected"),
    [
        ("Europe - Paris, France - (CDG)", "Europe", None, ("eu-west-3", None)),
        ("NYC1", "Droplets", None, ("nyc1", "droplets")),
        ("Global", "Droplets", None, (GLOBAL, "droplets")),
        ("Droplets", None, None, (None, "droplets")),
        ("US East (Ohio)", "Lambda", None, ("us-east-2", "lambda")),
        ("Connect (EU)", None, None, ("eu", "connect")),
        ("Batch | us-west-2", None, None, ("us-west-2", "batch")),
        ("EC2 us-east-1", None, None, ("us-east-1", "ec2")),
        ("Paris Lambda", None, None, ("eu-west-3", "lambda")),
        ("renamed since", None, "k8w3r06qmzrp", (None, "ec2")),
        ("Something else", "Elsewhere", "zzz", (None, None)),
    ],
)
def test_component(name: str, group: str | None, key: str | None, expected: tuple[str | None, str | None]) -> None:
    assert west.component(Component(key=key, name=name, group=group)) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("Amazon CloudWatch (Ireland)", ("Amazon CloudWatch", "Ireland")),
        ("Functions (v2) (East)", ("Functions (v2)", "East")),
        ("云服务器（华东1（杭州））", ("云服务器", "华东1（杭州）")),
        ("(Ireland)", (None, "Ireland")),
        ("Plain", ("Plain", None)),
        ("Odd)", ("Odd)", None)),
        ("", (None, None)),
    ],
)
def test_split_title(title: str, expected: tuple[str | None, str | None]) -> None:
    assert split_title(title) == expected


# Prose


@pytest.mark.parametrize(
    ("text", "regions"),
    [
        ("errors in the EU-WEST-1 Region.", ["eu-west-1"]),
        ("one zone (us-east-1a) of N. Virginia and Ohio", ["us-east-1", "us-east-1", "us-east-2"]),
        ("East US 2 and East US", ["us-east-2", "us-west-2"]),
        ("us-east-12, xus-east-1, us-east-1x2, us-east-1-edge, East USA", []),
        ("ec2-us-east-1 and us-east-1-az4, us-east-1-b", ["us-east-1"] * 3),
        ("we will let us know about global and european matters in the east", []),
        ("Multi-region: EU", ["eu"]),
        ("WestEurope is West Europe", ["westeurope", "westeurope"]),
        ("paris or Paris", ["eu-west-3"]),
        ("the cdg of CDG", ["eu-west-3"]),
        ("Twin", []),
        ("at 10:00 Paris time, Dublin time", []),
        ("NYC1, nyc1 and NYC10", ["nyc1", "nyc1"]),
    ],
)
def test_regions_in_prose(text: str, regions: list[str]) -> None:
    assert [m.id for m in west.regions_in(text)] == regions


def test_longest_chinese_name_wins() -> None:
    found = east.regions_in("北京时间09:16起，杭州地域可用区J、华东1 金融云、华东１（杭州）和美東访问异常")
    assert [(m.id, m.text) for m in found] == [
        ("cn-hangzhou", "杭州"),
        ("cn-hangzhou-finance", "华东1 金融云"),
        ("cn-hangzhou", "华东１（杭州）"),
        ("us-east-1", "美東"),
    ]


@pytest.mark.parametrize(
    ("text", "services"),
    [
        ("increased errors for CloudWatch and Nimbus EC2", ["cloudwatch", "ec2"]),
        ("Batch jobs connect to the api of our support", []),
        ("NWS Batch and Nimbus Connect", ["batch", "connect"]),
        ("Please contact NWS Support", []),
        ("the lambda calculus of Lambda", ["lambda"]),
        ("Route 53 Resolver, route 53", ["route53resolver", "route53"]),
        ("SQS, sqs, SQSX", ["sqs"]),
        ("the EC2 console and API", ["ec2", "console"]),
        ("all NWS services; All services", ["all", "all"]),
    ],
)
def test_services_in_prose(text: str, services: list[str]) -> None:
    assert [m.id for m in west.services_in(text)] == services


def test_two_names_of_one_thing_are_one_mention() -> None:
    assert [(m.id, m.text) for m in east.services_in("消息队列MQ、消息服务MNS")] == [
        ("mq", "消息队列MQ"),
        ("mns", "消息服务MNS"),
    ]
    assert [m.text for m in west.regions_in("Ireland (eu-west-1), Ohio")] == ["Ireland (eu-west-1)", "Ohio"]


# Scope


@pytest.mark.parametrize(
    ("text", "regions", "services", "open_list", "words"),
    [
        (
            "[Incident (Recovered)] Network trouble in Zone B, Indonesia (Jakarta) Region",
            ("ap-southeast-5",),
            (),
            False,
            "Indonesia (Jakarta) Region",
        ),
        (
            "Anomaly in China (Hangzhou) and China (Shanghai) Regions",
            ("cn-hangzhou", "cn-shanghai"),
            (),
            False,
            "China (Hangzhou) and China (Shanghai) Regions",
        ),
        (
            "杭州、北京等地域控制台及API服务",
            ("cn-hangzhou", "cn-beijing"),
            ("console", "api"),
            True,
            "杭州、北京等地域",
        ),
        ("杭州、北京等两个地域的OSS", ("cn-hangzhou", "cn-beijing"), ("oss",), False, "杭州、北京等两个地域"),
        ("杭州、北京等3个地域的OSS", ("cn-hangzhou", "cn-beijing"), ("oss",), True, "杭州、北京等3个地域"),
        ("Hangzhou, Beijing and others", ("cn-hangzhou", "cn-beijing"), (), True, "Hangzhou, Beijing"),
        ("杭州、北京及其他地域的OSS", ("cn-hangzhou", "cn-beijing"), ("oss",), True, "杭州、北京"),
        ("Hangzhou and other regions", ("cn-hangzhou",), (), True, None),
        ("several places such as Jakarta", ("ap-southeast-5",), (), True, "Jakarta"),
        ("multiple regions, including Jakarta and Beijing", ("ap-southeast-5", "cn-beijing"), (), True, None),
        ("多个产品（如ECS、RDS）异常，OSS不受影响", (), ("ecs", "rds"), True, None),
        ("Jakarta is slow. Other zones of Beijing are not affected.", ("ap-southeast-5",), (), False, "Jakarta"),
        ("其他地域控制台", (), ("console",), True, None),
        ("remaining regions", (), (), True, None),
        ("multiple regions", (), (), False, None),
        ("除上海外，北京也受影响", ("cn-shanghai", "cn-beijing"), (), False, "上海, 北京"),
        ("流量调度至其他地域，上海异常", ("cn-shanghai",), (), False, "上海"),
    ],
)
def test_scope_of_what_is_named(
    text: str, regions: tuple[str, ...], services: tuple[str, ...], open_list: bool, words: str | None
) -> None:
    scope = east.scope(text, THEN)
    assert (scope.regions, scope.services, scope.open_list, scope.every_region) == (regions, services, open_list, False)
    if words:
        assert scope.region_text == words


@pytest.mark.parametrize(
    "text",
    [
        "全地域控制台异常",
        "所有地域",
        "各地域",
        "全部 Region",
        "[All Region]",
        "in all regions, Hangzhou included",
        "all cloud regions",
        "every region",
        "errors globally",
    ],
)
def test_all_regions_fan_out(text: str) -> None:
    scope = east.scope(text, THEN)
    assert sorted(scope.regions) == sorted(ALL_THEN)
    assert scope.every_region
    assert not scope.open_list


def test_fan_out_follows_the_calendar() -> None:
    later = east.scope("全地域", date(2026, 1, 1)).regions
    assert "ap-south-1" not in later
    assert "na-south-1" in later
    assert "cn-hangzhou-finance" not in later


@pytest.mark.parametrize(
    "text",
    [
        "all affected regions",
        "all other regions",
        "all regions in Europe",
        "not all regions",
        "并非所有地域",
        "all regions except a few",
        "除个别地域外",
    ],
)
def test_some_regions_do_not_fan_out(text: str) -> None:
    assert east.scope(text, THEN).regions == ()


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("除上海外的地域API服务", ["cn-shanghai"]),
        ("除上海以外地域", ["cn-shanghai"]),
        ("除杭州和北京以外，其余地域", ["cn-hangzhou", "cn-beijing"]),
        ("除了上海之外的所有地域", ["cn-shanghai"]),
        ("除上海，其他地域", ["cn-shanghai"]),
        ("all regions except Shanghai", ["cn-shanghai"]),
        ("all regions other than Shanghai and Beijing", ["cn-shanghai", "cn-beijing"]),
        ("all regions but Shanghai", ["cn-shanghai"]),
        ("every region, with the exception of the Shanghai Region,", ["cn-shanghai"]),
        ("Except for Shanghai, all regions", ["cn-shanghai"]),
        ("recovered in all locations except for Jakarta", ["ap-southeast-5"]),
    ],
)
def test_complement(text: str, out: list[str]) -> None:
    scope = east.scope(text, THEN)
    assert scope.regions == minus(*out)
    assert not scope.every_region
    assert not scope.open_list


def test_words_of_a_complement() -> None:
    assert east.scope("除上海外的地域API服务", THEN).region_text == "除上海外的地域"


def test_services_left_out() -> None:
    scope = east.scope("all services except OSS and RDS")
    assert (scope.services, scope.except_services) == (("all",), ("oss", "rds"))


def test_a_title_that_is_a_field() -> None:
    assert west.scope("Batch (Global)") == Scope(
        regions=(GLOBAL,), services=("batch",), region_text="Global", service_text="Batch"
    )


# Recovery


def recovered(text: str, on: date | None = THEN, names: Gazetteer = east) -> list[Recovery]:
    found = names.recoveries(text, on)
    for recovery in found:
        assert text[recovery.span[0] : recovery.span[1]] == recovery.quote
    return found


def test_only_the_first_clause_closes() -> None:
    (recovery,) = recovered("18:54  经过处理，杭州、北京等地域控制台及API服务已恢复，其他地域控制台服务逐步恢复中。")
    assert recovery.scope.regions == ("cn-hangzhou", "cn-beijing")
    assert recovery.scope.services == ("console", "api")
    assert recovery.scope.open_list
    assert recovery.quote == "杭州、北京等地域控制台及API服务已恢复"


def test_restarted_is_back() -> None:
    (recovery,) = recovered("20:12 北京、杭州等地域消息队列MQ已完成重启，其余地域逐步恢复中。")
    assert recovery.scope.regions == ("cn-beijing", "cn-hangzhou")
    assert recovery.scope.services == ("mq",)
    (recovery,) = recovered("MQ in Beijing, Hangzhou and other regions has been restarted, others are recovering.")
    assert recovery.scope.open_list


def test_what_stands_under_the_name_of_a_service_is_of_that_service() -> None:
    """Up to a blank line, and unless it names one itself."""
    said = "{}\nRequests are back to normal in all regions except Shanghai. Engineers are still at work there."
    for heading in ("**RDS:**", "**RDS**:", "## RDS:", "RDS:"):
        (recovery,) = recovered(said.format(heading))
        assert (recovery.scope.services, recovery.scope.regions) == (("rds",), minus("cn-shanghai")), heading
    (recovery,) = recovered("**RDS:** Requests are back to normal in all regions except Shanghai.")
    assert recovery.scope.services == ("rds",)
    for text in (said.format("**RDS:**\n"), said.format("**RDS and more:**"), said.format("RDS")):
        assert [r.scope.services for r in recovered(text)] == [()], text
    (recovery,) = recovered(said.format("**RDS:**").replace("Requests", "OSS requests"))
    assert recovery.scope.services == ("oss",)


def test_all_but_some_services() -> None:
    (recovery,) = recovered(
        "异常组件均已完成重启，除个别产品（如消息队列MQ、消息服务MNS）仍需处理，其余云产品控制台及API服务已恢复。"
    )
    assert recovery.scope.regions == ()
    assert recovery.scope.services == ("console", "api")
    assert recovery.scope.except_services == ("mq", "mns")


def test_all_but_one_region_then_that_one() -> None:
    (first,) = recovered("观测到除上海外的地域API服务均已恢复，进一步定位上海地域的恢复问题；")
    assert first.scope.regions == minus("cn-shanghai")
    assert first.scope.services == ("api",)
    region, api = recovered("观测到上海地域恢复了，此时API和依赖API的服务彻底恢复，但控制台流量剧增")
    assert (region.scope.regions, region.scope.services) == (("cn-shanghai",), ())
    assert (api.scope.regions, api.scope.services) == ((), ("api",))


@pytest.mark.parametrize(
    ("text", "regions", "services"),
    [
        ("控制台服务全部恢复", (), ("console",)),
        ("杭州地域OSS恢复正常", ("cn-hangzhou",), ("oss",)),
        ("杭州，北京地域OSS均已恢复", ("cn-hangzhou", "cn-beijing"), ("oss",)),
        ("杭州地域的OSS，均已恢复", ("cn-hangzhou",), ("oss",)),
        ("上海地域控制台仍在恢复中，其他地域控制台已恢复", minus("cn-shanghai"), ("console",)),
        ("全部地域已恢复，上海仍在处理", minus("cn-shanghai"), ()),
        ("除上海外，其他地域均已恢复", minus("cn-shanghai"), ()),
        ("故障已排除，上海地域已于18:30恢复", ("cn-shanghai",), ()),
        ("Hangzhou has recovered, but Beijing is still recovering.", ("cn-hangzhou",), ()),
        ("The issue with OSS in Jakarta has been resolved.", ("ap-southeast-5",), ("oss",)),
        ("ECS in US (Virginia) is operating normally", ("us-east-1",), ("ecs",)),
        ("RDS is back to normal while ECS continues to recover", (), ("rds",)),
        ("OSS has recovered in all regions except Shanghai.", minus("cn-shanghai"), ("oss",)),
        ("OSS has recovered in all regions but Shanghai", minus("cn-shanghai"), ("oss",)),
        ("We have recovered OSS in Jakarta and continue to monitor", ("ap-southeast-5",), ("oss",)),
    ],
)
def test_what_is_back(text: str, regions: tuple[str, ...], services: tuple[str, ...]) -> None:
    (recovery,) = recovered(text)
    assert (recovery.scope.regions, recovery.scope.services) == (regions, services)


@pytest.mark.parametrize(
    ("text", "regions", "services"),
    [
        ("Calls of EC2 in the US-EAST-2 Region have returned to normal levels.", ("us-east-2",), ("ec2",)),
        ("EC2 has recovered in all Availability Zones of the US-EAST-2 Region.", ("us-east-2",), ("ec2",)),
        ("11:20 UTC - Workers replaced. West Europe fully recovered", ("westeurope",), ()),
        ("Resolved in us-east-1 and us-east-2; eu-west-3 remains impacted.", ("us-east-1", "us-east-2"), ()),
        ("CloudWatch is mitigated in Ohio at 12:30. We continue to work on Oregon.", ("us-east-2",), ("cloudwatch",)),
        # a line that a system writes begins with a name
        ("Batch is operating normally.", (), ("batch",)),
        ("Batch is now operating normally", (), ("batch",)),
    ],
)
def test_what_is_back_in_english(text: str, regions: tuple[str, ...], services: tuple[str, ...]) -> None:
    (recovery,) = recovered(text, names=west)
    assert (recovery.scope.regions, recovery.scope.services) == (regions, services)


@pytest.mark.parametrize("text", ["mitigated in all regions except us-east-2", "All regions but us-east-2 recovered."])
def test_all_but_one_region_in_english(text: str) -> None:
    (recovery,) = recovered(text, names=west)
    assert set(recovery.scope.regions) == set(WEST.all_regions(THEN)) - {"us-east-2"}


@pytest.mark.parametrize(
    "text",
    [
        "Error rates have recovered in the use1-az4 Availability Zone of the us-east-1 Region.",
        "EC2 has recovered in the use1-az4 Availability Zone in the US-EAST-1 Region.",
        "EC2 has recovered in use1-az4.",
        "Recovered in us-east-1a.",
        "The majority of EC2 in Ohio recovered by 07:00 UTC",
        "Once EC2 has recovered in Ohio, Lambda will recover",
    ],
)
def test_a_part_that_is_back_closes_no_region(text: str) -> None:
    assert recovered(text, names=west) == []


@pytest.mark.parametrize(
    "text",
    [
        "杭州控制台逐步恢复中",
        "杭州于18:35开始陆续恢复",
        "杭州开始恢复",
        "绝大部分地域控制台及API服务已恢复",
        "杭州大部分控制台已恢复",
        "杭州部分实例已恢复正常",
        "杭州控制台尚未恢复",
        "杭州控制台未恢复正常，仍需处理",
        "杭州控制台恢复正常后将另行通知",
        "杭州控制台已恢复80%",
        "其他地域控制台服务已恢复",
        "杭州、北京等地域仍在处理，其他地域已恢复",
        "除个别地域外，控制台已恢复",
        "对全地域进行数据修复工作，API服务逐地域恢复中",
        "导致上海集群无法通过回滚快速恢复",
        "受影响云产品均已恢复",
        "杭州控制台异常（已恢复）",
        "The issue has been resolved and the service is operating normally.",
        "OSS in Jakarta is recovering",
        "OSS in Jakarta has partially recovered",
        "Most OSS requests in Jakarta have recovered",
        "The majority of RDS instances have now recovered",
        "OSS has not yet recovered in Jakarta",
        "We will update you once OSS is fully recovered",
        "We are working until RDS is restored",
        "OSS should be restored in Jakarta by noon",
        "OSS has recovered, but we continue to work on the remaining errors",
        "OSS in Jakarta has recovered. We are still working towards recovery of OSS uploads.",
        "Power has been restored to ECS in Jakarta",
        "We have restored connectivity within the affected Availability Zone in Jakarta",
        "[RESOLVED] Increased errors in Jakarta",
        "OSS - Jakarta - Resolved",
        "Everything is operating normally.",
        "All other regions have recovered",
    ],
)
def test_what_is_not_back(text: str) -> None:
    assert recovered(text) == []


def test_lines_are_read_one_by_one() -> None:
    first, second = recovered("杭州OSS已恢复。\n北京OSS恢复中\n北京OSS已恢复")
    assert (first.scope.regions, second.scope.regions) == (("cn-hangzhou",), ("cn-beijing",))


# Hostile text

PIECES = [
    *(
        "杭州",
        "北京",
        "上海",
        "等",
        "除",
        "外",
        "其他地域",
        "全地域",
        "已恢复",
        "恢复中",
        "控制台",
        "API",
        "（",
        "）",
        "，",
        "、",
        "。",
    ),
    *(
        "all regions",
        "except",
        "but",
        "and others",
        "Jakarta",
        "EC2",
        "us-east-1",
        "recovered",
        "not",
        "the ",
        " ",
        "\n",
    ),
    *("N. Virginia", "(", ")", ",", ".", "-", "İ", "ß", "ﬁ", "\u0301", "\x00", "\ud800", "①", "１"),
]


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES), max_size=40).map("".join)))
def test_any_text_is_survived(text: str) -> None:
    for names in (east, west):
        for mention in (*names.regions_in(text), *names.services_in(text)):
            assert text[mention.start : mention.end] == mention.text
        scope = names.scope(text, THEN)
        assert len(set(scope.regions)) == len(scope.regions)
        recovered(text, names=names)
        names.region(text, text)
        names.service(text, text)
        names.component(Component(key=text, name=text, group=text))
        split_title(text)


@pytest.mark.parametrize(
    "text", ["除" * 30_000, "(" * 30_000, " " * 30_000 + "x", "杭州已恢复，" * 5_000, "all " * 9_000]
)
def test_long_text_takes_no_longer_than_its_length(text: str) -> None:
    # Seconds here; hours if any pattern were quadratic.
    recovered(text)
    east.scope(text)
    east.component(Component(key=None, name=text, group=text))


# The shipped catalog, on real texts


@pytest.fixture(scope="module")
def aws() -> Gazetteer:
    return Gazetteer(load_vendor(SHIPPED / "aws.yml"))


def test_every_labelled_aws_title_resolves(shared: Path, aws: Gazetteer) -> None:
    with (shared / "labels" / "aws.labels.csv").open() as file:
        for row in csv.DictReader(file):
            assert aws.service(None, row["service_name"]), row["service_name"]
            if row["location"] != "UNKNOWN":
                region = aws.region(None, row["location"])
                assert region, row["location"]
                assert f"-{region}_" in row["key"]


def test_every_region_code_in_aws_prose_is_found(shared: Path, aws: Gazetteer) -> None:
    for line in (shared / "labels" / "aws.captures.jsonl").read_text().splitlines():
        for incident in json.loads(json.loads(line)["body"])["archive"]:
            text = html.unescape(re.sub("<[^>]+>", " ", incident["description"] or ""))
            codes = [m[0].lower() for m in re.finditer(r"\b[A-Z]{2}-(?:GOV-)?[A-Z]+-\d\b", text)]
            found = [m.id for m in aws.regions_in(text)]
            assert all(code in found for code in codes)


def test_every_labelled_google_place_resolves(shared: Path) -> None:
    google = Gazetteer(load_vendor(SHIPPED / "gcp.yml"))
    for line in (shared / "labels" / "gcp.captures.jsonl").read_text().splitlines():
        for incident in json.loads(json.loads(line)["body"]):
            for update in incident["updates"]:
                for place in update.get("affected_locations") or []:
                    assert google.region(place["id"], None)
                    assert google.region(None, place["title"])


def test_alibaba_of_november_2023(shared: Path) -> None:
    """Hangzhou and Beijing first, twice; nothing else by name."""
    text = (shared / "captures" / "alibaba" / "aliyun_20231112_status_updates.zh.txt").read_text()
    found = recovered(text, names=Gazetteer(load_vendor(SHIPPED / "alibaba.yml")))
    assert [(r.scope.regions, r.scope.services, r.scope.open_list) for r in found] == [
        (("cn-hangzhou", "cn-beijing"), ("console", "api"), True),
        ((), ("console", "api"), False),
        (("cn-beijing", "cn-hangzhou"), ("mq",), True),
    ]


def test_tencent_of_april_2024(shared: Path) -> None:
    """All but Shanghai, then Shanghai."""
    text = (shared / "captures" / "tencent" / "tencent_20240408_postmortem.zh.txt").read_text()
    found = recovered(text, date(2024, 4, 8), Gazetteer(load_vendor(SHIPPED / "tencent.yml")))
    assert [(len(r.scope.regions) > 10, "ap-shanghai" in r.scope.regions) for r in found[:2]] == [
        (True, False),
        (False, True),
    ]
    assert [r.scope.services for r in found[2:]] == [("api",), ("console",)]


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yml")), ids=lambda path: path.stem)
def test_every_shipped_name_leads_to_its_owner(path: Path) -> None:
    vendor = load_vendor(path)
    names = Gazetteer(vendor)
    for region in vendor.regions:
        assert names.region(region.id, None) == region.id
        assert names.region(None, region.name) == region.id, region.name
    for service in vendor.services:
        assert names.service(service.id, None) == service.id
        assert names.service(None, service.name) == service.id, service.name
