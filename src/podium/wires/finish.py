"""Why an answer ended where the vocabulary has no word for it: a host's own word, to be told in another dialect."""

import re

_APART = re.compile(r"[^a-z0-9]+")
_WORD = re.compile(r"[a-z][a-z0-9_]{0,63}")


def foreign_word(word: str | None) -> str:
    """A host's own word in lower snake case; `other` where it gave none that is a word.

    Such an end is no success and must not look like one. The official SDKs take words that they do not know.
    """
    told = _APART.sub("_", (word or "").lower()).strip("_")
    return told if _WORD.fullmatch(told) else "other"
