"""Dollars as callers write them, read to the last digit: JSON numbers or decimal strings, never by way of a float."""

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any

from fastapi import Request
from pydantic import BeforeValidator, WithJsonSchema
from typing_extensions import override

from podium.api.resources.route import OnceRoute

MOST_DOLLARS = 1_000_000_000
"""The largest limit: far above what anybody spends, far below what a column of nano-dollars holds."""

_PLACES = 9
_LONGEST = 64
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?|\.[0-9]+")


class ExactRequest(Request):
    """A request whose JSON numbers become decimals, digit by digit."""

    @override
    async def json(self) -> Any:
        """The body."""
        return json.loads(await self.body(), parse_float=_decimal, parse_int=_decimal, parse_constant=Decimal)


class ExactRoute(OnceRoute):
    """For admins' keys, with numbers read exactly; a `POST` is done once for an idempotency key."""

    reading = ExactRequest


def _decimal(text: str) -> Decimal:
    """What is longer, or has an exponent that no number has, is nothing that anybody means."""
    try:
        return Decimal(text if len(text) <= _LONGEST else "NaN")
    except InvalidOperation:
        return Decimal("NaN")


def _shifted(given: Decimal, places: int) -> int | None:
    """The number with its point so many places further right; None if it has more decimals than that.

    In integers, because arithmetic with decimals rounds beyond its precision and says nothing.
    """
    _, digits, exponent = given.as_tuple()
    number = int("".join(map(str, digits)))
    shift = int(exponent) + places
    if number == 0 or shift >= 0:
        return number and number * 10**shift
    if -shift >= len(digits) or number % 10**-shift:
        return None
    return int(number // 10**-shift)


def _nano(given: object) -> int:
    """Nano-dollars.

    Raises:
        ValueError: no amount of money.
    """
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        given = _decimal(given)
    if not isinstance(given, Decimal) or not given.is_finite():
        raise ValueError('must be dollars as a number or a decimal string, such as 12.5 or "12.5"')
    if given < 0:
        raise ValueError("must not be negative")
    if given > MOST_DOLLARS:
        raise ValueError(f"must not be more than {MOST_DOLLARS} dollars")
    nano = _shifted(given, _PLACES)
    if nano is None:
        raise ValueError(f"must not have more than {_PLACES} decimals: a nano-dollar is the least amount")
    return nano


def _thousandths(given: object) -> int:
    if isinstance(given, str) and _NUMBER.fullmatch(given):
        given = _decimal(given)
    if not isinstance(given, Decimal) or not given.is_finite() or not 0 <= given <= 1:
        raise ValueError('must be a number or a decimal string from 0 to 1, such as 0.8 or "0.8"')
    share = _shifted(given, 3)
    if share is None:
        raise ValueError("must not have more than 3 decimals")
    return share


_NUMBER_SCHEMA = {"type": "number", "minimum": 0, "maximum": MOST_DOLLARS}
_STRING_SCHEMA = {"type": "string", "pattern": r"^([0-9]{1,10}(\.[0-9]{1,9})?|\.[0-9]{1,9})$"}
_SHARE_SCHEMA = {"type": "number", "minimum": 0, "maximum": 1}
_SHARE_STRING_SCHEMA = {"type": "string", "pattern": r"^([01](\.[0-9]{1,3})?|\.[0-9]{1,3})$"}

Dollars = Annotated[
    int,
    BeforeValidator(_nano),
    WithJsonSchema(
        {"anyOf": [_NUMBER_SCHEMA, _STRING_SCHEMA], "description": "Dollars, read to the last digit."}
    ),
]
"""Becomes nano-dollars."""

Threshold = Annotated[
    int,
    BeforeValidator(_thousandths),
    WithJsonSchema(
        {"anyOf": [_SHARE_SCHEMA, _SHARE_STRING_SCHEMA], "description": "Share of the limit, in thousandths."}
    ),
]
"""Becomes thousandths."""
