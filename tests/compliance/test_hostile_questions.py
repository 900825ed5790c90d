"""No question fails the service, whatever stands in its path or its parameters.

The questions come from the running system's own OpenAPI document: a new one is covered by itself.
"""

from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.systems import System

HOSTILE: Final = [
    pytest.param("", id="empty"),
    pytest.param("%00", id="NUL"),
    pytest.param("a%00b", id="NUL inside"),
    pytest.param("%ED%A0%80", id="lone surrogate"),
    pytest.param("%FF%FE", id="not UTF-8"),
    pytest.param("a%2Fb", id="slash"),
    pytest.param("..%2F..%2Fetc", id="dots"),
    pytest.param("P1%0A", id="newline"),
    pytest.param(quote("\u0665"), id="other digits"),
    pytest.param("x" * 5_000, id="long"),
    pytest.param("NaN", id="NaN"),
    pytest.param("1e999", id="huge float"),
    pytest.param("-1", id="negative"),
    pytest.param("1.5", id="fraction"),
    pytest.param("9" * 25, id="past 63 bits"),
    pytest.param("9" * 5_000, id="an integer that Python does not read"),
    pytest.param("true", id="boolean"),
    pytest.param("2022-03-01T09:00:00", id="naive time"),
    pytest.param("0000-01-01T00:00:00Z", id="year 0"),
    pytest.param("9999-12-31T23:59:59Z", id="year 9999"),
    pytest.param("2022-03-01T09:00:00%2B99:99", id="no offset"),
    pytest.param("%7B%22a%22%3A%5B%5D%7D", id="object"),
    pytest.param("';%20DROP%20TABLE%20progress;--", id="SQL"),
]
VALID: Final = {"partner_id": "P1", "consultant_id": "C1", "product": "S200P", "portal_change_id": "CH1"}


def _questions(system: System) -> list[tuple[str, list[dict[str, Any]]]]:
    """Every GET that compliance answers: its path and its parameters."""
    document = system.http.get("/openapi.json").json()
    return [
        (path, methods["get"].get("parameters", []))
        for path, methods in document["paths"].items()
        if path.startswith(("/compliance/", "/audit/v1/explanations/")) and "get" in methods
    ]


def _asked(path: str, hostile_name: str, hostile: str) -> str:
    """The path with this parameter hostile and the others as they should be."""
    for name, valid in VALID.items():
        path = path.replace("{" + name + "}", hostile if name == hostile_name else valid)
    return path


@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_question_fails_the_service(system: System, hostile: str) -> None:
    recorded = system.record("partners", "k1", partner_id="P1", kind="VAR", programme="PARTNER_SUCCESS").json()
    asked = []
    for path, parameters in _questions(system):
        for parameter in parameters:
            name = parameter["name"]
            if parameter["in"] == "path":
                asked.append(_asked(path, name, hostile))
            elif parameter["in"] == "query":
                asked.append(f"{_asked(path, '', '')}?{name}={hostile}")
        asked.append(f"{_asked(path, '', '')}?{hostile}=1")
    assert len(asked) > 40, "the document names the questions and their parameters"
    for url in asked:
        answer = system.http.get(url)
        assert answer.status_code < 500, f"{url[:200]} answered {answer.status_code}: {answer.text[:300]}"
        if answer.status_code >= 400:
            assert answer.headers["content-type"].startswith("application/problem+json"), url[:200]
            assert answer.json()["detail"], url[:200]
    applied = {"min_position": recorded["position"]}
    assert system.http.get("/compliance/v1/partners/P1/compliance/S200P", params=applied).status_code == 200
