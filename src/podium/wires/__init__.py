"""Formats of model hosts as pure functions, both ways; no network, no storage, no clock.

The client half turns a request into a host's JSON and its answer into deltas; the server half reads such JSON as a
request and writes deltas as such an answer. `providers` uses the first, the doors and the simulator the second;
`podium.wires.all` lists them.
"""
