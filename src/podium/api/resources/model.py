"""What the models of all resources share: text that can be stored, metadata, pages, cursors."""

import json
import math
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)
from pydantic_core import PydanticCustomError

from podium.errors import InvalidRequest

MOST_METADATA_BYTES = 16 << 10
MOST_METADATA_DEPTH = 16
MOST_NAME = 128
MOST_SESSION_NAME = 200
"""Characters of what a client may call a session, at every door."""

Item = TypeVar("Item")

MOMENT = "With its zone, as in 2027-01-31T12:00:00Z."
"""How a moment is written, for the description of the member that is one."""

DAY = "A day, which begins in UTC, or a moment with its zone: 2027-01-31, 2027-01-31T12:00:00Z."
"""Likewise where a day will do."""

_FIRST_YEAR, _LAST_YEAR = 1971, 9000
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HALF = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """Refuse the characters that Postgres and UTF-8 do not have: NUL and halves of surrogate pairs."""
    if "\0" in text or _HALF.search(text):
        raise ValueError("must not contain NUL characters or lone surrogates")
    return text


def plain(text: str) -> str:
    """Refuse text that does not look like what it is: control characters, spaces at the ends."""
    if not text.isprintable() or text != text.strip():
        raise ValueError("must not contain control characters or begin or end with a space")
    return text


def in_reach(moment: datetime) -> datetime:
    """Refuse years that calendars cannot reckon with."""
    if not _FIRST_YEAR <= moment.year < _LAST_YEAR:
        raise ValueError("is out of reach")
    return moment


def storable_if_given(text: str | None) -> str | None:
    """As `storable`, of what may be left out."""
    return None if text is None else storable(text)


def as_name(text: str) -> str:
    """Refuse what is no name of a tenant, a user or the like."""
    if len(text) > MOST_NAME:
        raise ValueError(f"must not be longer than {MOST_NAME} characters")
    return plain(text)


def midnight(given: object) -> object:
    """A day as the moment when it begins, in UTC; a moment as it is. Refuses numbers: they would pass for seconds."""
    if isinstance(given, str) and given.replace(".", "").isdigit():
        raise ValueError(
            "must be a day or a moment with its zone, such as 2027-01-31 or 2027-01-31T12:00:00Z"
        )
    return f"{given}T00:00:00Z" if isinstance(given, str) and _DAY.fullmatch(given) else given


Storable = Annotated[str, AfterValidator(storable)]
Moment = Annotated[AwareDatetime, AfterValidator(in_reach)]
Day = Annotated[AwareDatetime, BeforeValidator(midnight), AfterValidator(in_reach)]
"""A moment, or the day that begins with it."""
Name = Annotated[str, AfterValidator(plain), Field(min_length=1, max_length=MOST_NAME)]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
After = Annotated[
    str | None, Query(max_length=200, description="`next` of the page before; without it, the first page.")
]


def _leaves(metadata: dict[str, Any]) -> Iterator[Any]:
    level: list[Any] = [metadata]
    for _ in range(MOST_METADATA_DEPTH):
        below: list[Any] = []
        for each in level:
            if isinstance(each, dict):
                yield from each
                below.extend(each.values())
            elif isinstance(each, list):
                below.extend(each)
            else:
                yield each
        level = below
        if not level:
            return
    raise ValueError(f"must not be nested deeper than {MOST_METADATA_DEPTH} levels")


def modest(metadata: dict[str, Any]) -> dict[str, Any]:
    """Refuse metadata that is deep, large or cannot be stored."""
    for leaf in _leaves(metadata):
        if isinstance(leaf, str):
            storable(leaf)
        elif isinstance(leaf, float) and not math.isfinite(leaf):
            raise ValueError("must not contain NaN or infinite numbers")
    if len(written(metadata).encode()) > MOST_METADATA_BYTES:
        raise ValueError(f"must not be larger than {MOST_METADATA_BYTES} bytes of JSON")
    return metadata


def written(metadata: dict[str, Any]) -> str:
    """Metadata as it is stored."""
    return json.dumps(metadata, ensure_ascii=False, separators=(",", ":"))


Metadata = Annotated[dict[str, Any], AfterValidator(modest)]


class Given(BaseModel):
    """A body that a client sends: members that nobody knows are mistakes worth telling."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _is_object(cls, given: object) -> object:
        """Refuse what is none: pydantic would read its members off any value's attributes, a number's too."""
        if not isinstance(given, dict | cls):
            raise PydanticCustomError("model_attributes_type", "must be a JSON object")
        return given


class Page(BaseModel, Generic[Item]):
    """Part of a list. `next` is the `after` of the following page, null on the last one."""

    data: list[Item]
    next: str | None


class Deleted(BaseModel):
    """It is gone."""

    id: str
    deleted: bool = True


def write_cursor(last_id: str) -> str:
    """Where a page ended, as text that means nothing to anybody else."""
    return "c" + last_id.rpartition("_")[2]


def read_cursor(prefix: str, after: str | None) -> str | None:
    """The id (with this prefix) of the last item of the page before.

    Raises:
        InvalidRequest: not one of our cursors.
    """
    if after is None:
        return None
    if len(after) != 33 or after[0] != "c" or not set(after[1:]) <= set("0123456789abcdef"):
        raise InvalidRequest("This is not the `next` of a page.", param="after")
    return f"{prefix}_{after[1:]}"
