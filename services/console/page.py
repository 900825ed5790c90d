"""A page: a request, the session, the questions to ask, and how it is shown."""

from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.console import form_kept_for_sign_in
from services.console.as_of_view import AsOfView, view_of
from services.console.form_kept_for_sign_in import CSRF_FIELD
from services.console.service_client import Services
from services.console.service_questions import Panel, Questions, Refused, SignedOut
from services.console.session import Session, Sessions, is_from_the_session
from services.console.sold_products import SoldProducts
from services.console.templating import environment, url
from services.web.rebinding_guard import LocalNames

if TYPE_CHECKING:
    from services.console.settings import ConsoleSettings

FORM_BYTES_MAX: Final = 64 << 10
FORM_FIELDS_MAX: Final = 200
THEMES: Final = ("light", "dark")
THEME_COOKIE: Final = "sagecert_theme"

_FORM_TYPE: Final = "application/x-www-form-urlencoded"
_FORGED: Final = Refused(
    403,
    {
        "title": "This form cannot be sent",
        "detail": "The form belongs to another session, or was open too long. Open the page again and repeat it.",
    },
)
_TOO_LARGE: Final = Refused(413, {"title": "Too large", "detail": "The form is too large."})
_TOO_MANY: Final = Refused(
    422, {"title": "Too many fields", "detail": f"A form or an address has at most {FORM_FIELDS_MAX} fields."}
)
_NOT_A_FORM: Final = Refused(415, {"title": "Not a form", "detail": "The console accepts only its own forms."})


class Console:
    """What all pages share. `served`: the first parts of the paths that have a page. `names`: see `LocalNames`."""

    def __init__(
        self,
        services: Services,
        sessions: Sessions,
        settings: "ConsoleSettings",
        served: frozenset[str],
        names: LocalNames,
    ) -> None:
        self.services = services
        self.sessions = sessions
        self.settings = settings
        self.served = served
        self.names = names
        self.products = SoldProducts()


class Page:
    """One request for a page. `query`: its parameters, the first of each name. `path`: the parts of its path."""

    def __init__(self, console: Console, request: Request) -> None:
        self.console = console
        self.request = request
        self.session, self._session_is_new = console.sessions.of(request)
        self.ask = Questions(console.services, self.session.key)
        self.path: Mapping[str, str] = request.path_params
        self._form: dict[str, list[str]] = {}

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the address."""
        return {name: values[0] for name, values in self._query.items()}

    def query_all(self, name: str) -> list[str]:
        """Every value of a parameter that is not empty."""
        return [value for value in self._query.get(name, []) if value]

    @cached_property
    def _query(self) -> dict[str, list[str]]:
        try:
            return _by_name(self.request.url.query)
        except Refused:
            self.__dict__["_query"] = {}  # the page that says so is shown without them
            raise

    @cached_property
    def view(self) -> AsOfView:
        """The moment that the address names."""
        return view_of(self.query)

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of the form, the first of each name, without blanks around."""
        return {name: values[0].strip() for name, values in self._form.items()}

    def form_all(self, name: str) -> list[str]:
        """Every value of a field."""
        return self._form.get(name, [])

    @property
    def theme(self) -> str | None:
        """The theme that the visitor chose; None: that of the system."""
        chosen = self.request.cookies.get(THEME_COOKIE)
        return chosen if chosen in THEMES else None

    @staticmethod
    def new_idempotency_key() -> str:
        """A key for one form: sent twice, it is recorded once."""
        return f"console-{uuid4()}"

    def refuse_without(self, scope: str) -> None:
        """Raises `Refused` if the key of the session lacks this scope."""
        if not self.session.may(scope):
            detail = f"This page needs a key of the scope {scope}; the key {self.session.name} has none."
            raise Refused(403, {"title": "Your key does not allow this", "detail": detail})

    async def read_form(self) -> None:
        """Reads the form. Raises `Refused` if it is too large, none, or not of this session."""
        self._form = await self.typed()
        token = self._form.get(CSRF_FIELD, [""])[0]
        if not self.is_of_this_origin or not is_from_the_session(self.session, token):
            raise _FORGED

    @property
    def is_of_this_origin(self) -> bool:
        """Whether a page of this origin sends it, as the browser says; the token judges browsers that say nothing."""
        return self.request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none")

    async def typed(self) -> dict[str, list[str]]:
        """The fields of the form, also without a session. Raises `Refused` if the body is too large, or no form."""
        if self._form:
            return self._form
        if self.request.headers.get("content-type", "").partition(";")[0].strip().lower() != _FORM_TYPE:
            raise _NOT_A_FORM
        body = bytearray()
        async for part in self.request.stream():
            body += part
            if len(body) > FORM_BYTES_MAX:
                raise _TOO_LARGE
        return _by_name(body.decode("utf-8", "replace"))

    def render(self, template: str, *, status: int = 200, kept: bool = False, **context: Any) -> Response:
        """The page made of this template, whole.

        `kept`: the browser keeps what it shows of a form, so that going back to it asks nobody to send it again.
        """
        flash = self.console.sessions.flash_of(self.request)
        html = (
            environment()
            .get_template(template)
            .render(
                **context,
                page=self,
                view=self.view,
                csrf=self.session.csrf,
                theme=self.theme,
                session=self.session,
                may=self.session.may,
                flash=flash,
                here=self.here,
                pages_served=self.console.served,
            )
        )
        response = HTMLResponse(html, status, _KEPT if kept else None)
        if flash is not None:
            response.delete_cookie("sagecert_flash", path="/")
        return self.completed(response)

    def status_of(self, asked: Panel) -> int:
        """The status of a page that asks one question: that of a refusal. A script puts in only what succeeded."""
        return 200 if asked.problem is None or self.is_for_a_script else asked.problem.status

    @property
    def is_for_a_script(self) -> bool:
        """Whether a part of the page that is open is asked for again."""
        return "hx-request" in self.request.headers

    @property
    def is_part_of_another(self) -> bool:
        """Whether a script asks for it, to stand within another page, such as suggestions within a form."""
        return self.is_for_a_script and urlsplit(self._current_url).path != self.request.url.path

    @property
    def _current_url(self) -> str:
        return self.request.headers.get("hx-current-url", "")

    def redirect(self, address: str, *, flash: str | None = None) -> Response:
        """Leads on after a form, to a local address. `flash`: a sentence that the next page shows once."""
        response = RedirectResponse(address, 303)
        if flash:
            self.console.sessions.keep_flash(self.request, response, flash)
        return self.completed(response)

    def completed(self, response: Response) -> Response:
        """Keeps a new session, and counts what was asked."""
        if self._session_is_new:
            self.keep(self.session, response)
        response.headers["Server-Timing"] = f'questions;desc="{self.ask.count}"'
        return response

    def keep(self, session: Session, response: Response) -> None:
        """Sets the session of the visitor."""
        self._session_is_new = False
        self.console.sessions.keep(self.request, response, session)

    def here(self, **changes: Any) -> str:
        """The address of this page with other parameters; None leaves one out."""
        return url(quote(self.request.url.path, safe="/~:@!$'()*,;="), **{**self._query, **changes})


_KEPT: Final = {"Cache-Control": "private, no-cache"}

Handler = Callable[[Page], Awaitable[Response]]


def page(path: str, show: Handler, needs: str | None = None) -> Route:
    """A page for visitors who are let in. `needs`: the scope without which nothing of it can be used."""

    async def show_if_allowed(shown: Page) -> Response:
        if needs is not None:
            shown.refuse_without(needs)
        return await show(shown)

    async def answer(request: Request) -> Response:
        shown = Page(request.app.state.console, request)
        return await answered(shown, show_if_allowed)

    return Route(path, answer, methods=["GET"], name=_name(show))


def form(path: str, take: Handler) -> Route:
    """Takes a form of the session."""

    async def read_and_take(shown: Page) -> Response:
        await shown.read_form()
        return await take(shown)

    async def answer(request: Request) -> Response:
        shown = Page(request.app.state.console, request)
        return await answered(shown, read_and_take)

    return Route(path, answer, methods=["POST"], name=_name(take))


async def answered(shown: Page, handler: Handler) -> Response:
    """The handler's answer to a visitor who is let in; the sign-in page for another; a plain page for a refusal."""
    try:
        if not await shown.ask.knows_the_visitor():
            return await sign_in_first(shown)
        _refuse_foreign_names(shown)
        return await handler(shown)
    except SignedOut:
        return await sign_in_first(shown)
    except Refused as refused:
        return refusal(shown, refused)


def _refuse_foreign_names(shown: Page) -> None:
    """Raises `Refused` if nobody needs a key and the address is not that of this system."""
    if shown.session.key is None:
        headers = {name: value for name, value in shown.request.headers.raw if name in (b"host", b"origin")}
        problem = shown.console.names.problem(shown.request.method, headers)
        if problem is not None:
            raise Refused(problem.status, {"title": problem.title, "detail": problem.detail})


def refusal(shown: Page, refused: Refused) -> Response:
    """The problem's sentence as a page. What moves within a page gives way to a whole one; a part is left out."""
    if shown.request.method == "GET" and shown.is_part_of_another:
        return shown.completed(Response(status_code=204))
    if shown.request.method == "GET" and shown.is_for_a_script:
        return shown.completed(Response(headers={"HX-Redirect": shown.here()}))
    return shown.render("error.html", status=refused.status, refused=refused)


async def sign_in_first(shown: Page) -> Response:
    """Leads to the sign-in page, and back. What was typed into a form meanwhile goes with it.

    A part of another page is left out: that page, with what was typed into it, stays until something is done on it.
    """
    if shown.is_part_of_another:
        return Response(status_code=204)
    if (
        shown.request.method == "POST"
        and shown.is_of_this_origin
        and form_kept_for_sign_in.is_kept(shown.request.url.path)
    ):
        try:
            draft = form_kept_for_sign_in.written(shown.request.url.path, await shown.typed())
        except Refused as refused:
            return refusal(shown, refused)
        return shown.render("sign_in.html", status=401, wrong=None, back="/", draft=draft)
    wanted = shown.here() if shown.request.method == "GET" else "/"
    address = f"/sign-in?{urlencode({'next': wanted})}" if wanted != "/" else "/sign-in"
    if shown.is_for_a_script:
        return shown.completed(Response(headers={"HX-Redirect": address}))
    return shown.redirect(address)


def _by_name(text: str) -> dict[str, list[str]]:
    """Fields or parameters by name. Raises `Refused` if there are too many."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FORM_FIELDS_MAX)
    except ValueError:
        raise _TOO_MANY from None
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _name(handler: Handler) -> str:
    return getattr(handler, "__name__", "page")
