"""The templates of the console: everything is escaped, and an unknown name is an error."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.console import dates, elements, fact_words

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"


class _Environment(Environment):
    """Looks into a decoded answer by key at once; Jinja tries an attribute first, and a page has a thousand of them."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """As Jinja's own: the methods of a dictionary come before its keys."""
        if type(obj) is dict and attribute not in _METHODS:
            try:
                return obj[attribute]
            except KeyError:
                return self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


_METHODS: Final = frozenset(dir(dict))


@cache
def environment() -> Environment:
    """The templates, compiled once for each process."""
    made = _Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    made.filters |= {
        "status_badge": elements.status,
        "date_element": elements.date,
        "day_element": elements.day,
        "certified_badge": elements.certified,
        "lacks_element": elements.lacks,
        "partner_link": elements.partner,
        "person_link": elements.person,
        "london": dates.london,
        "london_day": dates.london_day,
        "exact": dates.exact,
        "plain": dates.plain,
        "brief": dates.brief,
        "code_words": dates.code_words,
        "for_input": dates.for_input,
        "from_input": dates.from_input,
        "in_days": dates.in_days,
        "fact_sentence": fact_words.fact_sentence,
        "event_sentence": fact_words.event_sentence,
        "count": dates.count,
        "may_words": fact_words.may_words,
        "short_type": fact_words.short_type,
        "value_words": fact_words.value_words,
        "can_be_taken_back": fact_words.can_be_taken_back,
        "lack_words": lambda thing: fact_words.LACKS.get(thing, thing),
        "part": lambda text: quote(str(text), safe=""),
        "words": lambda text: str(text).replace("_", " ").replace("-", " "),
    }
    made.globals |= {
        "elements": elements,
        "url": url,
        "data": data,
        "asset": asset,
        "days_between": dates.days_between,
        "member_words": fact_words.MEMBERS,
    }
    return made


def compile_all() -> None:
    """Compiles every template, so that no visitor waits for it."""
    for name in environment().list_templates(extensions=["html"]):
        environment().get_template(name)


def url(path: str, **query: Any) -> str:
    """An address with these parameters; a list gives one several times, None and empty text leave it out."""
    lists = {name: value if isinstance(value, list | tuple) else [value] for name, value in query.items()}
    given = [(name, str(value)) for name, values in lists.items() for value in values if value not in (None, "")]
    return f"{path}?{urlencode(given)}" if given else path


def data(path: str, params: Mapping[str, Any] | None = None, **query: Any) -> str:
    """The address of a service's answer, asked with the session of the visitor."""
    return url(f"/data{path}", **{**(params or {}), **query})


@cache
def asset(name: str) -> str:
    """The address of a file in `static`, which changes with its content."""
    return f"/static/{name}?{sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"
