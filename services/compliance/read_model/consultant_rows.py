"""The people of a partner as rows: when each is linked, counts, is certified and owes maintenance.

A person can be linked to several partners, and each sees the same grants. The rows about the person as such are written
for each partner where it ever counts: facts about its grants concern all of these (`AffectedPartners`).
"""

from collections.abc import Sequence

from services.compliance.policy.consultant_at_partner import ConsultantAtPartner
from services.compliance.policy.consultant_times import (
    certified_times,
    counting_times,
    linked_times,
    maintenance_duties,
)
from services.compliance.policy.partner_facts import PartnerFacts
from services.compliance.policy.partner_history import PartnerHistory
from services.compliance.read_model.rows import (
    ConsultantCertificationRow,
    ConsultantLinkRow,
    MaintenanceDutyRow,
    PersonRows,
)


def consultant_rows(history: PartnerHistory) -> list[PersonRows]:
    """The rows of the people about whom something can be otherwise than at the last call, in order of their ids."""
    partner_facts, products = history.partner_facts, history.products
    found = []
    for consultant_id, portal_changes in partner_facts.take_touched():
        person = partner_facts.person(consultant_id)
        if person is not None:
            found.append(_rows(consultant_id, person, partner_facts, products, portal_changes))
    return found


def _rows(
    consultant_id: str,
    person: ConsultantAtPartner,
    partner_facts: PartnerFacts,
    products: Sequence[str],
    portal_changes: set[str] | None,
) -> PersonRows:
    partner_id = partner_facts.partner_id
    linked, counting = linked_times(person, partner_id), counting_times(person)
    link = ConsultantLinkRow(partner_id, consultant_id, linked, counting) if linked else None
    if not counting:
        return PersonRows(consultant_id, link, [], [], None)
    certifications = [
        ConsultantCertificationRow(consultant_id, product, partner_id, certified_times(person, product))
        for product in products
    ]
    duties = [
        MaintenanceDutyRow(
            consultant_id,
            duty.product,
            duty.portal_change_id,
            partner_id,
            duty.due_on,
            duty.owed,
            None if len(duty.owed) % 2 else duty.owed[-1],
        )
        for duty in maintenance_duties(person, partner_facts, products, portal_changes)
    ]
    return PersonRows(consultant_id, link, certifications, duties, portal_changes)
