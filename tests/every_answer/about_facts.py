"""What is answered about facts and events: timelines, what waits, what has no effect, claims."""

from collections import Counter
from datetime import timedelta

from sagecert_verify.derive.london import london_day, midnight_ending
from tests.end_to_end.client import Answer, rfc3339
from tests.every_answer.moment import Differences, Moment, same, utc
from tests.oracle.rules import facts
from tests.oracle.rules.knowledge import not_void

PARTNERS = "/compliance/v1/partners"
NAMED = "com.sage.partnercloud.{}.v1"


def about_facts(moment: Moment) -> Differences:
    """Differences between all answers about facts and events."""
    for partner in moment.random.sample(moment.partners, 1):
        entries = moment.whole(f"{PARTNERS}/{partner}/timeline", "entries")
        yield from _in_order(f"timeline of {partner}", entries)
    yield from _without_effect(moment)
    if moment.is_present:
        yield from _held(moment)
        yield from _claims(moment)
        yield from _recorded_events(moment)
        yield from _recorded_facts(moment)


def _in_order(what: str, entries: list[Answer]) -> Differences:
    instants = [entry["at"].replace("Z", "") for entry in entries]
    padded = [text if "." in text else f"{text}.000000" for text in instants]
    yield from same(what, padded, sorted(padded))


def _without_effect(moment: Moment) -> Differences:
    path = "/compliance/v1/facts-without-effect"
    oldest = moment.whole(path, "facts")
    newest = moment.whole(path, "facts", order="newest")
    yield from same("facts without effect, newest first", newest, oldest[::-1])
    voided = {fact.voided for fact in moment.history if isinstance(fact, facts.FactVoided)}
    wanted = sorted(moment.client.fact_ids[fact_id] for fact_id in voided if fact_id in moment.client.fact_ids)
    got = sorted(fact["fact_id"] for fact in oldest if fact["reason"] == "voided")
    yield from same("voided facts without effect", got, wanted)
    for reason in sorted({fact["reason"] for fact in oldest})[:3]:
        some = [fact for fact in oldest if fact["reason"] == reason]
        yield from same(f"without effect for {reason}", moment.whole(path, "facts", reason=reason), some)
    person = moment.random.choice(moment.consultants)
    mine = moment.whole(path, "facts", consultant_id=person)
    named = [fact for fact in oldest if fact["data"].get("consultant_id") == person]
    yield from same(f"without effect about {person}", [fact for fact in named if fact not in mine], [])
    yield from same(f"without effect about {person} only", [fact for fact in mine if fact not in oldest], [])


def _held(moment: Moment) -> Differences:
    """Scores wait for registrations, corrections for scores and for portal changes (R33, R35)."""
    standing = not_void(moment.history)
    registered = {fact.registration for fact in standing if isinstance(fact, facts.ExamRegistered)}
    scored = {(fact.registration, fact.attempt) for fact in standing if isinstance(fact, facts.AttemptScored)}
    declared = {fact.change for fact in standing if isinstance(fact, facts.PortalChangeDeclared)}
    wanted = set()
    for fact in standing:
        match fact:
            case facts.AttemptScored(registration=registration) if registration not in registered:
                wanted.add(moment.client.fact_ids[fact.fact_id])
            case facts.ScoreCorrected(registration=registration, attempt=attempt) if (
                registration not in registered or (registration, attempt) not in scored
            ):
                wanted.add(moment.client.fact_ids[fact.fact_id])
            case facts.PortalChangeCorrected(change=change) if change not in declared:
                wanted.add(moment.client.fact_ids[fact.fact_id])
    got = [fact["fact_id"] for fact in moment.whole("/certification/v1/held-facts", "held_facts")]
    yield from same("held facts", sorted(got), sorted(wanted))


def _claims(moment: Moment) -> Differences:
    """What was answered live was right then; it is correct where it is right by what is known now."""
    for partner in moment.random.sample(moment.partners, 1):
        for claim in moment.whole("/audit/v1/claims", "claims", partner_id=partner):
            member = "sell_new" if claim["customer"] == "new" else "maintain_existing"
            path = f"{PARTNERS}/{partner}/compliance/{claim['product']}"
            now = moment.client.get(path, {"at": claim["at"], "known_position": moment.client.position})[member]
            then = moment.client.get(path, {"at": claim["at"], "known_position": claim["position"]})[member]
            verdict = "correct" if claim["allowed"] == now else "justified" if claim["allowed"] == then else "wrong"
            yield from same(f"claim {claim}", (claim["verdict"], claim["now_allowed"]), (verdict, now))
            yield from same(f"claim {claim} was right then", claim["allowed"], then)
            moment.compared += 1


def _recorded_events(moment: Moment) -> Differences:
    newest_first = moment.whole("/compliance/v1/recorded-events", "events")
    feed: list[Answer] = []
    while True:
        query = {"after": len(feed), "limit": 1000}
        batch = moment.client.system.http.get("/compliance/v1/events", params=query).json()
        if not batch:
            break
        feed += batch
    yield from same("recorded events", newest_first, feed[::-1])
    yield from _counted_events(moment, feed)
    yield from _announced(moment, feed)
    yield from same("positions", [event["position"] for event in feed], list(range(1, len(feed) + 1)))
    held: dict[tuple[str, str], Answer] = {}
    for event in feed:
        for standing in event["data"]["standings"]:
            held[event["data"]["partner_id"], standing["product"]] = standing
    for place, standing in held.items():
        answer = moment.standing[place]
        yield from same(f"events about {place}", standing, {name: answer[name] for name in standing})
        moment.compared += 1


def _counted_events(moment: Moment, feed: list[Answer]) -> Differences:
    """Counted since an instant and since a day, each by type; and the facts' own events."""
    bounds = [moment.random.choice(moment.instants()) for _ in range(2)]
    days = [london_day(bound) for bound in bounds]
    begin = {rfc3339(bounds[0]): bounds[0], str(days[1]): midnight_ending(days[1] - timedelta(days=1))}
    path = "/compliance/v1/recorded-events"
    answer = moment.ask(f"{path}/counts", recorded_from=list(begin))
    for text, counted in zip(begin, answer["counts"], strict=True):
        since = [event for event in feed if utc(event["recordedtime"]) >= begin[text]]
        wanted = Counter(event["type"] for event in since)
        got = {one["type"]: one["count"] for one in counted["types"] if one["count"]}
        yield from same(f"events counted from {text}", got, dict(wanted))
        yield from same(f"events from {text}", moment.whole(path, "events", recorded_from=text), since[::-1])


def _recorded_facts(moment: Moment) -> Differences:
    """The facts newest first are the feed backwards, of a person or partner too, and say what is voided."""
    path, query = "/certification/v1/recorded-facts", {"after": 0, "limit": 1000}
    feed = moment.client.system.http.get("/certification/v1/events", params=query).json()[::-1]
    listed = moment.whole(path, "facts")
    yield from same("recorded facts", [fact["fact_id"] for fact in listed], [fact["id"] for fact in feed])
    voided = {fact["data"]["fact_id"] for fact in feed if fact["type"] == NAMED.format("fact-voided")}
    yield from same("voided facts", {fact["fact_id"] for fact in listed if fact["voided"]}, voided)
    person, partner = moment.random.choice(moment.consultants), moment.random.choice(moment.partners)
    for name, members, value in (
        ("consultant_id", ("consultant_id",), person),
        ("partner_id", ("partner_id", "into_partner_id"), partner),
    ):
        got = moment.whole(path, "facts", **{name: value})
        yield from same(f"recorded facts about {value}", [fact for fact in got if fact not in listed], [])
        named = [fact for fact in listed if value in (fact["data"].get(member) for member in members)]
        yield from same(f"recorded facts that name {value}", [fact for fact in named if fact not in got], [])


def _announced(moment: Moment, feed: list[Answer]) -> Differences:
    """What is announced and not retracted is what the answers say."""
    retracted = {event["data"]["retracts"]["event_id"] for event in feed if event["type"] == NAMED.format("retracted")}
    alive: dict[tuple[str, str, str], Counter[str]] = {}
    for event in feed:
        if event["id"] not in retracted:
            for product in event["data"]["products"]:
                place = event["data"]["partner_id"], product, event["type"]
                alive.setdefault(place, Counter())[event["time"]] += 1
    for (partner, product), answer in moment.standing.items():
        windows = answer["windows"]
        late = [one for one in windows if one["closed_at"] is None or utc(one["closed_at"]) >= utc(one["deadline_at"])]
        wanted = {
            "replacement-window-opened": [one["opened_at"] for one in windows],
            "replacement-window-closed": [one["closed_at"] for one in windows if one["outcome"].startswith("closed")],
            "replacement-window-voided": [one["closed_at"] for one in windows if one["outcome"] == "void"],
            "replacement-window-expired": [one["deadline_at"] for one in late if one["outcome"] != "open"],
            "selling-suspended": [one["from"] for one in answer["suspensions"]],
        }
        for name, instants in wanted.items():
            got = alive.get((partner, product, NAMED.format(name)), Counter())
            yield from same(f"announced of {partner} {product}: {name}", dict(got), dict(Counter(instants)))
        moment.compared += len(wanted)
    required = {
        (event["data"]["partner_id"], event["data"]["portal_change_id"])
        for event in feed
        if event["type"] == NAMED.format("maintenance-required") and event["id"] not in retracted
    }
    changes = {fact.change for fact in moment.in_force if isinstance(fact, facts.PortalChangeDeclared)}
    notified = {
        (partner, change) for change in changes for partner in moment.calculator.notified(change, moment.at) or ()
    }
    yield from same("maintenance required", required, notified)
