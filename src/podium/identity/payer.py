"""Who pays for a call to a model."""

from msgspec import Struct


class Payer(Struct, frozen=True):
    """Whose money a call spends: every one of these, by its id, may have a budget.

    `key` is empty for the operator's, which is no row. `persona` and `dialogue` speak in a conversation.
    """

    tenant: str
    user: str
    key: str
    conversation: str | None = None
    persona: str | None = None
    dialogue: str | None = None
