"""One conversation at a terminal or in a pipe: what is said is sent, what is answered is shown."""

import contextlib
from collections.abc import Callable

from podium.cli import recent
from podium.cli.client import Client, Event, Json, Refused
from podium.cli.follow import Following
from podium.cli.own_server import OwnServer
from podium.cli.screen import Screen
from podium.errors import PodiumError
from podium.kit import ids

_SHOWN_CHARACTERS = 300
_OUR_FAULT = 500  # statuses from here on are the server's fault, and may come again without it


class Talk:
    """A conversation, or the intent to begin one with the first message. `model` answers from now on, if named."""

    def __init__(self, server: OwnServer, screen: Screen, *, target: str, model: str | None) -> None:
        """`target` is what the conversation is remembered by."""
        self._server = server
        self._screen = screen
        self._target = target
        self._last_turn: str | None = None
        self._is_remembered = False
        self.conversation: str | None = None
        self.model = model

    def resume(self, conversation: str | None) -> bool:
        """Go on with this conversation, or with the last one; False if there was none.

        Raises:
            Refused: the server knows none of this name.
        """
        wanted = conversation or recent.recall(self._target)
        if wanted is None:
            return False
        client = self._server.client()
        try:
            found = client.ask("GET", f"/v1/conversations/{_checked(wanted)}")
        except Refused as error:
            if conversation is None and error.status == 404:
                return False
            raise
        self._goes_on(wanted)
        self._show_last(client, found)
        return True

    def renew(self) -> None:
        """Begin another conversation with the next message."""
        self.conversation = self._last_turn = None
        self._is_remembered = False

    def say(self, text: str) -> bool:
        """Say something and show the answer; whether it was whole.

        Raises:
            Refused, Unanswered: there was no answer.
        """
        said = {"input": text, **self._choice()}
        if self.conversation is not None:
            return self._hear(f"/v1/conversations/{self.conversation}/turns", said)
        self.conversation = str(self._server.client().ask("POST", "/v1/conversations", {})["id"])
        try:
            return self._hear(f"/v1/conversations/{self.conversation}/turns", said)
        except Refused as error:
            if self._last_turn is None and error.status < _OUR_FAULT:
                self._forget()
            raise

    def go_on(self) -> bool:
        """Let the model go on where its last answer broke off; whether it was whole then."""
        if self.conversation is None:
            self._screen.note("Nothing has been said yet.")
            return False
        turn = self._last_turn or self._find_last_turn()
        if turn is None:
            self._screen.note("Nothing has been said yet.")
            return False
        return self._hear(f"/v1/turns/{turn}/continue", self._choice())

    def last_turn(self) -> str | None:
        """The last turn of this conversation."""
        return self._last_turn or (self._find_last_turn() if self.conversation else None)

    def _choice(self) -> Json:
        return {"model": self.model} if self.model else {}

    def _goes_on(self, conversation: str) -> None:
        self.renew()
        self.conversation = conversation
        self._remember()

    def _remember(self) -> None:
        """Make it the last one."""
        if self.conversation is not None and not self._is_remembered:
            recent.remember(self._target, self.conversation)
            self._is_remembered = True

    def _forget(self) -> None:
        """Leave no conversation behind in which nothing could be said."""
        with contextlib.suppress(PodiumError):
            self._server.find().ask("DELETE", f"/v1/conversations/{self.conversation}")
        self.renew()

    def _find_last_turn(self) -> str | None:
        found = self._server.client().ask("GET", f"/v1/turns?limit=1&conversation={self.conversation}")[
            "data"
        ]
        return str(found[0]["id"]) if found else None

    def _show_last(self, client: Client, found: Json) -> None:
        """Remind the person of where the conversation stands."""
        if not self._screen.is_terminal:
            return
        title = f' "{found["title"]}"' if found["title"] else ""
        self._screen.note(f"The conversation{title} goes on; it has {found['messages']} messages.")
        path = f"/v1/conversations/{found['id']}/items?limit=2&order=desc"
        for item in reversed(client.ask("GET", path)["data"]):
            words = " ".join(" ".join(part.get("text", "") for part in item["parts"]).split())
            cut = words if len(words) <= _SHOWN_CHARACTERS else f"{words[:_SHOWN_CHARACTERS]}…"
            self._screen.note(f"> {cut}" if item["role"] == "user" else cut)

    def _hear(self, path: str, body: Json) -> bool:
        """Show a turn as it comes. Ctrl-C stops it, and shows how it ended."""
        self._server.client()  # there is one when the turn begins; while it runs, whoever stopped it starts it again
        following = Following(self._server.find, path, body, lost=self._tell_lost)
        telling = Telling(self._screen)
        try:
            try:
                return self._show(following, telling)
            except KeyboardInterrupt:
                self._screen.end_line()
                following.cancel()
                return self._show(following, telling)
        finally:
            self._last_turn = following.turn or self._last_turn
            self._screen.end_line()

    def _show(self, following: Following, telling: "Telling") -> bool:
        with contextlib.closing(following.events()) as events:
            for event in events:
                self._remember()
                telling.hear(event)
        return telling.is_whole

    def _tell_lost(self, why: str) -> None:
        self._screen.note(f"{why} Trying again …")


class Telling:
    """How the events of one turn look."""

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._part: tuple[str, int] | None = None
        self._shown: dict[str, Callable[[Event], None]] = {
            "text.delta": self._text,
            "refusal.delta": self._text,
            "reasoning.delta": self._reasoning,
            "tool_call.started": self._call,
            "tool_call.delta": self._arguments,
            "tool_call.completed": self._called,
            "attempt.failed": self._failed,
        }
        self.is_whole = False

    def hear(self, event: Event) -> None:
        """Show what of an event is for a person."""
        kind: str = event["type"]
        if kind in self._shown:
            self._shown[kind](event)
        elif kind.startswith("turn.") and kind != "turn.started":
            self._end(event["turn"])

    def _begin(self, kind: str, index: int) -> None:
        """Parts of an answer stand below each other."""
        if self._part is not None and self._part != (kind, index):
            self._screen.end_line()
        self._part = (kind, index)

    def _text(self, event: Event) -> None:
        self._begin("text", event["index"])
        self._screen.answer(event["text"])

    def _reasoning(self, event: Event) -> None:
        self._begin("reasoning", event["index"])
        self._screen.aside(event["text"])

    def _call(self, event: Event) -> None:
        self._begin("tool_call", event["index"])
        self._screen.aside(f"calls {event['name']}(")

    def _arguments(self, event: Event) -> None:
        self._screen.aside(event["arguments"])

    def _called(self, _event: Event) -> None:
        self._screen.aside(")")

    def _failed(self, event: Event) -> None:
        if event.get("retryable") and self._part is None:
            self._screen.note(f"{event['message']} ({event['code']})")

    def _end(self, turn: Json) -> None:
        self.is_whole = turn["status"] == "completed"
        if turn["finish_reason"] == "length":
            self._screen.note("The answer reached its greatest length. /continue goes on with it.")
        elif turn["finish_reason"] == "content_filter":
            self._screen.note("The host's content filter cut the answer.")
        elif turn["status"] == "cancelled":
            self._screen.note("Stopped. What was said is kept; /continue goes on with it.")
        elif turn["status"] in ("interrupted", "failed"):
            error = turn["error"] or {"code": "unknown", "message": "It is not known why."}
            what = "The answer broke off" if turn["status"] == "interrupted" else "There is no answer"
            told = Refused(500, error)
            told.message = f"{what}: {told.message}"
            told.hint = told.hint or "/continue goes on from there."
            self._screen.tell(told)


def _checked(conversation: str) -> str:
    """The id as it may stand in a path."""
    return conversation if ids.is_id("conv", conversation) else ids.nobody("conv")
