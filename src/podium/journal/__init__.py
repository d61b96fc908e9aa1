"""The numbered events of turns: stored before they are shown, followed by anyone from any number, owned under a lease.

A running turn writes into a `Log` through the `Journal`; listeners follow the log here or, for a turn that another
process runs, a mirror of it. `turn` writes, `api` follows, and the tables behind it know nothing of either.
"""
