"""A document that is a text: hosts that take no such file are told its words."""

import base64
import binascii

from podium.errors import Inexpressible
from podium.vocabulary.part import Media

_KINDS = ("text/", "application/json", "application/xml")


def words_of(media: Media, path: str) -> str | None:
    """The text of an inline document; None if it is of another kind.

    Raises:
        Inexpressible: its bytes are not UTF-8 in base64.
    """
    kind = (media.media_type or "").partition(";")[0].lower()
    if media.kind != "inline" or not kind.startswith(_KINDS):
        return None
    try:
        return base64.b64decode(media.value, validate=True).decode()
    except (binascii.Error, ValueError):
        raise Inexpressible("The document's text is not UTF-8 in base64.", param=path) from None
