"""An organisation whose data nobody else can see."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tenant:
    """`id` is ours and stands in every table; `name` is what callers call it."""

    id: str
    name: str


DEFAULT_TENANT = Tenant("ten_" + "0" * 32, "default")
"""Whom the operator's key acts for when the request names no tenant; made with the tables."""
