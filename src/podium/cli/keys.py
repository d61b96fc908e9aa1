"""`podium keys`: make, list and revoke API keys, beside a running server or before the first start."""

from typing import Annotated, Any, Literal

import typer

from podium.cli.moment import moment
from podium.cli.option import AsJson, DataDir, Key, Url

keys = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Make, list and revoke API keys.")


@keys.command()
def create(  # noqa: PLR0913, PLR0917  # the options of a command
    tenant: Annotated[str, typer.Option(help="Whose it is; made if the name is new.")],
    user: Annotated[str, typer.Option(help="Who in it; made if the name is new.")],
    scope: Annotated[Literal["admin", "member"], typer.Option(help="What it may do.")] = "member",
    tier: Annotated[str | None, typer.Option(help="How much it may use. [the user's]")] = None,
    user_tier: Annotated[str | None, typer.Option(help="How much the user may use, from now on.")] = None,
    expires: Annotated[
        str | None, typer.Option(help="Until when: 2027-01-31, or 2027-01-31T12:00:00Z. [for ever]")
    ] = None,
    as_json: AsJson = False,
    url: Url = None,
    key: Key = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is shown this once."""
    from podium.cli.target import NotServing, find_target
    from podium.cli.told import told

    wanted: dict[str, Any] = {"tenant": tenant, "user": user, "scope": scope, "tier": tier}
    if user_tier:
        wanted["user_tier"] = user_tier
    with told():
        wanted["expires_at"] = moment(expires, "expires")
        target = find_target(url, key, data_dir)
        try:
            made = target.client().ask("POST", "/v1/keys", wanted)
        except NotServing:
            from podium.cli.issue import create_key  # opens the database, and takes its time to load

            made = create_key(target.data_dir, wanted)
    if as_json:
        _print_json(made)
        return
    print(made["key"])
    until = f", until {made['expires_at']}" if made["expires_at"] else ""
    typer.echo(
        f"Shown this once. {made['id']}: {made['scope']} of {made['tenant']}/{made['user']},"
        f" tier {made['tier']}{until}.",
        err=True,
    )


@keys.command("list")
def list_keys(as_json: AsJson = False, url: Url = None, key: Key = None, data_dir: DataDir = None) -> None:
    """List the keys that were not revoked, newest first."""
    from podium.cli.table import table
    from podium.cli.target import NotServing, find_target
    from podium.cli.told import told

    with told():
        target = find_target(url, key, data_dir)
        try:
            found = list(target.client().pages("/v1/keys"))
        except NotServing:
            from podium.cli import issue

            found = issue.list_keys(target.data_dir)
    if as_json:
        _print_json(found)
        return
    columns = ("id", "prefix", "tenant", "user", "scope", "tier", "created_at", "expires_at")
    rows = [[str(each[name] or "") for name in columns[:-2]] + _days(each) for each in found]
    print(table([name.removesuffix("_at").upper() for name in columns], rows))


@keys.command()
def revoke(
    id: Annotated[str, typer.Argument(help="The key's id, as `podium keys list` shows it.")],  # noqa: A002  # the word on the command line
    url: Url = None,
    key: Key = None,
    data_dir: DataDir = None,
) -> None:
    """End a key: it is refused everywhere within five seconds."""
    from podium.cli.target import NotServing, find_target
    from podium.cli.told import told
    from podium.kit import ids

    with told():
        target = find_target(url, key, data_dir)
        name = id if ids.is_id("key", id) else ids.nobody("key")
        try:
            target.client().ask("DELETE", f"/v1/keys/{name}")
        except NotServing:
            from podium.cli.issue import revoke_key

            revoke_key(target.data_dir, name)
    print(f"{id} is revoked.")


def _days(key: dict[str, Any]) -> list[str]:
    return [(key[name] or "")[:10] for name in ("created_at", "expires_at")]


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, indent=2))
