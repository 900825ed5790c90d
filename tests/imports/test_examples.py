"""The example files and their mappings, imported into the running system."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Final

import pytest

from tests.end_to_end.test_demo import STATUSES
from tests.imports.importing import EXAMPLES, examples, report_rows, run_import
from tests.systems import System, environment

NOW: Final = "2026-06-30T09:00:00Z"
"""The present of the story that the examples tell."""


def statuses(system: System) -> dict[tuple[str, str], str]:
    """The status of each partner of the story and product of which it says something."""
    listed = system.http.get("/compliance/v1/partners?limit=1000").json()["partners"]
    found = {(row["partner_id"], row["product"]): row["status"] for row in listed}
    return {whose: found[whose] for whose in STATUSES}


def test_the_examples_tell_the_story_of_the_demo(system: System, tmp_path: Path) -> None:
    system.reset(NOW)
    files, mappings = examples()
    checked = run_import(system.url, files, mappings, "--dry-run", "--history")
    assert checked.status == 0, checked.output
    assert "90 facts would be recorded" in checked.output
    assert system.http.get("/certification/v1/events?type=partner-enrolled").json() == []
    first = run_import(system.url, files, mappings, "--history", "--report", str(tmp_path / "first.csv"))
    assert first == (0, "90 facts recorded; 0 were recorded before; 0 refused.\n")
    again = run_import(system.url, files, mappings, "--json", "--report", str(tmp_path / "again.csv"))
    assert json.loads(again.output) == {
        "recorded": 0, "held": 0, "replayed": 90, "refused": 0, "no_fact": 0, "not_sent": 0,
    }  # fmt: skip
    then, now = (report_rows(tmp_path / f"{name}.csv") for name in ("first", "again"))
    assert [row["fact_id"] for row in then] == [row["fact_id"] for row in now]
    assert Counter(row["result"] for row in then) == {"recorded": 90}
    position = max(int(row["position"]) for row in then)
    system.http.get(f"/compliance/v1/partners/harbour?min_position={position}").raise_for_status()
    assert statuses(system) == STATUSES


def test_facts_are_sent_in_the_order_in_which_they_were_true_whichever_file_has_them(system: System) -> None:
    system.reset(NOW)
    run_import(system.url, *examples())
    recorded = system.http.get("/certification/v1/events?after=0&limit=1000").json()
    reported = [fact["time"] for fact in recorded if "causationid" not in fact]
    assert reported == sorted(reported)


def test_what_is_refused_is_named_and_nothing_else_is_kept_back(system: System, tmp_path: Path) -> None:
    system.reset(NOW)
    files, mappings = examples()
    table = next(path for path in files if path.stem == "exams")
    lines = table.read_text().splitlines()
    wrong = tmp_path / "exams.csv"
    lines[1] = lines[1].replace("86.50", "186.50")
    lines[2] = lines[2].replace("Sage 200 Professional", "=Sage 50")
    lines.append("new-1;ann a;Sage 200 Standard;;01/02/2026 10:00;80;01/02/2026 11:00;;")
    wrong.write_text("\n".join(lines))
    done = run_import(
        system.url,
        [wrong],
        [path for path in mappings if path.stem == "exams"],
        "--report",
        str(tmp_path / "report.csv"),
    )
    assert done.status == 3
    assert "row 2: " in done.output
    refused = {
        (row["row"], row["fact"]): row["detail"]
        for row in report_rows(tmp_path / "report.csv")
        if row["result"] == "refused"
    }
    assert refused.keys() == {("2", "2"), ("3", "1"), (str(len(lines)), "1")}
    assert "holds a formula" in refused["3", "1"]
    assert "186.50" in refused["2", "2"] or "score" in refused["2", "2"]
    assert "not_sent" not in done.output


def test_a_parquet_file_is_read_like_the_csv_file(system: System, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    system.reset(NOW)
    files, mappings = examples()
    table = next(path for path in files if path.stem == "consultants")
    mapping = [path for path in mappings if path.stem == "consultants"]
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "consultants.parquet")
    assert run_import(system.url, [table], mapping).status == 0
    again = run_import(system.url, [tmp_path / "consultants.parquet"], mapping)
    assert again == (0, "0 facts recorded; 14 were recorded before; 0 refused.\n")


def test_the_command_of_the_guide_works_as_it_stands(system: System, tmp_path: Path) -> None:
    system.reset(NOW)
    guide = (EXAMPLES.parent / "integrator-guide.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bash\n(export SAGECERT_URL=.*?)```", guide, re.DOTALL)
    shutil.copytree(EXAMPLES, tmp_path / "docs" / "examples")
    commands = block.replace("http://127.0.0.1:8000", system.url)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-ec", commands],
        cwd=tmp_path,
        env=environment({"PATH": path}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "90 facts would be recorded; 0 were recorded before; 0 would be refused.\n", done.stderr
    assert len(report_rows(tmp_path / "docs" / "examples" / "report.csv")) == 90


def test_a_system_that_refuses_the_caller_is_named(system: System) -> None:
    files, mappings = examples()
    done = run_import(f"{system.url}/elsewhere", files, mappings)
    assert done.status == 1
    assert "refuses the call (404)" in done.output
