"""What is answered about partners: alone, in lists, over time, compared and explained."""

from datetime import datetime, timedelta
from typing import Any

from sagecert_verify.derive.london import london_day
from tests.end_to_end.client import Answer, Unanswered, instant, rfc3339
from tests.every_answer.moment import (
    Differences,
    Filter,
    Moment,
    Passes,
    before,
    earlier,
    every,
    holding,
    of,
    same,
    short,
    utc,
)
from tests.oracle.histories import PRODUCTS
from tests.oracle.rules.policy import policy_at
from tests.policy.comparison import defined_view

STATUSES = ("not_enrolled", "not_yet_authorised", "compliant", "in_window", "suspended")
OUTCOMES = ("open", "closed", "expired", "closed_late", "void")
SUMMARY = ("status", "sell_new", "maintain_existing", "headcount", "minimum", "shortfall")
PARTNERS = "/compliance/v1/partners"
WINDOW = ("opened_at", "deadline_on", "deadline_at", "closed_at", "outcome", "policy_id")


def about_partners(moment: Moment) -> Differences:
    """Differences between all answers about partners."""
    yield from _by_the_calculator(moment)
    yield from _all_products(moment)
    yield from _authorisations(moment)
    yield from _partners_list(moment)
    yield from _windows_list(moment)
    yield from _next_changes(moment)
    yield from _explanations(moment)
    yield from _comparisons(moment)
    yield from _policy(moment)
    if moment.is_present:
        yield from _suspensions_list(moment)
        yield from _totals(moment)


def _by_the_calculator(moment: Moment) -> Differences:
    for (partner, product), answer in moment.standing.items():
        wanted = defined_view(moment.calculator.partner(partner, product, moment.at))
        assert wanted is not None
        windows = [tuple(_read(name, window[name]) for name in WINDOW) for window in answer["windows"]]
        suspensions = [(instant(one["from"]), instant(one["to"])) for one in answer["suspensions"]]
        got = answer | {"windows": windows, "suspensions": suspensions}
        yield from same(f"{partner} {product}", short(got, *wanted), wanted)
        moment.compared += 1


def _read(name: str, value: Any) -> Any:
    if name == "deadline_on":
        return datetime.fromisoformat(value).date()
    return instant(value) if name.endswith("_at") else value


def _all_products(moment: Moment) -> Differences:
    """`next_change_at` of one product leaves out when another policy comes into force, which the whole answer names."""
    for partner in moment.partners:
        answer = moment.ask(f"{PARTNERS}/{partner}")
        changes = []
        for product in answer["products"]:
            single = moment.standing[partner, product["product"]]
            both = single.keys() & product.keys() - {"next_change_at"}
            yield from same(f"{partner} with all products", short(product, *both), short(single, *both))
            changes += [single["next_change_at"]] if single["next_change_at"] else []
        yield from same(f"{partner} changes next", answer["next_change_at"], min(changes, key=utc, default=None))
        moment.compared += len(PRODUCTS)


def _authorisations(moment: Moment) -> Differences:
    for (partner, product), single in moment.standing.items():
        for customer, member in (("new", "sell_new"), ("existing", "maintain_existing")):
            answer = moment.ask(f"{PARTNERS}/{partner}/authorisations/{product}", customer=customer)
            got = short(answer, "allowed", "status", "reasons", "mends", "name")
            wanted = {"allowed": single[member]} | short(single, "status", "reasons", "mends", "name")
            yield from same(f"authorisation {partner} {product} {customer}", got, wanted)
            moment.compared += 1


def _partners_list(moment: Moment) -> Differences:
    listed = moment.whole(PARTNERS, "partners")
    yield from same("partners listed", [(item["partner_id"], item["product"]) for item in listed], moment.places)
    for item in listed:
        place = item["partner_id"], item["product"]
        single = moment.standing[place]
        names = ("status", "headcount", "minimum", "shortfall", "name")
        yield from same(f"listed {place}", short(item, *names), short(single, *names))
        yield from same(f"missing of {place}", item["missing"], single["shortfall"])
        yield from same(f"reason of {place}", item["reason"], short(single["reasons"][0], "rule", "text"))
        yield from _origin(moment, item)
    yield from moment.filtered(PARTNERS, "partners", listed, _partner_filters(moment), 5)
    yield from moment.as_of_present(PARTNERS, "partners", listed)


def _partner_filters(moment: Moment) -> list[Filter]:
    random = moment.random
    several, status = random.sample(STATUSES, random.choice((2, 3))), random.choice(STATUSES)
    product, text = random.choice(PRODUCTS), random.choice(("p", "1", "2", "P1", "zz"))
    found, sold = holding("partner_id", text), of("product", product)
    return [
        *(({"status": one}, of("status", one)) for one in STATUSES),
        ({"status": several}, of("status", *several)),
        ({"product": product}, sold),
        ({"q": text}, found),
        ({"q": text, "status": several}, every(found, of("status", *several))),
        ({"status": status, "product": product}, every(sold, of("status", status))),
        ({"q": text, "status": status, "product": product}, every(found, sold, of("status", status))),
    ]


def _origin(moment: Moment, item: Answer) -> Differences:
    """Since when the status holds, and who was lost last, by the spans of the partner."""
    partner, product = item["partner_id"], item["product"]
    answer = moment.ask(f"{PARTNERS}/{partner}/standings", limit=1000)
    spans = [span for span in answer["standings"] if span["product"] == product and utc(span["from"]) <= moment.at]
    since = None
    if spans:
        yield from same(
            f"span of {partner} {product}",
            short(spans[-1], *SUMMARY[:2]),
            short(item | {"sell_new": item["status"] in ("compliant", "in_window")}, *SUMMARY[:2]),
        )
        yield from same(f"headcount of the span of {partner} {product}", spans[-1]["headcount"], item["headcount"])
        run = [spans[-1]]
        for span in reversed(spans[:-1]):
            if span["status"] != item["status"]:
                break
            run.append(span)
        since = run[-1]["from"] if len(run) < len(spans) or item["status"] != "not_enrolled" else None
        yield from same(f"since of {partner} {product}", item["since"], since)
    counted = moment.standing[partner, product]["counted"]
    lost = [
        (utc(person["to"]), person["consultant_id"])
        for person in answer["people"]
        if person["product"] == product and person["to"] and utc(person["to"]) <= moment.at
        if person["consultant_id"] not in counted
    ]
    wanted = max(lost, default=None)
    got = item["lost"] and (instant(item["lost"]["at"]), item["lost"]["consultant_id"])
    yield from same(f"lost of {partner} {product}", got, wanted)
    counting = sorted(
        person["consultant_id"]
        for person in answer["people"]
        if person["product"] == product and utc(person["from"]) <= moment.at
        if person["to"] is None or utc(person["to"]) > moment.at
    )
    yield from same(f"people of the spans of {partner} {product}", counting, counted)
    moment.compared += 3


def _windows_list(moment: Moment) -> Differences:
    path = "/compliance/v1/windows"
    listed = moment.whole(path, "windows")
    wanted = [
        {"partner_id": partner, "product": product, "number": number} | short(window, *WINDOW)
        for (partner, product), single in moment.standing.items()
        for number, window in enumerate(single["windows"], 1)
    ]
    wanted.sort(key=lambda one: (utc(str(one["deadline_at"])), one["partner_id"], one["product"], one["number"]))
    yield from same("windows", [short(item, "partner_id", "product", "number", *WINDOW) for item in listed], wanted)
    product, outcome = moment.random.choice(PRODUCTS), moment.random.choice(OUTCOMES)
    filters: list[Filter] = [({"status": one}, of("outcome", one)) for one in OUTCOMES]
    filters.append(({"product": product}, of("product", product)))
    for text, due in moment.random.sample(bounds := _bounds(listed), min(3, len(bounds))):
        filters += [
            ({"due_before": text}, due),
            ({"due_before": text, "status": outcome}, every(due, of("outcome", outcome))),
            (
                {"due_before": text, "status": "open", "product": product},
                every(due, of("outcome", "open"), of("product", product)),
            ),
        ]
    yield from moment.filtered(path, "windows", listed, filters, 4)
    yield from moment.as_of_present(path, "windows", listed)
    for item in listed:
        yield from _window_changes(moment, item)


def _bounds(listed: list[Answer]) -> list[tuple[str, Passes]]:
    """Values of `due_before` at the deadlines of windows."""
    bounds = []
    for item in listed:
        deadline_at = utc(item["deadline_at"])
        instants = (deadline_at, deadline_at + timedelta(microseconds=1))
        bounds += [(rfc3339(bound), earlier("deadline_at", bound)) for bound in instants]
        days = (item["deadline_on"], str(london_day(deadline_at)))
        bounds += [(day, before("deadline_on", day)) for day in days]
    return bounds


def _window_changes(moment: Moment, item: Answer) -> Differences:
    """When it expires or is closed next, if no fact comes."""
    place = item["partner_id"], item["product"]
    later = [one for one in moment.instants() if one > moment.at]
    changes_at = instant(item["next_change_at"])
    for at in moment.random.sample(later, min(2, len(later))):
        then = moment.calculator.partner(*place, at)
        assert then is not None
        window = then.windows[item["number"] - 1]
        is_same = (window.outcome, window.closed_at) == (item["outcome"], instant(item["closed_at"]))
        yield from same(f"{item} at {at}", is_same, changes_at is None or at < changes_at)
        moment.compared += 1


def _next_changes(moment: Moment) -> Differences:
    """Nothing changes before `next_change_at`, and something at it."""
    for (partner, product), single in moment.standing.items():
        changes_at = instant(single["next_change_at"])
        view = defined_view(moment.calculator.partner(partner, product, moment.at))
        between = [one for one in moment.instants() if one > moment.at and (changes_at is None or one < changes_at)]
        for at in moment.random.sample(between, min(2, len(between))):
            then = defined_view(moment.calculator.partner(partner, product, at))
            yield from same(f"{partner} {product} at {at}, before its next change at {changes_at}", then, view)
            yield from same("policy", policy_at(moment.in_force, at).policy, single["policy_id"])
        if changes_at is not None:
            when = {"at": rfc3339(changes_at), "known_position": moment.client.position}
            if not moment.is_present:
                when = moment.when | {"at": rfc3339(changes_at)}
            path = f"{PARTNERS}/{partner}/compliance/{product}"
            then = moment.client.get(path, when)
            ignored = ("at", "known_at", "position", "next_change_at")
            differs = {k: v for k, v in then.items() if k not in ignored} != {
                k: v for k, v in single.items() if k not in ignored
            }
            yield from same(f"{partner} {product} changes at {changes_at}", differs, True)
        moment.compared += 1


def _explanations(moment: Moment) -> Differences:
    for partner, product in moment.random.sample(moment.places, 1):
        single = moment.standing[partner, product]
        try:
            answer = moment.ask(f"/audit/v1/explanations/partners/{partner}/{product}")
        except Unanswered as problem:
            if problem.status == 503:
                return
            raise
        yield from same(f"explained {partner} {product}", short(answer, *SUMMARY), short(single, *SUMMARY))
        counted = [person["consultant_id"] for person in answer["counted"]]
        yield from same(f"counted, explained, {partner} {product}", sorted(counted), single["counted"])
        names = ("opened_at", "deadline_on", "deadline_at", "outcome")
        running = [short(window, *names) for window in single["windows"] if window["closed_at"] is None]
        yield from same("windows, explained", [short(window, *names) for window in answer["windows"]], running)
        for window in answer["windows"]:
            opened_at = utc(window["opened_at"])
            wanted = (str(london_day(opened_at)), policy_at(moment.in_force, opened_at).window_days)
            yield from same(f"arithmetic of {window}", (window["lost_on"], window["window_days"]), wanted)
            yield from same(f"deadline of {window}", window["deadline_at"] in window["text"], True)
        moment.compared += 2


def _comparisons(moment: Moment) -> Differences:
    """Then, with hindsight, and now; and what was learned between."""
    partner = moment.random.choice(moment.partners)
    if moment.is_present:
        return
    answer = moment.ask(f"{PARTNERS}/{partner}/comparison")
    then = moment.ask(f"{PARTNERS}/{partner}")
    yield from same(f"comparison of {partner}, then", answer["then"], then)
    current = {"at": rfc3339(moment.at), "min_position": moment.client.position}
    hindsight = moment.client.get(f"{PARTNERS}/{partner}", current)
    now = moment.client.get(f"{PARTNERS}/{partner}", {"min_position": moment.client.position})
    for member, wanted in (("hindsight", hindsight), ("now", now)):
        products = [short(product, "product", *SUMMARY) for product in wanted["products"]]
        got = [short(product, "product", *SUMMARY) for product in answer[member]["products"]]
        yield from same(f"comparison of {partner}, {member}", got, products)
    if "known_at" in moment.when:
        yield from _learned(moment, partner, then, hindsight)
    moment.compared += 4


def _learned(moment: Moment, partner: str, then: Answer, hindsight: Answer) -> Differences:
    """What was learned since, difference by difference, leads from the one to the other."""
    question = {"at": rfc3339(moment.at), "known_from": moment.when["known_at"], "limit": 1000}
    answer = moment.client.get(f"/audit/v1/partners/{partner}/changes", question)
    standing = {}
    for member, wanted in (("before", then), ("after", hindsight)):
        products = [short(product, "product", *SUMMARY) for product in wanted["products"]]
        yield from same(f"changes of {partner}, {member}", answer[member], products)
        standing[member] = {product["product"]: dict(product) for product in answer[member]}
    for change in answer["changes"]:
        for difference in change["differences"]:
            product, member = standing["before"][difference["product"]], difference["member"]
            if member in SUMMARY:
                yield from same(f"{partner} before {difference}", product[member], difference["before"])
                product[member] = difference["after"]
    yield from same(f"changes of {partner} together", standing["before"], standing["after"])


def _policy(moment: Moment) -> Differences:
    answer, wanted = moment.ask("/compliance/v1/policy"), policy_at(moment.in_force, moment.at)
    yield from same("policy", answer["policy_id"], wanted.policy)
    yield from same("window_days", answer["window_days"], wanted.window_days)
    yield from same("minimum", answer["minimum"], dict(wanted.minimum))
    yield from same("programmes", answer["programmes"], list(wanted.programmes))
    yield from same("reminder_days", sorted(answer["reminder_days"]), sorted(wanted.reminder_days))
    moment.compared += 1


def _suspensions_list(moment: Moment) -> Differences:
    listed = moment.whole(PARTNERS, "partners", status="suspended")
    listed.sort(key=lambda item: (-utc(item["since"]).timestamp(), item["partner_id"], item["product"]))
    path = "/compliance/v1/suspensions"
    yield from same("suspensions", moment.whole(path, "suspensions"), listed)
    for product in PRODUCTS:
        wanted = [item for item in listed if item["product"] == product]
        yield from same(f"suspensions {product}", moment.whole(path, "suspensions", product=product), wanted)


def _totals(moment: Moment) -> Differences:
    first = moment.random.choice((1, 2, 50))
    answer = moment.ask("/compliance/v1/totals", first=first)
    suspensions = moment.whole("/compliance/v1/suspensions", "suspensions")
    windows = moment.whole("/compliance/v1/windows", "windows", status="open")
    owed = moment.whole("/compliance/v1/maintenance", "maintenance")
    overdue = [item for item in owed if item["overdue"]]
    soon = london_day(moment.at) + timedelta(days=7)
    closing = [item for item in windows if item["deadline_on"] <= str(soon)]
    for member, wanted in (
        ("suspended", suspensions),
        ("open_windows", windows),
        ("closing_windows", closing),
        ("maintenance_owed", owed),
        ("maintenance_overdue", overdue),
    ):
        yield from same(member, answer[member], {"count": len(wanted), "more": False})
    today = str(london_day(moment.at))
    for member, rows in (
        ("suspensions", suspensions),
        ("windows", windows),
        ("maintenance_due", [item for item in owed if item["due_on"] >= today]),
        ("maintenance_overdue", overdue),
    ):
        yield from same(f"first {member}", answer["first"][member], rows[:first])
    moment.compared += 9
