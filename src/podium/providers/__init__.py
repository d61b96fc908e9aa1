"""Anything that streams an answer: a remote host, a script, and every wrapper around one.

`provider` is the one signature that all of them share, `remote` calls hosts over HTTP, `scripted` plays answers from
memory. `app` builds them, the steps of a turn call them, and wrappers of higher folders take and give the same shape.
"""
