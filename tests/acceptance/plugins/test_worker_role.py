"""What plugins know from pytest-xdist: inputs, outputs, hooks, fixtures and variables, with xdist there or not."""

from __future__ import annotations

import json

import pytest
from rigs.suites import Suite, require

# A plugin as many suites have it in their conftest: it hands something to each worker and takes something back.
CONFTEST = """
    import json, os, threading

    def say(hook, **facts):
        facts["main thread"] = threading.current_thread() is threading.main_thread()
        with open("hooks.log", "a") as log:
            print(json.dumps([hook, facts]), file=log)

    def pytest_configure(config):
        is_worker = hasattr(config, "workerinput")
        if is_worker:
            config.workeroutput["answer"] = (config.workerinput["question"], os.getpid())
        else:
            config.pluginmanager.register(Hooks(config), "asker")

    class Hooks:
        def __init__(self, config):
            self.config, self.start = config, os.getpid()

        def pytest_xdist_setupnodes(self, config, specs):
            assert config is self.config
            say("setupnodes", ids=[spec.id for spec in specs], popen=[spec.popen for spec in specs])

        def pytest_xdist_newgateway(self, gateway):
            say("newgateway", id=gateway.id, spec=gateway.spec.id)

        def pytest_configure_node(self, node):
            assert node.config is self.config and not hasattr(node, "workeroutput")
            known = {key: node.workerinput[key] for key in ("workerid", "workercount", "mainargv")}
            node.workerinput["question"] = f"who is {node.gateway.id}?"
            say("configure_node", id=node.gateway.id, known=known, roots=list(map(str, node.nodemanager.roots)))

        def pytest_testnodeready(self, node):
            seen = node.workerinfo["cwd"], node.workerinfo["id"], node.workerinfo["spec"].id
            say("testnodeready", id=node.gateway.id, seen=seen, version=node.gateway._rinfo().version_info[0])

        def pytest_xdist_node_collection_finished(self, node, ids):
            say("collection_finished", id=node.gateway.id, ids=list(ids))

        def pytest_testnodedown(self, node, error):
            output = getattr(node, "workeroutput", None)
            say("testnodedown", id=node.gateway.id, error=error, output=output and output["answer"][0],
                elsewhere=output and output["answer"][1] != self.start, exitstatus=output and output["exitstatus"])

        def pytest_handlecrashitem(self, crashitem, report, sched):
            say("handlecrashitem", item=crashitem, node=report.node.gateway.id, outcome=report.outcome,
                config=sched.config is self.config)

        def pytest_runtest_logreport(self, report):
            if report.when == "call":
                say("logreport", worker=report.worker_id, node=report.node.gateway.id, uid=len(report.testrun_uid))
"""

TESTS = """
    import os, pytest

    @pytest.mark.parametrize("number", range(4))
    def test_a_worker_knows_itself(number, worker_id, testrun_uid, pytestconfig):
        given = pytestconfig.workerinput
        assert (given["workerid"], given["testrunuid"]) == (worker_id, testrun_uid)
        assert given["question"] == f"who is {worker_id}?"
        assert os.environ["PYTEST_XDIST_WORKER"] == worker_id and worker_id in ("gw0", "gw1")
        assert os.environ["PYTEST_XDIST_WORKER_COUNT"] == "2" and given["workercount"] == 2
        assert os.environ["PYTEST_XDIST_TESTRUNUID"] == testrun_uid
        assert pytestconfig.pluginmanager.hasplugin("xdist")
        assert pytestconfig.option.dist == "no"
"""

CRASH = """
    import os
    def test_before(): pass
    def test_crash(): os._exit(3)
    def test_after(): pass
"""

XDIST = {
    "with xdist": {"plugins": ["xdist"]},
    "with xdist switched off": {"plugins": ["no:xdist"]},
    "without xdist": {"absent": ["xdist"]},
}


@pytest.fixture(params=XDIST)
def suite(request, tmp_path):
    """Return a function that makes the suite, in each of the three relations to xdist."""
    if request.param != "without xdist":
        require("xdist")
    return lambda **files: Suite(tmp_path / "suite", {"conftest.py": CONFTEST, **files}, **XDIST[request.param])


def hooks_of(ran):
    """Return what the conftest wrote, as (hook, facts)."""
    log = ran.directory / "hooks.log"
    assert log.exists(), ran
    return [tuple(json.loads(line)) for line in log.read_text().splitlines()]


def facts_of(told, hook):
    """Return what was told of one hook."""
    return [facts for name, facts in told if name == hook]


def test_hooks_come_as_from_xdist(suite):
    """Each once for each worker, in order, in the main thread, with the arguments that plugins read."""
    ran = suite(**{"test_role.py": TESTS}).distributed()
    told = hooks_of(ran)

    assert ran.exit_code == 0, ran
    assert all(facts.pop("main thread") for _, facts in told)
    each = ["newgateway", "configure_node"]
    assert [name for name, _ in told][:5] == ["setupnodes", *each, *each]
    assert facts_of(told, "setupnodes") == [{"ids": ["gw0", "gw1"], "popen": [True, True]}]
    assert [facts["known"]["workerid"] for facts in facts_of(told, "configure_node")] == ["gw0", "gw1"]
    assert facts_of(told, "configure_node")[0]["known"]["mainargv"][1:3] == ["-p", "pytest_disttest.plugin"]
    assert facts_of(told, "configure_node")[0]["roots"] == [str(ran.directory)]
    for facts in facts_of(told, "testnodeready"):
        assert facts["seen"] == [str(ran.directory), facts["id"], facts["id"]] and facts["version"] == 3
    assert [len(facts["ids"]) for facts in facts_of(told, "collection_finished")] == [4, 4]
    assert len(facts_of(told, "logreport")) == 4
    assert all(facts["worker"] == facts["node"] and facts["uid"] for facts in facts_of(told, "logreport"))
    down = sorted(facts_of(told, "testnodedown"), key=lambda facts: facts["id"])
    assert down == [
        {"id": name, "error": None, "output": f"who is {name}?", "elsewhere": True, "exitstatus": 0}
        for name in ("gw0", "gw1")
    ]
    first = {name: place for place, (name, _) in reversed(list(enumerate(told)))}
    order = ["setupnodes", "testnodeready", "collection_finished", "logreport", "testnodedown"]
    assert sorted(order, key=first.__getitem__) == order


def test_a_crash_is_told_as_by_xdist(suite):
    """The node is down with an error and without output, then the item is handled, then reported."""
    ran = suite(**{"test_crash.py": CRASH}).distributed("--hw-crash-reruns=0", workers=1)
    told = [(name, facts) for name, facts in hooks_of(ran) if facts.get("id", facts.get("node")) == "gw0"]

    assert ran.words == {"test_before": "passed", "test_crash": "failed", "test_after": "passed"}, ran
    names = [name for name, _ in told]
    end = names.index("testnodedown")
    assert names[end : end + 3] == ["testnodedown", "handlecrashitem", "logreport"]
    down, handled = told[end][1], told[end + 1][1]
    assert "exit code 3" in down["error"] and down["output"] is None
    item = {"item": "test_crash.py::test_crash", "node": "gw0", "outcome": "failed", "config": True}
    assert handled == {**item, "main thread": True}


AGAIN = """
    crashes = 0

    def pytest_handlecrashitem(crashitem, report, sched):
        global crashes
        crashes += 1
        if crashes <= {allowed}:
            sched.mark_test_pending(crashitem)
            report.outcome = "rerun" if {quietly} else "failed"
"""


@pytest.mark.parametrize(("quietly", "word"), [(True, "rerun"), (False, "failed")])
def test_a_hook_may_run_a_crashed_test_again(tmp_path, quietly, word):
    """As often as it asks for it; each crash is shown, and the others run once."""
    conftest = AGAIN.format(allowed=1, quietly=quietly)
    suite = Suite(tmp_path / "suite", {"conftest.py": conftest, "test_crash.py": CRASH})

    ran = suite.distributed()

    assert ran.words == {"test_before": "passed", "test_crash": f"{word} failed", "test_after": "passed"}, ran
    assert ran.exit_code == 1


def test_what_is_no_builtin_cannot_be_handed_to_a_worker(tmp_path):
    """Said with the key, before any test runs."""
    conftest = "def pytest_configure_node(node): node.workerinput['door'] = object()"
    ran = Suite(tmp_path / "suite", {"conftest.py": conftest, "test_a.py": "def test_a(): pass"}).distributed()

    assert ran.exit_code == 4, ran
    assert "workerinput['door']" in ran.output


UNDISTRIBUTED = """
    import os
    def test_alone(worker_id, testrun_uid, pytestconfig):
        assert worker_id == "master" and len(testrun_uid) == 32
        assert not hasattr(pytestconfig, "workerinput")
        assert not any(name.startswith("PYTEST_XDIST") for name in os.environ)
"""


@pytest.mark.parametrize("relation", XDIST)
def test_undistributed_the_fixtures_are_there(tmp_path, relation):
    """The worker is called master, as by xdist."""
    if relation != "without xdist":
        require("xdist")
    ran = Suite(tmp_path / "suite", {"test_a.py": UNDISTRIBUTED}, **XDIST[relation]).plain()

    assert ran.words == {"test_alone": "passed"}, ran


EVERY_HOOK = """
    def pytest_xdist_setupnodes(config, specs): pass
    def pytest_xdist_newgateway(gateway): pass
    def pytest_xdist_rsyncstart(source, gateways): pass
    def pytest_xdist_rsyncfinish(source, gateways): pass
    def pytest_xdist_getremotemodule(): pass
    def pytest_configure_node(node): pass
    def pytest_testnodeready(node): pass
    def pytest_testnodedown(node, error): pass
    def pytest_xdist_node_collection_finished(node, ids): pass
    def pytest_xdist_make_scheduler(config, log): pass
    def pytest_xdist_auto_num_workers(config): pass
    def pytest_handlecrashitem(crashitem, report, sched): pass
"""


@pytest.mark.parametrize("relation", ["with xdist switched off", "without xdist"])
def test_a_conftest_for_xdist_is_accepted_where_it_is_not(tmp_path, relation):
    """No hook of its is unknown, neither here nor on a worker."""
    suite = Suite(tmp_path / "suite", {"conftest.py": EVERY_HOOK, "test_a.py": "def test_a(): pass"}, **XDIST[relation])

    assert suite.distributed().exit_code == 0


XDIST_FUNCTIONS = """
    import xdist
    def test_functions(request):
        assert xdist.is_xdist_worker(request)
        assert not xdist.is_xdist_controller(request)
        assert xdist.get_xdist_worker_id(request) == "gw0"
"""


def test_xdists_own_functions_know_our_workers(tmp_path):
    """Suites ask them where they run."""
    require("xdist")
    suite = Suite(tmp_path / "suite", {"test_a.py": XDIST_FUNCTIONS}, plugins=["xdist"])

    assert suite.distributed(workers=1).words == {"test_functions": "passed"}


BESIDE = """
    import os, pytest
    @pytest.mark.parametrize("number", range(4))
    def test_which(number, worker_id, request):
        assert worker_id == os.environ["PYTEST_XDIST_WORKER"]
        assert ("hw_host" in request.config.workerinput) == {ours}
"""


@pytest.mark.slow
@pytest.mark.parametrize(("args", "ours"), [(["-n", "2"], False), (["--dist-hw", "--hw-workers", "2"], True)])
def test_beside_xdist_each_runs_its_own(tmp_path, args, ours):
    """With every installed plugin loaded by itself, ``-n`` means xdist and ``--dist-hw`` means us."""
    require("xdist")
    ran = Suite(tmp_path / "suite", {"test_a.py": BESIDE.format(ours=ours)}, autoload=True).run(*args)

    assert set(ran.words.values()) == {"passed"} and len(ran.words) == 4, ran
    assert ("host local" in ran.output) == ours


WARNS = """
    def pytest_configure(config):
        config.issue_config_time_warning(UserWarning("early"), 2)
"""


def test_what_warns_while_plugins_are_configured_is_shown_once(tmp_path):
    """The controller and every worker say it, and it is one warning."""
    ran = Suite(tmp_path / "suite", {"conftest.py": WARNS, "test_a.py": "def test_a(): pass"}).distributed()

    assert "1 passed, 1 warning in" in ran.output
