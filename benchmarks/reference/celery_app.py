"""The Celery application: Redis carries jobs and results; a job is acknowledged when it is done."""

from __future__ import annotations

from celery import Celery

from benchmarks.reference import settings

app = Celery(
    "reference",
    broker=settings.redis_url(),
    backend=settings.redis_url(),
    include=["benchmarks.reference.jobs"],
)
app.conf.update(
    task_acks_late=True,
    task_time_limit=settings.JOB_SECONDS,
    worker_prefetch_multiplier=1,
    result_expires=3600,
    broker_connection_retry_on_startup=True,
)
