"""Tells a random history to the running system, and asks everything in between and at its end."""

from contextlib import redirect_stdout
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from io import StringIO
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from sagecert_verify.command import main
from sagecert_verify.derive.london import london_day, midnight_ending
from tests.end_to_end.client import Answer, FactClient, Unanswered, before, rfc3339
from tests.every_answer.about_facts import about_facts
from tests.every_answer.about_partners import SUMMARY, about_partners
from tests.every_answer.about_people import about_people
from tests.every_answer.moment import Differences, Moment, PagesDiffer, same, short
from tests.oracle.histories import PRODUCTS, History, densely_revised, interesting_instants, seeded
from tests.oracle.rules import facts
from tests.systems import System

EVERY_NTH_REVISED = 3
VERIFIED_WITHOUT_A_CHECKPOINT = 20
MICROSECOND = timedelta(microseconds=1)


def history(seed: int, random: Random) -> History:
    """Every third is revised all the time; half of them happen in another season, in any of the years 2000 to 2099."""
    told = (densely_revised if seed % EVERY_NTH_REVISED == 0 else seeded)(seed)
    if random.random() < 0.5:
        return told
    days = timedelta(days=random.choice((83, 300, 787, -7_950, 28_000, random.randint(-7_950, 28_000))))
    return [_moved(fact, days) for fact in told]


def _moved(fact: facts.Fact, by: timedelta) -> facts.Fact:
    due_on = getattr(fact, "due_on", None)
    due = {} if due_on is None else {"due_on": due_on + by}
    return replace(fact, effective_at=fact.effective_at + by, recorded_at=fact.recorded_at + by, **due)


@dataclass
class Trial:
    """One history. `midway`: how often everything is asked after a fact. `compared`: how many answers were, so far."""

    system: System
    seed: int
    midway: float = 0.12
    compared: int = 0
    found: list[str] = field(default_factory=list)
    given: list[tuple[str, dict[str, Any], Answer]] = field(default_factory=list)

    def run(self) -> None:
        """Fills `found` with what differs, a sentence each."""
        self.random = Random(self.seed)
        self.history: History = history(self.seed, self.random)
        self.client = FactClient(self.system, before(self.history))
        for known, fact in enumerate(self.history, start=1):
            self._tell(known, fact)
            if self.random.random() < self.midway:
                self._ask_everything(known, self.client.clock, {})
        total = len(self.history)
        self._wait_somewhat(total)
        self._ask_everything(total, self.client.clock, {})
        for _ in range(2):
            self._ask_as_of(total)
        self._verify_export()
        self._suppose_another_policy()
        for _ in range(3):
            self._state_people()
        self._state_scores()
        self._ask_again()

    def _tell(self, known: int, fact: facts.Fact) -> None:
        """Now and then between the pages of a list that keeps the moment of its first page."""
        moment = Moment(self.client, self.history[: known - 1], self.client.clock, {}, self.random)
        if self.random.random() > 0.2 or not moment.partners:
            self.client.tell(fact)
            return
        partner = self.random.choice(moment.partners)
        lists = {
            f"/compliance/v1/partners/{partner}/timeline": "entries",
            "/compliance/v1/facts-without-effect": "facts",
        }
        began = [
            (path, member, moment.whole(path, member), moment.ask(path, limit=1)) for path, member in lists.items()
        ]
        self.client.tell(fact)
        for path, member, listed, page in began:
            lines = same(f"{path} from page to page", moment.continued(path, member, page, 2), listed)
            self.found += [f"seed {self.seed}, after {fact}: {line}" for line in lines]

    def _state_people(self) -> None:
        """Who is stated to work for a partner is linked there then; a dry run foretells it, and it is done once."""
        partner = self.random.choice(sorted({one for fact in self.history for one in _partners(fact)}))
        people = sorted({name for fact in self.history if (name := getattr(fact, "consultant", None)) is not None})
        stated = self.random.sample([*people, "C9"], self.random.randint(0, len(people)))
        past = [instant for instant in interesting_instants(self.history) if instant <= self.client.clock]
        as_of = self.random.choice([self.client.clock, *past])
        body = {"consultant_ids": stated, "as_of": rfc3339(as_of)}
        where = f"seed {self.seed}, stated {body} of {partner}"
        path = f"/certification/v1/partners/{partner}/consultants"
        tried, done, again = (
            self.system.http.put(path, json=body | more) for more in ({"dry_run": True}, {}, {"dry_run": False})
        )
        if done.status_code == 409:  # linked at that very instant (R17)
            self.found += same(f"{where} once more", (tried.status_code, again.status_code), (409, 409))
            return
        if (tried.status_code, again.status_code) != (200, 200) or done.status_code not in (200, 201):
            self.found.append(f"{where}: {tried.text} {done.text} {again.text}")
            return
        for member in ("linked", "departed"):
            foretold, found = ([one["consultant_id"] for one in r.json()[member]] for r in (tried, done))
            self.found += same(f"{where}: {member}, tried", foretold, found)
            self.found += same(f"{where}: {member}, again", again.json()[member], [])
        self.client.position = done.json().get("position") or self.client.position
        moment = {"at": rfc3339(as_of), "min_position": self.client.position, "limit": 1000}
        response = self.system.http.get(f"/compliance/v1/partners/{partner}/consultants", params=moment)
        if response.status_code == 404 and not stated:
            return
        linked = sorted({item["consultant_id"] for item in response.json()["consultants"]})
        self.found += same(where, linked, sorted(stated))
        self.compared += 1

    def _state_scores(self) -> None:
        """The score that is stated is the one in force from then on."""
        registrations = [fact for fact in self.history if isinstance(fact, facts.ExamRegistered)]
        if not registrations:
            return
        registration = self.random.choice(registrations).registration
        attempt, score = self.random.choice((1, 2)), self.random.choice(("80", "79.99", "55", "100"))
        path = f"/certification/v1/exam-registrations/{registration}"
        first, again = (self.system.http.put(f"{path}/attempts/{attempt}", json={"score": score}) for _ in range(2))
        answer = self.system.http.get(path)
        where = f"seed {self.seed}, stated {score} of attempt {attempt} of {registration}"
        if first.status_code not in (200, 201, 202) or again.json().get("outcome") != "unchanged":
            self.found.append(f"{where}: {first.text} {again.text}")
        if answer.status_code == 200:
            shown = [one["score"] for one in answer.json()["attempts"] if one["attempt"] == attempt]
            self.found += same(where, [Decimal(one) for one in shown], [Decimal(score)])
        self.compared += 1

    def _ask_again(self) -> None:
        """What was answered is answered again, whatever came since (R31)."""
        for path, question, answer in self.given:
            again = self.client.get(path, question | {"at": answer["at"], "known_position": answer["position"]})
            differing = [name for name in answer if name not in ("known_at", "next") and again[name] != answer[name]]
            where = f"seed {self.seed}, {path} {question} at {answer['at']}, position {answer['position']}"
            self.found += [f"{where}: {name} is {again[name]}, was {answer[name]}" for name in differing]
        self.compared += len(self.given)

    def _verify_export(self) -> None:
        """What is sealed is derived again by the verifier, from the file alone."""
        response = self.system.http.get("/audit/v1/exports").raise_for_status()
        said = StringIO()
        with TemporaryDirectory() as directory, redirect_stdout(said):
            path = Path(directory, "export.tar.gz")
            path.write_bytes(response.content)
            status = main([str(path)])
        if status != VERIFIED_WITHOUT_A_CHECKPOINT:
            self.found.append(f"seed {self.seed}: the verifier ended with {status}: {said.getvalue()}")
        self.compared += 1

    def _wait_somewhat(self, total: int) -> None:
        later = [instant for instant in interesting_instants(self.history) if instant > self.client.clock]
        if later:
            self.client.wait_until(self.random.choice(later))
            self._ask_everything(total, self.client.clock, {})
        later = [instant for instant in later if instant > self.client.clock]
        if later:
            last = midnight_ending(london_day(self.random.choice(later))) - MICROSECOND
            self.client.wait_until(last)

    def _ask_as_of(self, total: int) -> None:
        known = self.random.randint(1, total)
        at = self.random.choice(interesting_instants(self.history))
        if self.random.random() < 0.5:
            position = self.client.positions[known - 1]
            self._ask_everything(known, at, {"at": rfc3339(at), "known_position": position})
        else:
            known_at = self.history[known - 1].recorded_at
            known = sum(fact.recorded_at <= known_at for fact in self.history)
            self._ask_everything(known, at, {"at": rfc3339(at), "known_at": rfc3339(known_at)})

    def _ask_everything(self, known: int, at: datetime, when: dict[str, Any]) -> None:
        moment = Moment(self.client, self.history[:known], at, when, self.random)
        where = f"seed {self.seed}, at {at}, knowing {known}, asked {when}"
        if not moment.partners or not moment.consultants:
            return
        for part in (about_partners, about_people, about_facts):
            self._collect(where, part(moment))
        self.compared += moment.compared
        self.given += self.random.sample(moment.given, min(12, len(moment.given)))

    def _collect(self, where: str, differences: Differences) -> None:
        try:
            self.found += [f"{where}: {difference}" for difference in differences]
        except (PagesDiffer, Unanswered) as problem:
            self.found.append(f"{where}: {problem}")

    def _suppose_another_policy(self) -> None:
        """A what-if reports exactly the standings that are others once the policy is really revised so."""
        terms: Answer = self.random.choice(
            (
                {"window_days": 7},
                {"minimum": {"VAR": 3}},
                {"minimum": {"VAR": 1, "DEVELOPER": 2}, "window_days": 60},
                {"programmes": ["PARTNER_SUCCESS_PLUS"]},
                {"programmes": ["RESELLER", "PARTNER_SUCCESS"]},
            )
        )
        now, at = self.client.clock, self.client.clock + self.random.choice((0, 1, 31, 62)) * timedelta(days=1)
        body = terms | {"from": rfc3339(now), "at": rfc3339(at)}
        http = self.system.http
        asked = http.post("/audit/v1/what-ifs", json=body).raise_for_status()
        path = asked.headers["location"]
        result = http.get(path, params={"timeout": 30, "limit": 1000}).raise_for_status().json()
        where = f"seed {self.seed}, what if {body}"
        if result["state"] != "done":
            self.found.append(f"{where}: {result}")
            return
        actual = self._standings(at)
        revision = facts.PolicyRevised("what-if", now, now, "what-if", **_terms(terms))
        response = self.client.tell(revision)
        if response.status_code != 201:
            self.found.append(f"{where}: {response.text}")
        hypothetical = self._standings(at)
        wanted = {place for place in actual if _differing(actual[place]) != _differing(hypothetical[place])}
        got = {(one["partner_id"], one["product"]): one for one in result["differences"]}
        self.found += [f"{where}: {line}" for line in same("differing", sorted(got), sorted(wanted))]
        for place, difference in got.items():
            for member, standings in (("actual", actual), ("hypothetical", hypothetical)):
                both = difference[member].keys() & set(SUMMARY)
                lines = same(str(place), short(difference[member], *both), short(standings[place], *both))
                self.found += [f"{where}: {line}" for line in lines]
        self.compared += len(actual)
        self._ask_everything_after(revision)

    def _ask_everything_after(self, revision: facts.Fact) -> None:
        self.history = [*self.history, revision]
        self._ask_everything(len(self.history), self.client.clock, {})

    def _standings(self, at: datetime) -> dict[tuple[str, str], Answer]:
        moment = {"at": rfc3339(at), "known_position": self.client.position}
        return {
            (partner, product): self.client.get(f"/compliance/v1/partners/{partner}/compliance/{product}", moment)
            for partner in sorted({one for fact in self.history for one in _partners(fact)})
            for product in PRODUCTS
        }


def _partners(fact: facts.Fact) -> list[str]:
    return [name for member in ("partner", "into") if (name := getattr(fact, member, None)) is not None]


def _differing(answer: Answer) -> Answer:
    return short(answer, *SUMMARY, "counted", "suspensions") | {
        "windows": [{k: v for k, v in window.items() if k != "policy_id"} for window in answer["windows"]]
    }


def _terms(terms: Answer) -> Answer:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in terms.items()}
