"""Who hosts which model, as data: endpoints, profiles, routes, and how a model's name finds them.

An endpoint is a place (URL, key, wire), a profile says what a model there can do and costs, a route is an alias with
fallbacks. `config` builds a catalogue from settings, the steps of a turn resolve names with it, and nothing here calls
out.
"""
