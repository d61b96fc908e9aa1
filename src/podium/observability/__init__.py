"""What operators watch: the state of the installation, told to those who ask for it.

It reads what the folders below count and what the database knows, and nothing below knows of it or of any library for
metrics. `app` makes it, and `api` serves it to the operator.
"""
