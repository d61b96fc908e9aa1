"""The model in the house: a small one on llama.cpp's server, in a process of its own.

`weights` finds what can run here, `child` is that process, `model` starts it, watches it and stops it, `local` makes a
provider of it. `config` asks what there is, `cli` runs it beside the server, and `app` builds the provider.
"""
