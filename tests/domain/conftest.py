"""Hypothesis on a loaded machine: what is slow is the machine, not the code, so time decides nothing."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile("domain", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("domain")
