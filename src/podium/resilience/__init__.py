"""How Podium lives with hosts that fail: it limits itself, stops asking who is down, and asks again who stumbled.

`limited`, `breaker` and `retried` wrap a provider, outermost first, and share one `Health` for each endpoint, which
holds what is known of it; `circuit`, `pace` and `allowance` are its state machines, pure but for the clock they are
given. `app` stacks the wrappers around every candidate, `api` tells how each endpoint is.
"""
