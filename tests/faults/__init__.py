"""Random fault schedules over real processes, judged from outside: ``python -m tests.faults --help``."""
