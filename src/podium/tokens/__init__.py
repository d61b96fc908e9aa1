"""How many tokens a text or a request will use at a model, before it is sent.

Exact where the model's vocabulary is public (OpenAI's), else an estimate by script with head-room; every count comes
with a ceiling that money can be held for. The ledger, the limits and the count endpoints call `count`; a vocabulary
is loaded by the first text that needs it, never before.
"""
