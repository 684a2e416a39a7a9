"""Imports what forked processes need, in the process that they fork from (forked.py imports it there only).

No garbage is collected meanwhile, and what is imported is never looked through: that takes a third of the
imports, and in each forked process it would write to, i.e. copy, all of it.
"""

import gc
from contextlib import suppress
from importlib import import_module

from therapy.entrypoints.cli.command_group import COMMANDS

MODULES = (
    "tests.forked",
    "tests.azure.dying_copy",
    "tests.chaos.backups",
    "tests.local.dying_migration",
    *sorted({f"therapy.entrypoints.cli.{each.module}" for each in COMMANDS.values()}),
    "therapy.entrypoints.http.app",
    "therapy.wiring",
    "therapy.adapters.azure.blob.recordings",
    "therapy.adapters.azure.cosmos.store",
    "therapy.adapters.azure.language.client",
    "therapy.adapters.azure.speech.engine",
    "therapy.adapters.firebase.push",
    "therapy.adapters.redis",
    "therapy.adapters.smtp",
)

gc.disable()
for each in MODULES:
    with suppress(ImportError):  # of an extra that is not installed
        import_module(each)
gc.freeze()
gc.enable()
