"""Measures what a running Podium costs, beside a bare relay in the same run.

`python -m bench` starts a stand-in for a model's host, the relay and `podium serve`, loads them in turn and prints a
table. Nothing here is imported by Podium.
"""
