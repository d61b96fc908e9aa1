"""The HTTP face: the gate that every request passes, the doors of the API dialects, the resources, the errors.

`application.build` puts them together for `cli`; a request goes gate → front (hot routes) or FastAPI (resources) →
guard → handler. Nothing below knows of HTTP: errors get their status here, principals come from here.
"""
