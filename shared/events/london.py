"""London's time zone, from the pinned `tzdata` package: the same facts give the same deadlines on every machine."""

from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo


def _london() -> ZoneInfo:
    with files("tzdata.zoneinfo.Europe").joinpath("London").open("rb") as file:
        return ZoneInfo.from_file(file, key="Europe/London")


LONDON: Final = _london()
