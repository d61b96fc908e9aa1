"""`podium models`: who can answer."""

from podium.cli.option import AsJson, DataDir, Key, Url


def models(as_json: AsJson = False, url: Url = None, key: Key = None, data_dir: DataDir = None) -> None:
    """List the models and routes that can be named."""
    import json

    from podium.cli.table import table
    from podium.cli.target import find_target
    from podium.cli.told import told

    with told():
        found = find_target(url, key, data_dir).client().ask("GET", "/v1/models")["data"]
    if as_json:
        print(json.dumps(found, indent=2))
        return
    rows = [
        (each["id"], f"{each['context_window']:,}", each["owned_by"], "default" if each["default"] else "")
        for each in found
    ]
    print(table(("MODEL", "WINDOW", "ENDPOINT", ""), rows, right={1}))
