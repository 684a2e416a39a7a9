"""`python -m therapy.entrypoints.cli`: the same as `therapy`, for when the script is not on the PATH."""

from therapy.entrypoints.cli import main

main()
