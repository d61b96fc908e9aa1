"""A conversation with the model in the house: ten turns that Podium remembers, over a kill -9 in between."""

import os
import signal

from tests.cli.installation import installed


def test_ten_turns_of_one_conversation_over_the_death_of_everything() -> None:
    with installed(PODIUM_LOCAL="1") as installation:
        installation.serve()
        made = installation.ask("POST", "/v1/conversations", {"model": "local/smollm2-135m"})
        conversation = f"/v1/conversations/{made.body['id']}"
        prompts: list[int] = []
        for number in range(10):
            if number == 5:
                os.kill(installation.pid, signal.SIGKILL)
                installation.wait_end()
                installation.serve()
            turn = installation.ask(
                "POST",
                f"{conversation}/turns",
                {"input": f"Tell me of tree number {number}.", "max_output_tokens": 60},
            )
            assert turn.body["status"] == "completed", turn.body
            assert turn.body["output_text"]
            usage = turn.body["usage"]
            prompts.append(usage["input"] + usage["cached_input"])
        items = installation.ask("GET", f"{conversation}/items?limit=100").body["data"]
    assert [each["position"] for each in items] == list(
        range(items[0]["position"], items[0]["position"] + 20)
    )
    assert [each["role"] for each in items] == ["user", "assistant"] * 10
    assert max(prompts) > prompts[0] + 100, "what was said before is part of what is asked"
