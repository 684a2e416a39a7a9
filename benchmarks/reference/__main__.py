"""Run the reference: `.tools/reference/bin/python -m benchmarks.reference --port 8080`, or `seed`, or `jobs`.

All other settings are environment variables, see `settings`. `serve` prints `pids <gunicorn> <celery>`,
then `live <port>` when both work, and ends both on SIGTERM.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks.reference.supervisor import serve

PASSWORD = "bench-passphrase"  # noqa: S105 - of a throw-away store


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reference")
    parser.add_argument("--port", type=int, default=0, help="of the API; 0 for a free one")
    commands = parser.add_subparsers(dest="command")
    serving = commands.add_parser("serve", help="run the API and the jobs (the default)")
    serving.add_argument("--port", type=int, default=0)
    seeding = commands.add_parser("seed", help="create containers, two people and their sessions")
    seeding.add_argument("--therapist", default="olivia.hayes1@example.health")
    seeding.add_argument("--patient", default="sam.patient@example.health")
    seeding.add_argument("--password", default=PASSWORD)
    seeding.add_argument("--sessions", type=int, default=95, help="in each of the two lists")
    jobs = commands.add_parser("jobs", help="time jobs that read a session and do nothing")
    jobs.add_argument("--count", type=int, default=500)
    jobs.add_argument("--one-by-one", type=int, default=50)
    chosen = parser.parse_args()
    match chosen.command:
        case "seed":  # imported here: the SDKs take 60 MB, and who only serves needs none of them
            from benchmarks.reference.seeding import seed

            seed(chosen.therapist, chosen.patient, chosen.password, chosen.sessions)
        case "jobs":
            from benchmarks.reference.job_times import show

            show(chosen.count, chosen.one_by_one)
        case _:
            return serve(chosen.port)
    return 0


if __name__ == "__main__":
    sys.exit(main())
