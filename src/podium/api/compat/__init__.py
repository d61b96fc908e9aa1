"""Two small doors for applications that think in sessions: session chat under `/llm/chat`, simple chat under `/chat`.

A session is a conversation under another name, and the word is known here alone. `api.entrance` serves the routes; what
the two doors share stands in `speaking` (a turn and its answer), `behalf` (whose session it is) and `identifier`.
"""
