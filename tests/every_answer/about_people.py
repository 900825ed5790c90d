"""What is answered about people: certifications, lists, maintenance, exams and due days."""

from datetime import date, datetime, timedelta

from icalendar import Calendar

from sagecert_verify.derive.london import midnight_ending
from tests.end_to_end.client import Answer, rfc3339
from tests.every_answer.moment import (
    Differences,
    Filter,
    Moment,
    before,
    every,
    holding,
    of,
    same,
    short,
    timeless,
    utc,
    written,
)
from tests.oracle.histories import PRODUCTS
from tests.oracle.rules import certifying, facts
from tests.oracle.rules.knowledge import consultants_mentioned
from tests.oracle.rules.linking import counting_partner, is_linked, links

PEOPLE = "/compliance/v1/consultants"
MAINTENANCE = "/compliance/v1/maintenance"


def about_people(moment: Moment) -> Differences:
    """Differences between all answers about people."""
    listed = moment.whole(PEOPLE, "consultants")
    yield from _certifications(moment, listed)
    yield from _people_list(moment, listed)
    yield from _people_of_partners(moment, listed)
    yield from _mends(moment, listed)
    yield from _maintenance_list(moment)
    yield from _portal_changes(moment)
    if moment.is_present:
        yield from _due_days(moment)
    if "known_position" not in moment.when:
        yield from _registrations(moment)


def _certifications(moment: Moment, listed: list[Answer]) -> Differences:
    items = {(item["consultant_id"], item["product"]): item for item in listed}
    for person in moment.consultants:
        answer = moment.ask(f"{PEOPLE}/{person}/certifications")
        for certification in answer["certifications"]:
            product = certification["product"]
            wanted = moment.calculator.consultant(person, product, moment.at)
            assert wanted is not None
            got = short(certification, "certified", "portal_user")
            yield from same(f"certification of {person} {product}", got, vars(wanted))
            single = timeless(moment.ask(f"{PEOPLE}/{person}/certifications/{product}"))
            both = single.keys() & certification.keys() - {"next_change_at"}
            yield from same(f"certifications of {person} {product}", short(certification, *both), short(single, *both))
            moment.compared += 2
            item = items.get((person, product))
            if item is None:
                continue
            both = item.keys() & certification.keys() - {"next_change_at"}
            yield from same(f"listed {person} {product}", short(item, *both), short(certification, *both))
            partner = counting_partner(moment.in_force, person, moment.at)
            yield from same(f"{person} counts for", (item["partner_id"], answer["partner_id"]), (partner, partner))
            yield from same(f"{person} {product} counted", item["counted"], wanted.certified and partner is not None)
            if wanted.certified:
                since = written(_certified_since(moment, person, product))
                yield from same(f"{person} {product} certified since", item["certified_since"], since)
            due = [duty[0] for duty in _owed(moment) if duty[2:] == (person, product)]
            yield from same(f"{person} {product} due on", item["maintenance_due_on"], min(due, default=None))


def _certified_since(moment: Moment, person: str, product: str) -> datetime | None:
    """The first of the instants up to the moment since which it has held without a gap."""
    since = None
    for at in reversed([one for one in moment.instants() if one <= moment.at]):
        if not certifying.is_certified(moment.in_force, person, product, at):
            break
        since = at
    return since


def _people_list(moment: Moment, listed: list[Answer]) -> Differences:
    standing = consultants_mentioned(moment.in_force)
    places = [(person, product) for person in sorted(standing) for product in PRODUCTS]
    yield from same("people listed", [(item["consultant_id"], item["product"]) for item in listed], places)
    text, product = moment.random.choice(("c", "1", "2", "C3", "zz")), moment.random.choice(PRODUCTS)
    partner, certified = moment.random.choice(moment.partners), moment.random.choice((True, False))
    found, at_partner = holding("consultant_id", text), of("consultant_id", *_linked(moment, partner))
    of_certified, of_product, said = of("certified", certified), of("product", product), str(certified).lower()
    filters: list[Filter] = [
        ({"certified": "true"}, of("certified", True)),
        ({"certified": "false"}, of("certified", False)),
        ({"product": product}, of_product),
        ({"q": text}, found),
        ({"partner_id": partner}, at_partner),
        ({"q": text, "certified": said}, every(found, of_certified)),
        ({"q": text, "certified": said, "product": product}, every(found, of_certified, of_product)),
        ({"partner_id": partner, "certified": said}, every(at_partner, of_certified)),
        ({"partner_id": partner, "q": text, "product": product}, every(at_partner, found, of_product)),
    ]
    yield from moment.filtered(PEOPLE, "consultants", listed, filters, 4)
    yield from moment.as_of_present(PEOPLE, "consultants", listed)


def _linked(moment: Moment, partner: str) -> set[str]:
    active = links(moment.in_force, moment.at)
    return {person for person in moment.consultants if is_linked(active, person, partner)}


def _people_of_partners(moment: Moment, listed: list[Answer]) -> Differences:
    for partner in moment.partners:
        linked = _linked(moment, partner)
        wanted = [item for item in listed if item["consultant_id"] in linked]
        got = moment.whole(f"/compliance/v1/partners/{partner}/consultants", "consultants")
        yield from same(f"people of {partner}", got, wanted)


def _mends(moment: Moment, listed: list[Answer]) -> Differences:
    """What mends a standing names the people who count there and are not certified, and what they lack."""
    for (partner, product), single in moment.standing.items():
        mends = single["mends"]
        if single["status"] == "compliant":
            yield from same(f"mends of {partner} {product}", mends, None)
            continue
        running = [window for window in single["windows"] if window["outcome"] == "open"]
        by = min(running, key=lambda window: utc(str(window["deadline_at"])), default=None)
        wanted = {"people": single["shortfall"], "by": by and short(by, "deadline_on", "deadline_at")}
        yield from same(f"mends of {partner} {product}", short(mends, *wanted), wanted)
        near = [item for item in listed if (item["partner_id"], item["product"]) == (partner, product)]
        if not single["shortfall"]:  # the partner has its minimum
            near = []
        lacks = {item["consultant_id"]: item["lacks"] for item in near if not item["certified"]}
        got = {person["consultant_id"]: person["lacks"] for person in mends["nearest"]}
        yield from same(f"nearest of {partner} {product}", got, lacks)
        moment.compared += 1


def _owed(moment: Moment) -> list[tuple[str, str, str, str]]:
    """Due day, portal change, person and product of what is owed: announced after every grant, and not done (R25).

    The list of maintenance leaves out who was never linked to a partner; what such a person lacks says so all the same.
    """
    known, at = moment.in_force, moment.at
    return sorted(
        (str(change.due_on), change.change, person, product)
        for change in known
        if isinstance(change, facts.PortalChangeDeclared) and change.significant and change.effective_at <= at
        for person in consultants_mentioned(known)
        for product in change.products
        if (held := certifying.grants(known, person, product, at))
        if all(grant.granted_at < change.effective_at for grant in held)
        if not certifying.maintenance_is_done(known, person, product, change.change, at)
    )


def _maintenance_list(moment: Moment) -> Differences:
    listed = moment.whole(MAINTENANCE, "maintenance")
    ever_linked = {fact.consultant for fact in moment.in_force if isinstance(fact, facts.ConsultantLinked)}
    owed = [duty for duty in _owed(moment) if duty[2] in ever_linked]
    got = [tuple(item[name] for name in ("due_on", "portal_change_id", "consultant_id", "product")) for item in listed]
    yield from same("maintenance owed", got, owed)
    for item in listed:
        due_at = midnight_ending(date.fromisoformat(item["due_on"]))
        partner = counting_partner(moment.in_force, item["consultant_id"], moment.at)
        wanted = {"overdue": due_at <= moment.at, "partner_id": partner}
        yield from same(f"owed {item}", short(item, "overdue", "partner_id"), wanted)
    changes = sorted({fact.change for fact in moment.history if isinstance(fact, facts.PortalChangeDeclared)})
    if not changes:
        return
    change, product = moment.random.choice(changes), moment.random.choice(PRODUCTS)
    partner = moment.random.choice(moment.partners)
    days = sorted({item["due_on"] for item in listed}) or ["2022-03-27"]
    day = str(date.fromisoformat(moment.random.choice(days)) + moment.random.choice((-1, 0, 1)) * timedelta(1))
    of_change, of_product = of("portal_change_id", change), of("product", product)
    at_partner, due = of("consultant_id", *_linked(moment, partner)), before("due_on", day)
    filters: list[Filter] = [
        ({"portal_change_id": change}, of_change),
        ({"product": product}, of_product),
        ({"partner_id": partner}, at_partner),
        ({"due_from": day}, lambda item: not due(item)),
        ({"due_before": day}, due),
        ({"partner_id": partner, "portal_change_id": change}, every(at_partner, of_change)),
        (
            {"due_from": day, "portal_change_id": change, "product": product},
            every(of_change, of_product, lambda item: not due(item)),
        ),
        ({"due_before": day, "partner_id": partner}, every(at_partner, due)),
    ]
    yield from moment.filtered(MAINTENANCE, "maintenance", listed, filters, 4)
    yield from moment.as_of_present(MAINTENANCE, "maintenance", listed)
    if moment.is_present:
        yield from _progress(moment, change, listed)


def _progress(moment: Moment, change: str, listed: list[Answer]) -> Differences:
    path = f"/compliance/v1/portal-changes/{change}/progress"
    answer = moment.ask(path, partner_id=moment.partners)
    shown = {partner["partner_id"]: partner for partner in answer["partners"]}
    for partner in moment.partners:
        mine = [item for item in listed if (item["portal_change_id"], item["partner_id"]) == (change, partner)]
        progress = shown.get(partner, {"owed": 0, "asked": 0})
        yield from same(f"progress of {change} at {partner}", progress["owed"], len(mine))
        yield from same(f"progress of {change} at {partner} asks", progress["asked"] >= progress["owed"], True)
        moment.compared += 1


def _portal_changes(moment: Moment) -> Differences:
    listed = moment.whole("/compliance/v1/portal-changes", "portal_changes")
    declared = [fact for fact in moment.in_force if isinstance(fact, facts.PortalChangeDeclared)]
    wanted = [
        {
            "portal_change_id": fact.change,
            "products": sorted(fact.products),
            "significant": fact.significant,
            "announced_at": rfc3339(fact.effective_at),
            "due_on": str(fact.due_on),
            "fact_id": moment.client.fact_ids[fact.fact_id],
        }
        for fact in sorted(declared, key=lambda fact: (fact.effective_at, fact.change), reverse=True)
    ]
    names = ("portal_change_id", "products", "significant", "announced_at", "due_on", "fact_id")
    got = [short(item | {"products": sorted(item["products"])}, *names) for item in listed]
    yield from same("portal changes", got, wanted)
    for item in listed:
        path = f"/compliance/v1/portal-changes/{item['portal_change_id']}"
        yield from same(path, timeless(moment.ask(path)), item)
        notified = moment.ask(f"{path}/notifications")["notified"]
        wanted_partners = moment.calculator.notified(item["portal_change_id"], moment.at)
        yield from same(f"{path} notifies", notified, wanted_partners)
        moment.compared += 2


def _due_days(moment: Moment) -> Differences:
    """The calendars have the last days of open windows, and the days of what is owed and not overdue."""
    windows = moment.whole("/compliance/v1/windows", "windows", status="open")
    owed = [item for item in moment.whole(MAINTENANCE, "maintenance") if not item["overdue"] and item["partner_id"]]
    wanted = {
        **{
            f"window.{one['partner_id']}.{one['product']}.{one['number']}@sagecert": one["deadline_on"]
            for one in windows
        },
        **{
            f"maintenance.{one['portal_change_id']}.{one['partner_id']}.{one['product']}@sagecert": one["due_on"]
            for one in owed
        },
    }
    yield from same("due days", _days(moment.text("/compliance/v1/due-days.ics")), wanted)
    for partner in moment.partners:
        mine = {uid: day for uid, day in wanted.items() if f".{partner}." in uid}
        got = _days(moment.text(f"/compliance/v1/partners/{partner}/due-days.ics"))
        yield from same(f"due days of {partner}", got, mine)
        moment.compared += 1


def _days(calendar: str) -> dict[str, str]:
    return {str(event["uid"]): str(event.decoded("dtstart")) for event in Calendar.from_ical(calendar).walk("VEVENT")}


def _registrations(moment: Moment) -> Differences:
    for person in moment.consultants:
        path = "/certification/v1/exam-registrations"
        listed = moment.whole(path, "registrations", consultant_id=person)
        recorded = [
            fact.registration
            for fact in moment.in_force
            if isinstance(fact, facts.ExamRegistered) and fact.consultant == person
        ]
        yield from same(f"registrations of {person}", [item["registration_id"] for item in listed], recorded[::-1])
        for item in listed:
            yield from same(f"listed {item}", item, moment.ask(f"{path}/{item['registration_id']}"))
            by_definition = moment.calculator.registration(item["registration_id"], moment.at)
            assert by_definition is not None
            got = (item["state"], item["attempts_left"], [one["score"] for one in item["attempts"]])
            wanted = (by_definition.state, by_definition.attempts_left, [one.score for one in by_definition.attempts])
            yield from same(f"registration {item['registration_id']}", got, wanted)
            moment.compared += 2
