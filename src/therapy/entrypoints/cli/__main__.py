"""`python -m therapy.entrypoints.cli`: the same as `therapy`, for whoever knows only the interpreter."""

from therapy.entrypoints.cli import main

main()
