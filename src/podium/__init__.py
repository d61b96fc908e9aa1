"""Podium: the server between an application and language models.

It holds the conversation, asks the model and remembers; whatever dies, an accepted turn ends, and nothing
that was shown is lost. This package exports only its version: import from the module that owns the noun.
"""

__version__ = "0.1.0"
