"""Keys, conversations, budgets, the ledger and health as HTTP resources, each a router with its models.

`application` includes them. A handler reads, calls one verb of the folder whose noun it is, and writes; every route
passes the guard before its body is read.
"""

from fastapi import APIRouter

from podium.api.resources import budgets, conversations, cost, health, keys, ledger

ROUTERS: tuple[APIRouter, ...] = (
    *(health.router, health.neighbours),
    keys.router,
    conversations.router,
    *(budgets.router, budgets.reading),
    ledger.router,
    *(cost.router, cost.reading),
)

__all__ = ["ROUTERS"]
