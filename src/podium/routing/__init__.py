"""Which model answers: the choice before the call, and the next candidate when one fails.

`choose` turns a model's name into a plan, `routed` tries the plan's candidates until one speaks.
`turn` calls the first, `app` wraps providers in the second.
"""
