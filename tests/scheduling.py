"""Which worker runs what: what shares something costly stays together, and what takes longest begins first.

pytest-xdist 3.8 has `--dist loadgroup` for this, which groups nothing under pytest 9.2; and where a worker crashes, its
scheduler runs the test that crashed it again and again, or fails itself. Mended here, by the hook it offers for that.
"""

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

_TOGETHER = {
    "tests/adversarial/": "a platform's API",
    "tests/contract/": "a platform's API",
    "tests/infrastructure/": "the template and the emulator",
}


class GroupScheduling(LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist is not typed
    """A folder with a platform of its own is one unit of work, elsewhere a file is; units start as collected."""

    def _split_scope(self, nodeid: str) -> str:
        for folder, unit in _TOGETHER.items():
            if nodeid.startswith(folder):
                return unit
        return nodeid.split("::", 1)[0]

    def _reschedule(self, node: WorkerController) -> None:
        # a worker that replaces a crashed one is known before it has collected what it can run
        if node in self.registered_collections:
            super()._reschedule(node)

    def remove_node(self, node: WorkerController) -> str | None:
        """The test that crashed the worker, if any: it has failed, the others of its unit are still to run."""
        crashed = self._running(node)
        if crashed is not None:
            unit, nodeid = crashed
            self.assigned_work[node][unit][nodeid] = True
        super().remove_node(node)
        return crashed[1] if crashed else None

    def _running(self, node: WorkerController) -> tuple[str, str] | None:
        for unit, tests in self.assigned_work[node].items():
            for nodeid, completed in tests.items():
                if not completed:
                    return unit, nodeid
        return None
