"""One file for each kind of cost; each takes a running lab, loads it and returns lines for the table.

Called by `bench.__main__` one after the other. A unit is a call, a turn or a chunk; CPU is the server process's own.
"""
