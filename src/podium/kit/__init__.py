"""The ground: clocks, deadlines, identifiers, traces and money, plain functions over plain values.

Everything above may call this folder; it knows nothing of Podium, of the network or of storage.
It is also the only place that reads the time or draws randomness, so that tests can move both.
"""
