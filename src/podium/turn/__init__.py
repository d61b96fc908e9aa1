"""One speaker's move, from a message to its recorded answer: open, choose, compose, answer, record.

`Turns` is what the doors call; `run` tells the story of a single turn; `recover` goes on where a dead process left off.
A turn belongs to the server: it runs in a task of its own, whoever listens.
"""
