"""What is sold is a setting that every part of the system reads alike (R2)."""

import httpx

from tests.databases import Database
from tests.systems import System, serving


def test_a_product_that_is_added_is_counted_like_the_others(sandbox_database: Database) -> None:
    settings = {"DATABASE_URL": sandbox_database.owner_url, "SAGECERT_PRODUCTS": '["S200P","S200S","S200X"]'}
    with (
        serving(settings, "up", "--sandbox") as (process, url),
        httpx.Client(base_url=url, timeout=60) as http,
    ):
        system = System(url, http, {"up": process})
        system.reset()
        system.record("partners", "k1", partner_id="P1", kind="DEVELOPER", programme="PARTNER_SUCCESS")
        system.record("partners/P1/consultants", "k2", consultant_id="C1")
        recorded = system.record("recognised-certifications", "k3", consultant_id="C1", product="S200X").json()
        answer = http.get(
            "/compliance/v1/partners/P1/compliance/S200X", params={"min_position": recorded["position"]}
        ).json()
        assert (answer["headcount"], answer["status"]) == (1, "compliant")
        others = http.get("/compliance/v1/partners/P1/compliance/S200P").json()
        assert (others["headcount"], others["status"]) == (0, "not_yet_authorised")
