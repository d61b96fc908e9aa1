"""The only place that knows every concrete class: settings in, an application out.

`wiring` builds and opens everything a server process needs, `voice` stacks the providers that a turn speaks through.
`cli` starts it; nothing else imports it.
"""

from podium.app.wiring import build

__all__ = ["build"]
