"""Templates escape what they show, look answers up by key, and refuse names that nobody gave."""

from datetime import UTC, datetime

import pytest
from jinja2 import UndefinedError
from markupsafe import Markup

from services.console import elements
from services.console.templating import environment
from services.console.timeline_picture import LABEL_WIDTH_PER_CHARACTER, WIDTH, Scale

HARM = "\"'><script>harm()</script>&amp;"


def rendered(template: str, **context: object) -> str:
    return environment().from_string(template).render(**context)


@pytest.mark.parametrize(
    "made",
    [
        elements.partner(HARM, HARM),
        elements.person(HARM),
        elements.fact(HARM),
        elements.badge("ok", HARM),
        elements.icon(HARM, HARM),
        elements.status(HARM),
        elements.time(None, HARM),
    ],
)
def test_what_an_element_shows_is_escaped(made: Markup) -> None:
    assert "<script" not in made.lower()
    assert made.count("<") == made.count(">")
    assert not set(made.replace('="', "").replace('" ', "").replace('">', "")) & {'"', "'"}


def test_a_badge_of_markup_is_none_of_the_same_text() -> None:
    assert "<b>" in elements.badge("ok", Markup("<b>7</b>"))
    assert "<b>" not in elements.badge("ok", "<b>7</b>")


def test_an_answer_is_looked_into_by_key_and_its_methods_come_first() -> None:
    said = {"items": 1, "status": "open", "within": {"name": HARM}}
    assert rendered("{{ said.status }}{{ said.items() | length }}", said=said) == "open3"
    assert "<script" not in rendered("{{ said.within.name }}", said=said)
    assert rendered("{{ said.nothing | default('none') }}", said=said) == "none"
    with pytest.raises(UndefinedError, match="nothing"):
        rendered("{{ said.nothing }}", said=said)


def test_no_word_of_the_axis_is_cut_off() -> None:
    for month in range(1, 13):
        scale = Scale(datetime(2022, 1, 1, tzinfo=UTC), datetime(2027, month, 3, tzinfo=UTC))
        ticks = scale.ticks()
        assert len([word for _, word in ticks if word]) > 3
        assert all(x + LABEL_WIDTH_PER_CHARACTER * len(word) <= WIDTH for x, word in ticks)
