"""The README is true: its settings exist, its commands exist, and its examples answer what it shows."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Any, Final

import click
import pytest
from pydantic import AliasChoices
from pydantic_settings import BaseSettings

from services.audit.settings import AuditSettings, SealerSettings
from services.certification.settings import CertificationSettings
from services.cli import main
from services.cli.settings import SystemSettings
from services.compliance.reminders.settings import MailSettings
from services.compliance.settings import ComplianceSettings, DispatcherSettings, FollowerSettings
from services.console.settings import ConsoleSettings
from tests.architecture.markdown import code_blocks, read, rows, sections
from tests.systems import System

README: Final = sections(read("README.md"))
NAME: Final = re.compile(r"`([A-Z][A-Z_]+)`")
EXAMPLE: Final = re.compile(r"```bash\n(.*?)```(?:(?!```).)*?```json\n(.*?)```", re.DOTALL)
MARK: Final = "=== next example ==="


def variables(settings: type[BaseSettings]) -> Iterator[tuple[str, Any]]:
    """The environment variables that a settings class reads, with their defaults."""
    for name, field in settings.model_fields.items():
        alias = field.validation_alias
        if isinstance(alias, AliasChoices):
            names = [str(choice) for choice in alias.choices]
        elif alias is not None:
            names = [str(alias)]
        else:
            names = [f"{settings.model_config['env_prefix']}{name}".upper()]
        for variable in names:
            yield variable, field.get_default(call_default_factory=True)


READ: Final = {
    name: default
    for settings in (
        CertificationSettings,
        ComplianceSettings,
        FollowerSettings,
        DispatcherSettings,
        ConsoleSettings,
        AuditSettings,
        SealerSettings,
        SystemSettings,
        MailSettings,
    )
    for name, default in variables(settings)
}
CONFIGURATION: Final = list(rows(README["Configuration"]))[1:]


def test_every_setting_is_in_the_table_and_no_other() -> None:
    documented = [name for row in CONFIGURATION for name in NAME.findall(row[0])]
    assert sorted(documented) == sorted(READ)


@pytest.mark.parametrize("row", CONFIGURATION, ids=lambda row: row[0])
def test_the_default_of_a_setting_is_as_documented(row: list[str]) -> None:
    for name in NAME.findall(row[0]):
        default = READ[name]
        if row[3] in ("none", "required", "found"):
            assert default is None or not isinstance(default, int | float | tuple)
        elif isinstance(default, tuple):
            assert json.loads(row[3].strip("`")) == list(default)
        else:
            assert row[3].strip("`") == str(default).lower()


def commands(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            inner = command.get_command(context, name)
            assert inner is not None
            yield from commands(inner, f"{path} {name}")
    else:
        yield path, command


def test_every_command_is_in_the_table_and_no_other() -> None:
    documented = re.findall(
        r"^\| `(sagecert(?: [a-z]+(?:-[a-z]+)*)+)(?: --\w+)*` \|", README["The command"], re.MULTILINE
    )
    assert set(documented) == {path for path, _ in commands(main, "sagecert")}


@pytest.mark.parametrize("path", ["README.md", "docs/operations.md", "docs/auditor-guide.md", "CONTRIBUTING.md"])
def test_every_command_that_is_told_exists_with_its_options(path: str) -> None:
    known = {
        name: {option for one in command.params for option in one.opts} for name, command in commands(main, "sagecert")
    }
    for line in re.findall(r"(?<![/\w])sagecert((?: [a-z]+(?:-[a-z]+)*)+(?: --[a-z-]+(?: [\w./]+)?)*)", read(path)):
        words = ["sagecert", *line.split()]
        name = next((" ".join(words[:count]) for count in (3, 2) if " ".join(words[:count]) in known), None)
        assert name is not None, f"{path}: {' '.join(words)}"
        assert {word for word in words if word.startswith("--")} <= known[name] | {"--help"}, f"{path}: {words}"


def shown(text: str) -> list[tuple[str, Any]]:
    """The examples of a section: commands, and the (shortened) answer of the last of them."""
    return [(command, json.loads(answer)) for command, answer in EXAMPLE.findall(text)]


def holds(expected: Any, answer: Any) -> bool:
    """Whether the answer says what is expected, and perhaps more."""
    if isinstance(expected, dict):
        return isinstance(answer, dict) and all(
            name in answer and holds(expected[name], answer[name]) for name in expected
        )
    return bool(expected == answer)


def test_the_examples_answer_what_the_readme_shows(system: System) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed here")
    examples = shown(README["Try it"])
    assert len(examples) == 5
    script = f"\necho '{MARK}'\n".join(command for command, _ in examples)
    script = script.replace("http://127.0.0.1:8000", system.url)
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True, timeout=60)
    for output, (command, expected) in zip(done.stdout.split(MARK), examples, strict=True):
        answers = [json.loads(line) for line in output.strip().splitlines()]
        assert not [answer for answer in answers if "title" in answer], f"a problem in answer to {command}"
        assert holds(expected, answers[-1]), f"{command}\nanswered {answers[-1]}"
    (program,) = code_blocks(README["Try it"], "python")
    program = program.replace("http://127.0.0.1:8000", system.url)
    printed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert printed.stdout == "suspended 1\n"


def test_the_timeline_is_the_one_of_the_examples(system: System) -> None:
    """The picture shows one window and one suspension, with the days of the example."""
    examples = shown(README["Try it"])
    (window,), (suspension,) = examples[3][1]["windows"], examples[3][1]["suspensions"]
    picture = README["A partner's timeline"]
    assert [window["opened_at"][5:10], suspension["from"][5:10], suspension["to"][5:10]] == ["03-02", "04-01", "04-13"]
    for day in ("2 Mar", "13 Apr 2026", window["deadline_at"]):
        assert day in picture


@pytest.mark.parametrize("path", ["docs/integrator-guide.md", "docs/auditor-guide.md", "docs/operations.md"])
def test_the_calls_of_the_guides_are_answered(path: str, system: System) -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed here")
    recorded = system.record("partners", "harbour", partner_id="harbour", kind="VAR", programme="PARTNER_SUCCESS")
    applied = {"min_position": recorded.json()["position"]}
    system.http.get("/compliance/v1/partners/harbour", params=applied).raise_for_status()
    endpoint = system.http.post("/compliance/v1/webhook-endpoints", json={"url": "http://127.0.0.1:9/hooks"}).json()
    blocks = [block for block in code_blocks(read(path), "bash") if "curl" in block and "SAGECERT_URL" not in block]
    assert blocks
    for block in blocks:
        for call in re.split(r"\n(?=curl)", re.sub(r"\\\n\s*", "", block).strip()):
            script = call + " -w '\\n%{http_code}'"
            environment = {**os.environ, "URL": system.url, "ENDPOINT": endpoint["endpoint_id"]}
            done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True, env=environment)
            body, _, status = done.stdout.rpartition("\n")
            assert status.startswith("2"), f"{call} answered {status}: {body}"
            assert json.loads(body)
