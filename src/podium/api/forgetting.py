"""Delete a conversation whole, with the turns that run and wait in it."""

from podium import conversation
from podium.api.services import Services
from podium.identity import Principal


async def forget(services: Services, who: Principal, conversation_id: str) -> bool:
    """Stop its turns, then delete it with all its messages and turns; False if this principal has none of this id."""
    if await conversation.find(services.database, who, conversation_id) is None:
        return False
    await services.forget_turns(conversation_id)
    if not await conversation.delete(services.database, who, conversation_id):
        return False
    await services.forget_turns(conversation_id)  # of who came in between
    return True
