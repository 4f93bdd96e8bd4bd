"""What all tests share: the switch for long runs."""

import pytest


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="the same tests with counts for hours instead of minutes")


@pytest.fixture(scope="session")
def long_run(request) -> bool:
    return request.config.getoption("--long")
