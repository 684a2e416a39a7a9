"""Where the program is entered: HTTP, the worker, and the command line."""
