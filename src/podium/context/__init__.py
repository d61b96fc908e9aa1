"""What the model gets to see: history cut to complete units that fit the window, instructions first.

`compose` makes the request of a conversation's turn; `history` says which stored messages may stand in it.
`turn` calls it between choosing who answers and asking them.
"""
