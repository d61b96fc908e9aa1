"""The dialects that clients speak: each reads an ask from HTTP and writes a turn's events as its own answer.

`wire` serves every dialect that is a wire's, `native` Podium's own, `models` the lists of models; what they share
stands in `api.serve`. A door has no logic of turns: what it cannot say it drops, and it never invents.
"""
