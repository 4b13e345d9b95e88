"""What deploy/ tells machines to run exists and is written as they read it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from crawler.commands import BUSY, SOME_FAILED, main

ROOT = Path(__file__).parent.parent
DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))


def runs(words: list[str]) -> None:
    """`outages …` with these words is a command with these options."""
    command: click.Command = main
    with click.Context(main) as context:
        name, sub, rest = main.resolve_command(context, words)
        assert name
        assert sub
        command = sub
        command.make_context(name, list(rest), parent=context, resilient_parsing=False)


def commands(text: str) -> list[list[str]]:
    """The words after each call of `outages` in a text."""
    return [
        shlex.split(found)
        for found in re.findall(
            r"(?:bin/|^|[ \"])outages ((?:poll|publish|serve|health|captures)[^;|>\"\n]*)", text, re.M
        )
    ]


@pytest.mark.parametrize("path", [p for p in sorted(DEPLOY.iterdir()) if p.suffix != ".timer"], ids=lambda p: p.name)
def test_every_command_exists(path: Path) -> None:
    text = "\n".join(line for line in path.read_text().splitlines() if not line.lstrip().startswith("#"))
    found = commands(text)
    if path.name == "Containerfile":
        assert 'ENTRYPOINT ["outages"]' in text
        found = [["poll"]]
    assert found, "runs nothing"
    for words in found:
        runs(words)


@pytest.mark.parametrize("path", UNITS, ids=lambda p: p.name)
def test_systemd_takes_the_unit(path: Path, tmp_path: Path) -> None:
    if not shutil.which("systemd-analyze"):
        pytest.skip("no systemd-analyze here")
    for unit in DEPLOY.glob("outages-*"):
        text = unit.read_text().replace("/opt/outages/.venv/bin/outages", shutil.which("true") or "/bin/true")
        (tmp_path / unit.name).write_text(re.sub(r"^(User|Group)=.*\n", "", text, flags=re.M))
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", str(tmp_path / path.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line for line in done.stderr.splitlines() if path.name in line]
    assert not said, done.stderr


def test_codes_that_are_no_failure_are_the_same_everywhere() -> None:
    assert f"SuccessExitStatus={SOME_FAILED} {BUSY}" in (DEPLOY / "outages-poll.service").read_text()
    for name in ("cronjob.yml", "github-actions.yml"):
        assert f"{SOME_FAILED}|{BUSY})" in (DEPLOY / name).read_text()
    assert f"| {SOME_FAILED} |" in (ROOT / "docs" / "deploying.md").read_text()


def test_the_image_has_all_that_ships() -> None:
    copied = re.findall(r"^COPY (.+) \S+$", (DEPLOY / "Containerfile").read_text(), re.M)
    names = {name for line in copied for name in line.split()}
    shipped = {f"data/{path.name}" for path in (ROOT / "data").iterdir() if path.is_dir() or path.suffix == ".yml"}
    assert {"crawler", "spiders", "metadata.yml", "pyproject.toml"} | shipped <= names


def test_a_wheel_has_all_that_ships() -> None:
    placed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["data-files"]
    found = {
        Path(target, path.name).relative_to("share/outages")
        for target, patterns in placed.items()
        for pattern in patterns
        for path in ROOT.glob(pattern)
    }
    shipped = {path.relative_to(ROOT) for path in (ROOT / "data").rglob("*") if path.suffix in (".yml", ".csv")}
    assert found == {Path("metadata.yml"), *shipped}


def test_kubernetes_objects_hold_together() -> None:
    objects: list[dict[str, Any]] = list(yaml.safe_load_all((DEPLOY / "cronjob.yml").read_text()))
    assert [o["kind"] for o in objects] == ["PersistentVolumeClaim", "CronJob", "CronJob", "Deployment"]
    claim, *crons, site = objects
    pods = [
        *(cron["spec"]["jobTemplate"]["spec"]["template"]["spec"] for cron in crons),
        site["spec"]["template"]["spec"],
    ]
    assert {cron["spec"]["concurrencyPolicy"] for cron in crons} == {"Forbid"}
    for pod in pods:
        volumes = {volume["name"] for volume in pod["volumes"]}
        assert claim["metadata"]["name"] in str(pod["volumes"])
        for container in pod["containers"]:
            assert {mount["name"] for mount in container["volumeMounts"]} <= volumes


def test_the_site_serves_what_is_published_and_writes_nothing() -> None:
    published = re.findall(r"outages publish (\S+)", (DEPLOY / "outages-publish.service").read_text())
    site = (DEPLOY / "outages-site.service").read_text()
    assert published == re.findall(r"serve --published (\S+)", site)
    assert "ProtectSystem=strict" in site
    assert not re.search(r"^(StateDirectory|ReadWritePaths)", site, re.M)
    runs(["serve", *next(d for d in yaml.safe_load_all((DEPLOY / "cronjob.yml").read_text()) if d["kind"] == "Deployment")
          ["spec"]["template"]["spec"]["containers"][0]["args"][1:]])  # fmt: skip


def test_the_workflow_never_runs_twice_at_once() -> None:
    workflow = yaml.safe_load((DEPLOY / "github-actions.yml").read_text())
    assert workflow["concurrency"] == {"group": "poll", "cancel-in-progress": False}
    assert workflow[True]["schedule"]  # YAML 1.1 reads "on" as a truth
