"""Two small doors for applications that think in sessions: session chat under `/llm/chat`, simple chat under `/chat`.

A session is a conversation under another name. `api.entrance` serves the routes; what the two doors share stands in
`speaking` (a turn and its answer) and `session`, and whose session is meant in `api.behalf`, as for budgets.
"""
