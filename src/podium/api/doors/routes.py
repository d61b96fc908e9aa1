"""The routes of Podium's own dialect."""

from collections.abc import Sequence

from podium.api.doors.native import ContinueGiven, NativeDoor, TurnGiven
from podium.api.doors.told import AFTER, EVENTS, ID, KEY, LIMIT, SCHEMA, TURN_OR_EVENTS, json_reply, told
from podium.api.doors.turns import Explanation, TurnPage, TurnRoutes
from podium.api.front import HotRoute
from podium.api.openapi import EVENT, Parameter, Reply
from podium.vocabulary.event import TurnReport

_TURN = json_reply("The turn.", TurnReport)
_SEEN = (
    Parameter("after", "query", "The number of the last event seen.", {"type": "integer", "minimum": 0}),
    Parameter("Last-Event-ID", "header", "As browsers send it when they reconnect; goes before `after`."),
)


def native_routes(door: NativeDoor, turns: TurnRoutes) -> Sequence[HotRoute]:
    """Podium's own dialect."""
    start = told(
        "start_turn",
        "turns",
        "Say something in a conversation and be answered.",
        body=SCHEMA[TurnGiven],
        parameters=(ID, KEY),
        replies={200: TURN_OR_EVENTS},
        takes_turn=True,
    )
    go_on = told(
        "continue_turn",
        "turns",
        "Go on with a turn that broke off, as a new turn.",
        body=SCHEMA[ContinueGiven],
        body_required=False,
        parameters=(ID, KEY),
        replies={200: TURN_OR_EVENTS},
        takes_turn=True,
    )
    return (
        HotRoute("POST", "/v1/conversations/{id}/turns", door.start(), start),
        HotRoute("POST", "/v1/turns/{id}/continue", door.go_on(), go_on),
        *_turn_routes(turns),
    )


def _turn_routes(turns: TurnRoutes) -> Sequence[HotRoute]:
    listing = told(
        "list_turns",
        "turns",
        "Turns, newest first.",
        parameters=(LIMIT, AFTER, Parameter("conversation", "query", "Only this conversation's.")),
        replies={200: json_reply("A page.", TurnPage)},
    )
    one = told("get_turn", "turns", "A turn as it stands.", parameters=(ID,), replies={200: _TURN})
    follow = told(
        "follow_turn",
        "turns",
        "Listen to a turn, from any event on, while it runs and after.",
        parameters=(ID, *_SEEN),
        replies={200: Reply(EVENTS, {"text/event-stream": EVENT})},
    )
    cancel = told(
        "cancel_turn",
        "turns",
        "Stop a turn; what it has said is kept.",
        parameters=(ID,),
        replies={200: _TURN},
    )
    explain = told(
        "explain_turn",
        "turns",
        "Why it went as it went: decisions, attempts, cost.",
        parameters=(ID,),
        replies={200: json_reply("The story.", Explanation)},
    )
    return (
        HotRoute("GET", "/v1/turns", turns.listing(), listing),
        HotRoute("GET", "/v1/turns/{id}", turns.one(), one),
        HotRoute("GET", "/v1/turns/{id}/events", turns.events(), follow),
        HotRoute("POST", "/v1/turns/{id}/cancel", turns.cancel(), cancel),
        HotRoute("GET", "/v1/turns/{id}/explain", turns.explain(), explain),
    )
