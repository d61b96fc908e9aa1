"""The words that every part of Podium shares: parts, requests, events, usage, answers.

All are frozen msgspec structs whose tag is the event's or part's `type`, in SSE, in JSON columns and on the bus alike.
Wires translate them to and from the formats of hosts and clients; turns pass them along; nothing here does any work
beyond collecting deltas into the answer that they spell.
"""
