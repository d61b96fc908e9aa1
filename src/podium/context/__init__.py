"""What the model gets to see: history cut to complete units that fit the window, instructions first.

`compose` makes the request of a conversation's turn; `history` says which stored messages may stand in it; `signed`
keeps what hosts sign around calls and puts it back. `turn` calls it between choosing who answers and asking them, and
keeps through it what was signed when a turn is recorded.
"""
