"""The schema's history, in plain SQL: a folder a revision, its files run in order of their names, in one transaction.

Only `store.migrate` reads this folder, and only migrations name tables for the whole house. Functions are no revisions:
they stand in their noun's `sql/` folder and are replaced whenever they change.
"""
