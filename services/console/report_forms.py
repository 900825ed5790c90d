"""The forms by which facts are recorded: their fields, and the call that each makes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from services.console import dates
from services.console.service_questions import Refused, path
from services.console.who_is_meant import KINDS

Values = Mapping[str, Sequence[str]]
"""What was typed, by field; a field of choices has several."""

FieldType = Literal["text", "textarea", "instant", "day", "number", "choice", "choices", "yes-no", "numbers", "codes"]


class Field(NamedTuple):
    """One field. `name`: that of the service, dots below the top. `options`: pairs of value and word."""

    name: str
    label: str
    type: FieldType = "text"
    required: bool = True
    hint: str | None = None
    options: tuple[tuple[str, str], ...] = ()


class Call(NamedTuple):
    """A POST that records a fact."""

    path: str
    body: dict[str, Any]


class ReportForm(NamedTuple):
    """A form. `address`: the path of the call, `{}` for each field of `in_path`. `does`: what it says happened."""

    name: str
    title: str
    does: str
    address: str
    in_path: tuple[str, ...]
    fields: tuple[Field, ...]
    dated: bool = True

    @property
    def all_fields(self) -> tuple[Field, ...]:
        """Its fields, and when it was true where that can be said."""
        return (*self.fields, EFFECTIVE_AT) if self.dated else self.fields

    @property
    def names_somebody(self) -> bool:
        """Whether it says a partner or a person."""
        return any(field.name in KINDS for field in self.fields)

    def call(self, values: Values) -> Call:
        """The call with these values. Raises `Refused` if a field that is needed is empty."""
        missing = [field for field in self.all_fields if field.required and not any(values.get(field.name, ()))]
        if missing:
            errors = [{"place": "body", "parameter": field.name, "expected": "This is needed."} for field in missing]
            raise Refused(422, {"title": "Not complete", "detail": "Some fields are empty.", "errors": errors})
        body: dict[str, Any] = {}
        for field in self.all_fields:
            typed = [text for text in values.get(field.name, ()) if text]
            if typed and field.name not in self.in_path:
                _put(body, field.name.split("."), _read(field, typed))
        return Call(path(self.address, *(values[name][0] for name in self.in_path)), body)


def _put(body: dict[str, Any], names: Sequence[str], value: Any) -> None:
    for name in names[:-1]:
        body = body.setdefault(name, {})
    body[names[-1]] = value


def _read(field: Field, typed: Sequence[str]) -> Any:
    """The value as the service takes it; what cannot be read is sent as typed, and the service says what is wrong."""
    text = typed[0]
    match field.type:
        case "instant":
            return dates.from_input(text)
        case "number":
            return _number(text)
        case "yes-no":
            return text == "yes"
        case "choices":
            return list(typed)
        case "codes":
            return text.replace(",", " ").split()
        case "numbers":
            return [_number(part) for part in text.replace(",", " ").split()]
        case _:
            return text


def _number(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else text


EFFECTIVE_AT: Final = Field(
    "effective_at", "When it was true", "instant", required=False, hint="London time. Empty: when it is recorded."
)
_PARTNER: Final = Field("partner_id", "Partner", hint="Its name, or its id.")
_PERSON: Final = Field("consultant_id", "Person", hint="The name, or the id.")
_PRODUCT: Final = Field("product", "Product", "choice")
_REASON: Final = Field("reason", "Reason", "textarea", hint="It is kept apart from the fact, so that it can be erased.")
_OPTIONAL_REASON: Final = _REASON._replace(required=False)
_PORTAL_CHANGE: Final = Field(
    "portal_change_id", "Portal change", required=False, hint="Only for maintenance: the id of the portal change."
)
_REGISTRATION: Final = Field("registration_id", "Registration", hint="The id of the exam registration.")
_ATTEMPT: Final = Field("attempt", "Attempt", "number", hint="1 or 2.")
_SCORE: Final = Field("score", "Score", hint="0 to 100, at most two decimals. 80.00 passes.")
_KIND: Final = Field(
    "kind", "Kind", "choice", options=(("VAR", "VAR (also with developer)"), ("DEVELOPER", "Developer only"))
)
_PROGRAMME: Final = Field("programme", "Programme", "choice")

_PARTNERS: Final = "/certification/v1/partners"
_EXAMS: Final = "/certification/v1/exam-registrations"

VOID: Final = ReportForm(
    "void",
    "Take a fact back",
    "A fact was recorded in error and counts nowhere any more. It stays in the log.",
    "/certification/v1/facts/{}/void",
    ("fact_id",),
    (Field("fact_id", "Fact", hint="The id of the fact, as the log shows it."), _REASON),
    dated=False,
)
PORTAL_CHANGE: Final = ReportForm(
    "portal-change",
    "Announce a portal change",
    "The Provisioning Portal changes. A significant change obliges everyone certified for its products to maintenance.",
    "/certification/v1/portal-changes",
    (),
    (
        Field("portal_change_id", "Portal change", hint="An id of your choice: letters, digits, _ and -."),
        Field("summary", "Summary", hint="What changes, in a sentence."),
        Field("products", "Products", "choices"),
        Field("significant", "Significant", "yes-no", hint="A minor change asks for no maintenance."),
        Field("due_on", "Due day", "day", hint="The last London day for maintenance training and assessment."),
    ),
)
PORTAL_CHANGE_CORRECTION: Final = ReportForm(
    "portal-change-correction",
    "Correct a portal change",
    "Terms of a portal change were wrong: the right ones hold from its announcement. Empty fields change nothing.",
    "/certification/v1/portal-changes/{}/corrections",
    ("portal_change_id",),
    (
        Field("portal_change_id", "Portal change"),
        Field("due_on", "Due day", "day", required=False),
        Field("products", "Products", "choices", required=False),
        Field("significant", "Significant", "yes-no", required=False),
        _REASON,
    ),
)
POLICY_REVISION: Final = ReportForm(
    "policy-revision",
    "Revise the policy",
    "The policy has new terms from the moment that you give. An empty field changes nothing.",
    "/certification/v1/policy-revisions",
    (),
    (
        Field("policy_id", "Policy", hint="An id of your choice, such as 2027-01."),
        Field("window_days", "Days of a window", "number", required=False, hint="1 to 366."),
        Field("minimum.VAR", "Minimum of a VAR", "number", required=False, hint="Certified people, 1 to 99."),
        Field(
            "minimum.DEVELOPER", "Minimum of a developer", "number", required=False, hint="Certified people, 1 to 99."
        ),
        Field(
            "programmes",
            "Programmes that enrol",
            "codes",
            required=False,
            hint="Codes with spaces between them, such as PARTNER_SUCCESS.",
        ),
        Field(
            "reminder_days",
            "Days of reminders",
            "numbers",
            required=False,
            hint="How many days before the last day, such as 7 1.",
        ),
        _REASON,
    ),
)

GROUPS: Final[tuple[tuple[str, tuple[ReportForm, ...]], ...]] = (
    (
        "People at partners",
        (
            ReportForm(
                "departure",
                "Somebody left",
                "A person left a partner. The window for a replacement runs from that day.",
                f"{_PARTNERS}/{{}}/departures",
                ("partner_id",),
                (_PARTNER, _PERSON, _OPTIONAL_REASON),
            ),
            ReportForm(
                "link",
                "Somebody joined",
                "A person works for a partner from then on.",
                f"{_PARTNERS}/{{}}/consultants",
                ("partner_id",),
                (_PARTNER, _PERSON),
            ),
        ),
    ),
    (
        "Certification",
        (
            ReportForm(
                "course",
                "Course completed",
                "A person completed the course for a product, or the training for a portal change.",
                "/certification/v1/course-completions",
                (),
                (_PERSON, _PRODUCT, _PORTAL_CHANGE),
            ),
            ReportForm(
                "registration",
                "Exam registration",
                "A person is registered for the exam, or for the assessment of a portal change: two attempts.",
                _EXAMS,
                (),
                (_REGISTRATION, _PERSON, _PRODUCT, _PORTAL_CHANGE),
            ),
            ReportForm(
                "score",
                "Exam score",
                "A person sat the exam: the score of the first or the second attempt.",
                f"{_EXAMS}/{{}}/attempts",
                ("registration_id",),
                (_REGISTRATION, _ATTEMPT, _SCORE),
            ),
            ReportForm(
                "score-correction",
                "Correct a score",
                "The score of an attempt was wrong.",
                f"{_EXAMS}/{{}}/attempts/{{}}/corrections",
                ("registration_id", "attempt"),
                (_REGISTRATION, _ATTEMPT, _SCORE, _REASON),
            ),
            ReportForm(
                "recognition",
                "Recognise a certification",
                "Sage recognises a person as certified without an exam here.",
                "/certification/v1/recognised-certifications",
                (),
                (_PERSON, _PRODUCT, Field("evidence", "Evidence", "textarea", required=False, hint=_REASON.hint)),
            ),
            ReportForm(
                "revocation",
                "Revoke a certification",
                "Sage ends a person's certification for a product.",
                "/certification/v1/certification-revocations",
                (),
                (_PERSON, _PRODUCT, _REASON),
            ),
        ),
    ),
    (
        "Partners",
        (
            ReportForm(
                "enrolment",
                "Enrol a partner",
                "A partner joins a programme, or joins it again.",
                _PARTNERS,
                (),
                (_PARTNER, Field("name", "Name", required=False), _KIND, _PROGRAMME),
            ),
            ReportForm(
                "programme-change",
                "Change of programme",
                "A partner moves to another programme, or leaves.",
                f"{_PARTNERS}/{{}}/programme-changes",
                ("partner_id",),
                (_PARTNER, _PROGRAMME),
            ),
            ReportForm(
                "kind-change",
                "Change of kind",
                "A partner is of another kind, with another minimum.",
                f"{_PARTNERS}/{{}}/kind-changes",
                ("partner_id",),
                (_PARTNER, _KIND),
            ),
            ReportForm(
                "merger",
                "Merger",
                "A partner was merged into another, which takes over its people.",
                f"{_PARTNERS}/{{}}/merger",
                ("partner_id",),
                (_PARTNER, Field("into", "Into", hint="The partner that goes on: its name, or its id.")),
            ),
            ReportForm(
                "closure",
                "Closure",
                "A partner went out of business. From then on no person counts for it.",
                f"{_PARTNERS}/{{}}/closure",
                ("partner_id",),
                (_PARTNER,),
            ),
        ),
    ),
    ("All partners", (PORTAL_CHANGE, PORTAL_CHANGE_CORRECTION, POLICY_REVISION)),
    ("Mistakes", (VOID,)),
)
FORMS: Final = {form.name: form for _, forms in GROUPS for form in forms}
"""By name."""
