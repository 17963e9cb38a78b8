import pytest
from helpers import World


@pytest.hookimpl(tryfirst=True, hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    setattr(item, "report_" + call.when, outcome.get_result())


def closing(request, world):
    faults = world.close()
    failed = getattr(request.node, "report_call", None) is None or request.node.report_call.failed
    if failed or faults:
        print(world.logs())
    world.remove()
    assert not faults, "\n".join(faults)


@pytest.fixture
def stage(request):
    """A World with nothing running."""
    world = World()
    yield world
    closing(request, world)


@pytest.fixture
def world(stage):
    """A World with a running daemon and no worker."""
    stage.start_daemon()
    return stage


@pytest.fixture
def fragile(stage):
    """A World with a running daemon whose leases are short, as it is to be killed."""
    stage.lease_s = 2
    stage.start_daemon()
    return stage


@pytest.fixture
def fleet(world):
    """A World with a running daemon and two workers."""
    world.start_worker()
    world.start_worker()
    return world
