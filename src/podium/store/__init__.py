"""Connections, batches and migrations: how every noun reaches Postgres, and Redis where there is one.

`database` keeps the connections of a process, `batch` makes one statement of many callers' calls, `migrate` brings the
schema up to date; tables themselves belong to the folder of their noun. `app` opens all of it once a process.
"""
