"""The schema's history: Alembic's environment and its revisions, which are plain SQL.

A revision `NNNN_name.py` executes the files of the folder `NNNN_name/` in order of their names. Only `store.migrate` calls
this folder. Functions are no revisions: they stand in their noun's `sql/` folder and are replaced whenever they change.
"""
