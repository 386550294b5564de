"""ministack 1.5.33 behind our wrapper: runs in a virtual environment of its own, where only ministack is installed.

Each module mends one thing, found by probing and held by `tests/infrastructure/test_emulator_fidelity.py`.
"""
