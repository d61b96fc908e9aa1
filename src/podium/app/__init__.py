"""The only place that knows every concrete class: settings in, everything that a server process holds out.

`wiring` builds and opens it, `voice` stacks the providers that a turn speaks through, `count` counts tokens. `api`
serves it over HTTP, and `cli` starts the two; nothing else imports it.
"""

from podium.app.wiring import App

__all__ = ["App"]
