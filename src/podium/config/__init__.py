"""Settings: flags, environment and podium.toml, laid over each other once and turned into values.

`load` reads them all and tells every mistake with its place, `settings` and `place` are the values, `home` is what is
kept in the data directory. `cli` loads them, `app` is built from them, and nobody below can read a setting.
"""
