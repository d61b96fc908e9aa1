"""`podium explain`: how an answer came to be."""

from typing import Annotated

import typer

from podium.cli.option import AsJson, DataDir, Key, Url


def explain(
    turn: Annotated[str | None, typer.Argument(help="The turn; without one, the last.")] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
    data_dir: DataDir = None,
) -> None:
    """Tell why a turn went as it went: decisions, attempts, tokens, cost."""
    import json

    from podium.cli.story import tell_story
    from podium.cli.target import find_target
    from podium.cli.told import told
    from podium.errors import Unknown
    from podium.kit import ids

    with told():
        client = find_target(url, key, data_dir).client()
        if turn is None:
            last = client.ask("GET", "/v1/turns?limit=1")["data"]
            if not last:
                raise Unknown("There has been no turn yet.", hint="Begin with: podium chat")
            turn = str(last[0]["id"])
        name = turn if ids.is_id("turn", turn) else ids.nobody("turn")
        story = client.ask("GET", f"/v1/turns/{name}/explain")
        print(json.dumps(story, indent=2, ensure_ascii=False) if as_json else tell_story(story))
