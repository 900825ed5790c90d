"""Small worlds told fact by fact, in log order."""

from datetime import UTC, datetime, timedelta

from shared.events.envelope import Fact
from shared.events.facts import (
    CertificationRecognised,
    ConsultantCertified,
    ConsultantLeft,
    ConsultantLinked,
    FactData,
    PartnerEnrolled,
    Period,
)
from tests.compliance.log import Group

BEGIN = datetime(2022, 1, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)


class SeedFacts:
    """Facts in the order of their recording, each true when it was recorded."""

    def __init__(self) -> None:
        self.groups: list[Group] = []

    @property
    def head(self) -> int:
        """The position of the last fact."""
        return self.groups[-1][-1].position if self.groups else 0

    def tell(self, at: datetime, *data: FactData) -> None:
        """One group: a report, with the decisions that follow from it."""
        last = self.head + len(data)
        self.groups.append(
            tuple(
                Fact(f"f{position}", at, at, one, position, last)
                for position, one in enumerate(data, start=self.head + 1)
            )
        )

    def certified(self, at: datetime, consultant_id: str, product: str = "S200P") -> None:
        """Recognised, and therefore certified from then on."""
        grant = ConsultantCertified(consultant_id, product, f"g-{consultant_id}-{product}", at, (Period(at),))
        self.tell(at, CertificationRecognised(consultant_id, product), grant)

    def var(self, at: datetime, partner_id: str) -> None:
        """An enrolled VAR with two certified consultants, A and B."""
        self.tell(at, PartnerEnrolled(partner_id, "VAR", "PARTNER_SUCCESS"))
        for name in "AB":
            self.tell(at, ConsultantLinked(partner_id, f"{partner_id}-{name}"))
            self.certified(at, f"{partner_id}-{name}")


def population(partners: int) -> list[Group]:
    """VARs of which each loses a consultant, every third in time for a replacement; deadlines lie between the facts."""
    telling = SeedFacts()
    for number in range(partners):
        telling.var(BEGIN + number * timedelta(hours=1), f"P{number}")
    lost = BEGIN + timedelta(days=60)
    for number in range(partners):
        telling.tell(lost + number * DAY, ConsultantLeft(f"P{number}", f"P{number}-B"))
        if number >= 20 and number % 3 == 0:
            telling.tell(lost + number * DAY + timedelta(hours=1), ConsultantLinked(f"P{number - 20}", f"P{number}-B"))
    return telling.groups
