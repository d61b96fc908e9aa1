"""Delete a conversation whole, with the turns that run and wait in it."""

from podium import conversation
from podium.api.identifier import session_name
from podium.api.services import Services
from podium.identity import Principal
from podium.ledger import budgets


async def forget(services: Services, who: Principal, conversation_id: str) -> bool:
    """Stop its turns, then delete it with all its messages and turns; False if this principal has none of this id.

    Its budgets wait for the next session of its name, or of its UUID where it has none: nobody gets more by deleting.
    """
    if await conversation.find(services.database, who, conversation_id) is None:
        return False
    await services.forget_turns(conversation_id)
    async with services.database.together() as here:
        gone = await conversation.delete(here, who, conversation_id)
        if gone is None:
            return False
        name = session_name(gone.name or conversation_id)
        await budgets.release(here, who.tenant, conversation_id, name, gone.user)
    await services.forget_turns(conversation_id)  # of who came in between
    return True
