"""Tells the facts of a history or a story to the running system, and asks it, over HTTP."""

from collections.abc import Mapping
from dataclasses import fields
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from tests.oracle.rules import facts
from tests.oracle.rules.facts import Fact
from tests.systems import System

Answer = dict[str, Any]
PARTNERS = "/certification/v1/partners"
EXAMS = "/certification/v1/exam-registrations"


class Unanswered(Exception):
    """The system did not answer 200; `status` is what it answered."""

    def __init__(self, response: httpx.Response) -> None:
        super().__init__(f"{response.request.url} answered {response.status_code}: {response.text}")
        self.status = response.status_code


class FactClient:
    """One story, told to a system that was emptied for it; the clock moves with what is told."""

    def __init__(self, system: System, begins_at: datetime) -> None:
        self.system = system
        self.clock = begins_at
        self.position = 0
        self.fact_ids: dict[str, str] = {}
        self.positions: list[int] = []
        system.reset(rfc3339(begins_at))

    # Telling ---------------------------------------------------------------------------------

    def tell(self, fact: Fact) -> httpx.Response:
        """Posts the fact at the instant of its recording, under its own id as idempotency key."""
        self.wait_until(fact.recorded_at)
        response = self.post(fact)
        if response.status_code in (201, 202):
            self.fact_ids[fact.fact_id] = response.json()["fact_id"]
            self.position = response.json()["position"]
        self.positions.append(self.position)
        return response

    def post(self, fact: Fact) -> httpx.Response:
        path, body = self._call(fact)
        return self.system.http.post(path, json=body, headers={"Idempotency-Key": fact.fact_id})

    def record(self, fact: Fact) -> str:
        """As a story is told: what became of the fact, in a word."""
        response = self.tell(fact)
        if response.status_code in (201, 202):
            return "recorded"
        return "repeated" if response.status_code == 200 else f"refused {response.json().get('rule')}"

    def wait_until(self, instant: datetime) -> None:
        """Moves the clock there; every timer due by then has fired."""
        if instant > self.clock:
            self.system.set_clock(rfc3339(instant))
            self.clock = instant

    def _call(self, fact: Fact) -> tuple[str, Answer]:
        """Path and body of the POST that reports the fact."""
        body: Answer = {"effective_at": rfc3339(fact.effective_at)}
        match fact:
            case facts.PartnerEnrolled():
                return PARTNERS, body | _said(fact, "partner", "kind", "programme")
            case facts.PartnerKindChanged():
                return f"{PARTNERS}/{quote(fact.partner)}/kind-changes", body | _said(fact, "kind")
            case facts.PartnerProgrammeChanged():
                return f"{PARTNERS}/{quote(fact.partner)}/programme-changes", body | _said(fact, "programme")
            case facts.PartnerClosed():
                return f"{PARTNERS}/{quote(fact.partner)}/closure", body
            case facts.PartnersMerged():
                return f"{PARTNERS}/{quote(fact.partner)}/merger", body | _said(fact, "into")
            case facts.ConsultantLinked():
                return f"{PARTNERS}/{quote(fact.partner)}/consultants", body | _said(fact, "consultant")
            case facts.ConsultantLeft():
                return f"{PARTNERS}/{quote(fact.partner)}/departures", body | _said(fact, "consultant")
            case facts.PortalChangeDeclared():
                said = _said(fact, "change", "significant")
                said |= {"products": list(fact.products), "due_on": str(fact.due_on), "summary": "a change"}
                return "/certification/v1/portal-changes", body | said
            case facts.PortalChangeCorrected():
                said = _said(fact, "products", "significant") | {"reason": "announced wrongly"}
                said |= {} if fact.due_on is None else {"due_on": str(fact.due_on)}
                return f"/certification/v1/portal-changes/{quote(fact.change)}/corrections", body | said
            case facts.PolicyRevised():
                said = _said(fact, "policy", "window_days", "minimum", "programmes", "reminder_days")
                return "/certification/v1/policy-revisions", body | said | {"reason": "decided by Sage"}
            case facts.FactVoided():
                voided = quote(self.fact_ids.get(fact.voided, fact.voided))
                return f"/certification/v1/facts/{voided}/void", body | {"reason": "recorded in error"}
            case _:
                return _exam_call(fact, body)

    # Asking ----------------------------------------------------------------------------------

    def partner(self, partner: str, product: str, at: datetime | None, known_at: datetime | None) -> Answer:
        return self.partner_as_of(partner, product, as_of(at, known_at))

    def partner_as_of(self, partner: str, product: str, when: Mapping[str, Any]) -> Answer:
        """The answer about the partner, in the words of the calculator."""
        answer = self.get(f"/compliance/v1/partners/{partner}/compliance/{product}", when)
        windows = [
            {name: instant(value) if name.endswith("_at") else value for name, value in window.items()}
            | {"deadline_on": date.fromisoformat(window["deadline_on"])}
            for window in answer["windows"]
        ]
        suspensions = [(instant(suspension["from"]), instant(suspension["to"])) for suspension in answer["suspensions"]]
        return answer | {"windows": windows, "suspensions": suspensions}

    def person(self, person: str, product: str, at: datetime | None, known_at: datetime | None) -> Answer:
        answer = self.get(f"/compliance/v1/consultants/{person}/certifications/{product}", as_of(at, known_at))
        first, told_as = answer["reasons"][0], {recorded: told for told, recorded in self.fact_ids.items()}
        because = (first["rule"], *(told_as[fact_id] for fact_id in first["fact_ids"]))
        return answer | {"next_change_at": instant(answer["next_change_at"]), "because": because}

    def registration(self, registration: str, at: datetime | None, known_at: datetime | None) -> Answer | None:
        try:
            return self.get(f"{EXAMS}/{registration}", as_of(at, known_at))
        except Unanswered as problem:
            if problem.status != 404:
                raise
            return None

    def notified(self, change: str, at: datetime | None, known_at: datetime | None) -> list[str]:
        answer = self.get(f"/compliance/v1/portal-changes/{change}/notifications", as_of(at, known_at))
        notified: list[str] = answer["notified"]
        return notified

    def policy(self, at: datetime | None, known_at: datetime | None) -> Answer:
        return self.get("/compliance/v1/policy", as_of(at, known_at))

    def get(self, path: str, query: Mapping[str, Any]) -> Answer:
        """Raises `Unanswered`."""
        if path.startswith("/compliance/"):
            query = {**query, "min_position": self.position}
        response = self.system.http.get(path, params=query)
        if response.status_code != 200:
            raise Unanswered(response)
        answer: Answer = response.json()
        return answer


def as_of(at: datetime | None, known_at: datetime | None) -> dict[str, str]:
    """The query that asks so; what is None is left out, and so means now."""
    asked = {"at": at, "known_at": known_at}
    return {name: rfc3339(value) for name, value in asked.items() if value is not None}


def rfc3339(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def before(history: list[Fact]) -> datetime:
    """An instant before anything of the history was recorded."""
    return min(fact.recorded_at for fact in history) - timedelta(days=1)


def _exam_call(fact: Fact, body: Answer) -> tuple[str, Answer]:
    match fact:
        case facts.CourseCompleted():
            return "/certification/v1/course-completions", body | _said(fact, "consultant", "product", "change")
        case facts.ExamRegistered():
            return EXAMS, body | _said(fact, "registration", "consultant", "product", "change")
        case facts.AttemptScored():
            return f"{EXAMS}/{quote(fact.registration)}/attempts", body | _said(fact, "attempt", "score")
        case facts.ScoreCorrected():
            path = f"{EXAMS}/{quote(fact.registration)}/attempts/{fact.attempt}/corrections"
            return path, body | _said(fact, "score") | {"reason": "marked again"}
        case facts.CertificationRecognised():
            return "/certification/v1/recognised-certifications", body | _said(fact, "consultant", "product")
        case facts.RevocationOrdered():
            said = _said(fact, "consultant", "product") | {"reason": "misconduct"}
            return "/certification/v1/certification-revocations", body | said
        case _:
            raise ValueError(f"there is no call that reports a {type(fact).__name__}")


def _said(fact: Fact, *names: str) -> Answer:
    """Fields of the fact under the names of the HTTP contract, those without a value left out."""
    ids = {"partner": "partner_id", "consultant": "consultant_id", "registration": "registration_id"}
    ids |= {"change": "portal_change_id", "policy": "policy_id"}
    known = {field.name for field in fields(fact)} & set(names)
    return {ids.get(name, name): getattr(fact, name) for name in known if getattr(fact, name) is not None}
