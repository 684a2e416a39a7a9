"""Leads firebase-admin to the stand-in for FCM, in any process that finds this directory on PYTHONPATH.

The SDK has no setting for FCM's address, and the program has none for a stand-in. A process that does not
import the SDK does not import it because of this.
"""

import os
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

MODULE = "firebase_admin.messaging"


def redirect(module: ModuleType) -> None:
    """Change FCM's address in the SDK's module."""
    known = module._MessagingService
    assert known.FCM_URL.startswith("https://fcm.googleapis.com/"), "firebase-admin has changed"
    known.FCM_URL = f"{os.environ['FCM_STAND_IN']}/v1/projects/{{0}}/messages:send"


class Redirected(MetaPathFinder):
    """Finds the SDK's module as ever, and changes FCM's address once it is loaded."""

    def find_spec(
        self, fullname: str, path: object = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != MODULE:
            return None
        spec = PathFinder.find_spec(fullname, path)  # type: ignore[arg-type] # as it is called itself
        assert spec is not None
        assert spec.loader is not None
        load = spec.loader.exec_module

        def load_and_redirect(module: ModuleType) -> None:
            load(module)
            redirect(module)

        spec.loader.exec_module = load_and_redirect  # type: ignore[method-assign] # of this module's loader
        return spec


if "FCM_STAND_IN" in os.environ:
    if MODULE in sys.modules:  # in a process that was forked from one that has imported it
        redirect(sys.modules[MODULE])
    sys.meta_path.insert(0, Redirected())
