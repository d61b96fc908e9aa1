"""`podium chat` as a person meets it: in a terminal, through a pipe, with a server and a network that fail."""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from podium.cli.occupancy import find_occupant
from tests.cli.cutting import cutting
from tests.cli.installation import PODIUM, Installation, alive, wait_until
from tests.cli.terminal import Terminal, terminal

CTRL_C, CTRL_D = "\x03", "\x04"
LONG = "Tell me [[tokens=60]] [[rate=15]]"


def surroundings(installation: Installation) -> dict[str, str]:
    return {**installation.environment, "XDG_STATE_HOME": str(installation.place / "state")}


@contextmanager
def chatting(installation: Installation, *arguments: str) -> Iterator[Terminal]:
    """A chat at its first prompt."""
    command: list[str | Path] = [PODIUM, "chat", "--data-dir", installation.data_dir, *arguments]
    with terminal(command, surroundings(installation), installation.place) as person:
        person.wait_for(" answers. ")
        person.wait_for("\n> ")
        yield person


def piped(installation: Installation, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [PODIUM, "chat", "--data-dir", installation.data_dir, *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=surroundings(installation),
        cwd=installation.place,
    )


def last_turn(installation: Installation) -> Any:
    return installation.ask("GET", "/v1/turns?limit=1").body["data"][0]


def messages(installation: Installation, conversation: str) -> list[str]:
    items = installation.ask("GET", f"/v1/conversations/{conversation}/items?limit=100").body["data"]
    return ["".join(part["text"] for part in item["parts"]) for item in items]


# ── through a pipe ───────────────────────────────────────────────────────────────────────────────────────


def test_a_pipe_gets_the_bare_answer(running: Installation) -> None:
    done = piped(running, given="hi [[reason hmm]]")
    assert (done.stdout, done.stderr, done.returncode) == ("You said: hi\n", "", 0)


def test_words_of_the_command_line_stand_before_what_is_piped(running: Installation) -> None:
    assert piped(running, "summarise", "this", given="a\nlong\ntext").returncode == 0
    turn = last_turn(running)
    assert messages(running, turn["conversation_id"])[0] == "summarise this\n\na\nlong\ntext"


def test_an_empty_pipe_is_told(running: Installation) -> None:
    done = piped(running)
    assert done.returncode == 1
    assert done.stderr.startswith("podium: There is nothing to say.\n")


def test_a_question_from_outside_begins_a_conversation_that_can_be_resumed(running: Installation) -> None:
    piped(running, given="first")
    first = last_turn(running)["conversation_id"]
    piped(running, given="second")
    second = last_turn(running)["conversation_id"]
    assert second != first
    piped(running, "--resume", given="third")
    assert messages(running, second)[::2] == ["second", "third"]
    piped(running, "--resume", first, given="fourth")
    piped(running, f"--resume={first}", "fifth")
    assert messages(running, first)[::2] == ["first", "fourth", "fifth"]
    piped(running, "--resume", "sixth")
    assert messages(running, first)[::2] == ["first", "fourth", "fifth", "sixth"]


@pytest.mark.parametrize(
    "named", [("--resume", f"conv_{'0' * 32}"), ("--resume", "conv_01a2"), ("--resume=x",)]
)
def test_an_unknown_conversation_is_told(running: Installation, named: tuple[str, ...]) -> None:
    done = piped(running, *named, "hi")
    assert done.returncode == 1
    assert "There is no such conversation. (not_found)" in done.stderr


def test_a_broken_answer_ends_with_1_and_says_why(running: Installation) -> None:
    done = piped(running, given="[[fault close after=2]] [[tokens=9]]")
    assert (done.stdout, done.returncode) == ("the quick\n", 1)
    assert done.stderr.startswith("podium: The answer broke off: ")
    assert "(upstream_truncated)" in done.stderr


def test_an_unknown_model_is_told_with_what_there_is(running: Installation) -> None:
    done = piped(running, "--model", "nope", given="hi")
    assert done.returncode == 1
    assert "'nope'. (model_not_found)\n        Listed models: simulator/echo." in done.stderr


def test_a_refused_first_message_leaves_no_conversation_and_not_the_last(running: Installation) -> None:
    piped(running, given="kept")
    kept = last_turn(running)["conversation_id"]
    before = running.ask("GET", "/v1/conversations?limit=100").body["data"]
    assert piped(running, "--model", "nope", given="hi").returncode == 1
    assert running.ask("GET", "/v1/conversations?limit=100").body["data"] == before
    assert piped(running, "--resume", given="again").returncode == 0
    assert messages(running, kept)[::2] == ["kept", "again"]


def test_a_refused_message_later_on_leaves_the_conversation_as_it_is(running: Installation) -> None:
    piped(running, given="kept")
    kept = last_turn(running)["conversation_id"]
    assert piped(running, "--resume", "--model", "nope", given="hi").returncode == 1
    piped(running, "--resume", given="again")
    assert messages(running, kept)[::2] == ["kept", "again"]


def test_a_wrong_key_is_told(running: Installation) -> None:
    done = piped(running, "--key", "pk_wrong", given="hi")
    assert done.returncode == 1
    assert "(invalid_api_key)" in done.stderr


def test_the_operators_key_is_not_sent_elsewhere(running: Installation) -> None:
    done = piped(running, "--url", "http://podium.invalid", given="hi")
    assert done.returncode == 2
    assert done.stderr.startswith("podium: There is no key for http://podium.invalid.")


def test_a_server_that_does_not_answer_is_told(running: Installation) -> None:
    done = piped(running, "--url", "http://127.0.0.1:1", given="hi")
    assert done.returncode == 1
    assert "The server at http://127.0.0.1:1 does not answer: Connection refused." in done.stderr


@pytest.mark.parametrize("after", [0, 200, 900, 1500])
def test_a_connection_that_breaks_again_and_again_neither_loses_nor_repeats(
    running: Installation, after: int
) -> None:
    with cutting(running.url, after=after, cuts=4) as network:
        done = piped(running, "--url", network.url, given="[[tokens=80]]")
    assert network.done == 4, network.asked
    assert done.returncode == 0, done.stderr
    turn = last_turn(running)
    assert turn["usage"]["output"] == 80
    assert done.stdout == turn["output_text"] + "\n"
    assert messages(running, turn["conversation_id"]) == ["[[tokens=80]]", turn["output_text"]]


# ── in a terminal ────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_conversation_goes_on_and_new_begins_another(running: Installation) -> None:
    with chatting(running, "--new") as person:
        person.type("one")
        person.wait_for("You said: one\n> ")
        person.press(CTRL_D)
        assert person.wait_end() == 0
    first = last_turn(running)["conversation_id"]
    with chatting(running) as person:
        assert "goes on; it has 2 messages." in person.screen
        assert "\n> one\nYou said: one\n" in person.screen
        person.type("two")
        person.wait_for("You said: two\n> ")
        person.type("/new")
        person.wait_for("begins another conversation.\n> ")
        person.type("three")
        person.wait_for("You said: three\n> ")
        person.type("/quit")
        assert person.wait_end() == 0
    assert messages(running, first)[::2] == ["one", "two"]
    assert messages(running, last_turn(running)["conversation_id"])[::2] == ["three"]


def test_ctrl_c_stops_the_answer_and_at_the_prompt_the_chat(running: Installation) -> None:
    with chatting(running, "--new") as person:
        person.type(LONG)
        person.wait_for("\nthe quick")
        person.press(CTRL_C)
        person.wait_for("Stopped. What was said is kept; /continue goes on with it.\n> ")
        stopped = last_turn(running)
        person.type("still there?")
        person.wait_for("You said: still there?\n> ")
        assert person.press_until_end(CTRL_C) == 0
    assert stopped["status"] == "cancelled"
    assert stopped["output_text"].startswith("the quick")
    assert len(stopped["output_text"].split()) < 60


def test_reasoning_and_tool_calls_are_shown_dimly(running: Installation) -> None:
    with chatting(running, "--new") as person:
        person.type('[[reason let me see]] [[call search {"q": 1}]]')
        person.wait_for('calls search({"q": 1})\n> ')
        assert "\x1b[2mlet me see\x1b[0m\r\n\x1b[2mcalls search({" in person.raw


def test_an_answer_cannot_command_the_terminal(running: Installation) -> None:
    command: list[str | Path] = [PODIUM, "chat", "--data-dir", running.data_dir, "a\x1b[31m\x9b1m\x07b"]
    with terminal(command, surroundings(running), running.place) as person:
        assert person.wait_end() == 0
    assert "You said: a[31m1mb" in person.raw


def test_an_interrupted_answer_is_told_and_continued(running: Installation) -> None:
    with chatting(running, "--new") as person:
        person.type("[[fault close after=3]] [[tokens=9]]")
        shown = person.wait_for("/continue goes on from there.\n> ")
        assert "the quick brown\npodium: The answer broke off: " in shown
        person.type("/continue")
        person.wait_for("You said: Continue")
        person.wait_for("\n> ")
    assert last_turn(running)["status"] == "completed"


def test_explain_and_model_at_the_prompt(running: Installation) -> None:
    with chatting(running, "--new") as person:
        person.type("/explain")
        person.wait_for("Nothing has been said yet.\n> ")
        person.type("hello")
        person.wait_for("You said: hello\n> ")
        person.type("/explain")
        assert "simulator/echo: no model was named" in person.wait_for("Attempts")
        person.wait_for("\n> ")
        person.type("/model nope")
        person.wait_for("(model_not_found)\n> ")
        person.type("/model")
        person.wait_for("simulator/echo  (default)\n> ")
        person.type("/model simulator/other")
        person.wait_for("simulator/other answers from now on.\n> ")
        person.type("//slash")
        person.wait_for("You said: /slash\n> ")
        person.type("/what")
        person.wait_for("There is no such command; /help lists those there are.\n> ")
    assert last_turn(running)["model"] == "simulator/other"


def test_arrow_up_brings_the_last_line_back_even_in_another_chat(running: Installation) -> None:
    with chatting(running, "--new") as person:
        person.type("a line to remember")
        person.wait_for("You said: a line to remember\n> ")
        person.press(CTRL_D)
        assert person.wait_end() == 0
    with chatting(running, "--new") as person:
        person.press("\x1b[A")
        person.wait_for("a line to remember")
        person.press("\r")
        person.wait_for("You said: a line to remember\n> ")


# ── servers that come and go ─────────────────────────────────────────────────────────────────────────────


def test_a_killed_server_process_costs_no_shown_word(installation: Installation) -> None:
    installation.serve()
    with chatting(installation) as person:
        person.type(LONG)
        person.wait_for("\nthe quick brown")
        [server] = installation.servers()
        os.kill(server, signal.SIGKILL)
        shown = person.wait_for("/continue goes on from there.\n> ")
        kept = last_turn(installation)
        assert kept["status"] == "interrupted"
        before, _, later = ("the quick brown" + shown).partition("\n")
        # What was stored and not yet sent comes after the note.
        rest = later.partition("Trying again …")[2].partition("podium: The answer broke off")[0]
        assert kept["output_text"] == before + rest.strip("\n")
        assert "Trying again" in shown
        person.type("and now?")
        person.wait_for("You said: and now?\n> ")


def test_where_none_serves_a_server_is_started_and_stopped_with_the_chat(installation: Installation) -> None:
    with chatting(installation) as person:
        assert "No server serves here, so this chat starts one and stops it at the end." in person.screen
        person.type("hello")
        person.wait_for("You said: hello\n> ")
        occupant = find_occupant(installation.data_dir)
        assert occupant is not None
        person.press(CTRL_D)
        assert person.wait_end() == 0
    assert not alive({occupant.pid})
    second = piped(installation, "--resume", given="again")
    assert (second.stdout, second.returncode) == ("You said: again\n", 0)


def test_a_chat_that_is_told_to_end_stops_its_server(installation: Installation) -> None:
    with chatting(installation) as person:
        occupant = find_occupant(installation.data_dir)
        assert occupant is not None
        assert person.signal_until_end(signal.SIGTERM) == 1
    assert not alive({occupant.pid})


def test_why_no_server_can_be_started_is_told(installation: Installation) -> None:
    installation.data_dir.mkdir()
    (installation.data_dir / "diary.txt").write_text("mine")
    done = piped(installation, given="hi")
    assert done.returncode == 2
    assert "is not Podium's: it holds diary.txt" in done.stderr


def test_two_chats_that_start_at_once_share_one_server(installation: Installation) -> None:
    environment = surroundings(installation)
    command: list[str | Path] = [PODIUM, "chat", "--data-dir", installation.data_dir, "hi"]
    both = [
        subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        for _ in range(2)
    ]
    wait_until(lambda: all(each.poll() is not None for each in both), within=60)
    told = [each.communicate() for each in both]
    assert [(each.returncode, said) for each, (said, _) in zip(both, told, strict=True)] == [
        (0, b"You said: hi\n")
    ] * 2, told
