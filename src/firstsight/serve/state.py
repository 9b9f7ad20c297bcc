"""What one process of a service has: all that a route reaches, made by the application's factory and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from firstsight.files import expanded
from firstsight.serve.galleries import Galleries
from firstsight.serve.kept_probes import KeptProbes
from firstsight.serve.limits import Queue, Rate
from firstsight.serve.metrics import Metrics
from firstsight.serve.settings import Settings
from firstsight.stores.access import Access


@dataclass(slots=True)
class Service:
    """The parts of a running service.

    Attributes:
        settings: what it was told.
        galleries: of the file it serves.
        access: its keys.
        queue, rate: how much it takes on.
        kept: how much of the probes it keeps.
        metrics: what it counts.
        open: requests that have come and are not answered yet.
        ending: whether it was told to end.
    """

    settings: Settings
    galleries: Galleries
    access: Access
    queue: Queue
    rate: Rate
    kept: KeptProbes
    metrics: Metrics
    open: int = 0
    ending: bool = False

    def places(self) -> list[tuple[str, str]]:
        """Paths of this machine, and the words that errors say instead to whoever asks from elsewhere."""
        file = self.settings.file
        files = dict.fromkeys([str(expanded(file).absolute()), str(expanded(file)), file])
        models = self.galleries.places()
        return [*((f, "the store") for f in files if "/" in f), *((m, "the model") for m in models if "/" in m)]
