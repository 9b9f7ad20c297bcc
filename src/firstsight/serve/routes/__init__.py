"""The routes of the service, a family a file."""

from firstsight.serve.routes import about, decisions, events, galleries, images, people

ROUTERS = (about.router, images.router, galleries.router, people.router, decisions.router, events.router)
"""All of them, in the order of the documentation."""

__all__ = ["ROUTERS"]
