"""The OpenAPI document says of every question what it is and what is answered."""

from services.compliance.app import create_app
from services.compliance.settings import ComplianceSettings
from services.host.wall_clock import wall_clock


def test_every_question_is_documented() -> None:
    document = create_app(ComplianceSettings.model_validate({"database_url": "postgresql://x"}), wall_clock).openapi()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            assert operation["description"], path
            if path.startswith("/compliance/v1/"):
                done = {status: answer for status, answer in operation["responses"].items() if status < "300"}
                assert done, path
                for status, answer in done.items():
                    assert status == "204" or all(one["schema"] != {} for one in answer["content"].values()), path
    assert "404" not in document["paths"]["/compliance/v1/events"]["get"]["responses"], "no id is asked about"
    assert document["components"]["schemas"].keys() >= {"ComplianceAnswer", "Problem", "CloudEvent", "Window"}
