"""What stands in for Azure, Firebase and Redis on this machine: for tests, and for a laptop.

`python -m tests.emulators` starts them all on free ports of 127.0.0.1 and prints the settings that point
the production configuration at them. In tests they are session fixtures (fixtures.py). Three are foreign
programs (Azurite, the Cosmos emulator, Valkey), started by processes.py; the others are our own fakes of
a protocol (fakes.py), which know only what is written in them: they show that an adapter drives the real
SDK rightly, not what the real thing would answer.
"""
