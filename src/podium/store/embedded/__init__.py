"""Podium's own PostgreSQL: a cluster in the data directory, and the keeper that looks after it.

`attach` is for every process that wants the database (server, worker, command): it holds a lock as long as it does.
`keeper` is a small process that starts Postgres, restarts it, and stops it when nobody holds that lock any more.
"""
