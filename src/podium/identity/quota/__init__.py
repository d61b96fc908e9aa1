"""How much may be asked for in a minute and at once: by each user, by each key, by each tenant.

`Quota.admit` is asked once for each turn that is about to be accepted and gives a grant, which is given back, corrected
or ended by whoever runs the turn. Counts are kept in memory, or in Redis where replicas share them; nothing here knows
of HTTP.
"""

from podium.identity.quota.grant import Grant
from podium.identity.quota.limit import Limit, Limits
from podium.identity.quota.quota import Quota

__all__ = ["Grant", "Limit", "Limits", "Quota"]
