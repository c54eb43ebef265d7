-- The history of runs: what every version has (see hardware.sql for the rest).
--
-- Times are UTC without a zone (a zone would make Python's side need pytz), durations are seconds.
-- There are no keys and no indexes: DuckDB checks them row by row (slower appends), and it refuses to
-- delete and insert the same key in one transaction, which is how a run that grew is replaced.
-- The writer guarantees instead that all rows of a run_id come from one journal, in one transaction.

CREATE TABLE schema_version (
    version INTEGER NOT NULL,       -- of these tables; a reader refuses a higher one than it knows
    made_by VARCHAR NOT NULL        -- version of pytest-disttest that made the file
);

-- One row per run: one controller from start to finish.
CREATE TABLE runs (
    run_id VARCHAR NOT NULL,        -- sortable by time: 20261123-184500-1a2b3c
    state VARCHAR NOT NULL,         -- finished; interrupted (the journal has no last line); resumed: a later run went on
                                    -- with this one, and the attempts that it kept are now its own
    started_at TIMESTAMP,
    ended_at TIMESTAMP,             -- of an interrupted run: its last sign of life
    exit_status INTEGER,            -- pytest's; NULL for an interrupted run
    rootdir VARCHAR NOT NULL,
    args VARCHAR[] NOT NULL,        -- the command line after `pytest`
    version VARCHAR NOT NULL,       -- of pytest-disttest
    git_commit VARCHAR NOT NULL,    -- '' when unknown
    cases INTEGER NOT NULL,         -- rows of this run in cases
    attempts INTEGER NOT NULL,      -- rows of this run in attempts
    unreadable_lines INTEGER NOT NULL,  -- lines of the journal that were torn or damaged
    journal_bytes BIGINT NOT NULL   -- size of the journal that was read: a different size is read again
);

-- One row per host and run, as the run last knew it.
CREATE TABLE hosts (
    run_id VARCHAR NOT NULL,
    name VARCHAR NOT NULL,
    transport VARCHAR NOT NULL,     -- local, ssh
    address VARCHAR NOT NULL,       -- user@host for ssh, '' for local
    python VARCHAR NOT NULL,        -- its version
    platform VARCHAR NOT NULL,
    workers INTEGER NOT NULL,
    capabilities JSON NOT NULL,     -- an object from a capability's key to its value
    state VARCHAR NOT NULL,         -- ready, or what became of it: lost, unusable
    reason VARCHAR NOT NULL         -- why it is not ready, '' otherwise
);

-- One row per collected case and run.
CREATE TABLE cases (
    run_id VARCHAR NOT NULL,
    case_index INTEGER NOT NULL,    -- place in the order of collection, from 0; unique in its run
    nodeid VARCHAR NOT NULL,        -- need not be unique: see occurrence
    occurrence INTEGER NOT NULL,    -- counts equal node ids from 0
    file VARCHAR NOT NULL,          -- node id of the file
    class VARCHAR NOT NULL,         -- node id of the class, '' if none
    path VARCHAR NOT NULL,          -- where pytest says that it is defined
    line INTEGER,                   -- 1-based; NULL when unknown
    requirements VARCHAR[] NOT NULL,
    group_names VARCHAR[] NOT NULL,
    deselected BOOLEAN NOT NULL
);

-- One row per execution of a case on a worker.
CREATE TABLE attempts (
    run_id VARCHAR NOT NULL,
    case_index INTEGER NOT NULL,
    number INTEGER NOT NULL,        -- 1 is the first attempt, 2 its first retry
    sequence INTEGER NOT NULL,      -- place in the journal, from 0: the order in which results arrived
    host VARCHAR NOT NULL,          -- '' for a case that never ran (blocked, unplaced, cancelled)
    worker VARCHAR NOT NULL,        -- gw0, gw1, ...
    outcome VARCHAR NOT NULL,       -- passed failed skipped xfailed xpassed error crashed blocked unplaced cancelled
    started_at TIMESTAMP,
    setup_s DOUBLE NOT NULL,
    call_s DOUBLE NOT NULL,
    teardown_s DOUBLE NOT NULL,
    message VARCHAR NOT NULL,       -- one line: the error, the reason of a skip
    longrepr VARCHAR NOT NULL       -- the traceback as pytest shows it
);

-- One row per case that has an attempt: how it ended, which is how its last attempt did.
CREATE TABLE results (
    run_id VARCHAR NOT NULL,
    case_index INTEGER NOT NULL,
    outcome VARCHAR NOT NULL,
    attempts INTEGER NOT NULL,      -- how many there were
    flaky BOOLEAN NOT NULL,         -- succeeded after an attempt that failed, errored or crashed
    host VARCHAR NOT NULL,
    worker VARCHAR NOT NULL,
    setup_s DOUBLE NOT NULL,
    call_s DOUBLE NOT NULL,
    teardown_s DOUBLE NOT NULL,
    message VARCHAR NOT NULL
);

-- What else happened in a run: a worker died, a host was lost.
CREATE TABLE notes (
    run_id VARCHAR NOT NULL,
    noted_at TIMESTAMP,
    kind VARCHAR NOT NULL,
    text VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    worker VARCHAR NOT NULL
);

-- Results under their node ids, with the time of all three phases.
CREATE VIEW case_results AS
SELECT
    results.run_id, results.case_index, cases.nodeid, cases.occurrence, cases.file,
    results.outcome, results.attempts, results.flaky, results.host, results.worker,
    results.setup_s, results.call_s, results.teardown_s,
    results.setup_s + results.call_s + results.teardown_s AS duration_s,
    results.message
FROM results JOIN cases USING (run_id, case_index);

-- How many cases of a run ended in which way.
CREATE VIEW outcome_counts AS
SELECT run_id, outcome, count(*) AS cases
FROM results GROUP BY run_id, outcome;
