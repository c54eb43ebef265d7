-- What was expected of runs, and what it came to: version 3 of the history.
--
-- Apart, for these tables are all that a history of version 2 lacks.

-- One row per run that was planned in seconds: on several hosts, or with --hw-plan.
CREATE TABLE plans (
    run_id VARCHAR NOT NULL,
    tests_began_at TIMESTAMP,       -- planned seconds count from here
    planned_s DOUBLE,               -- how long the tests were to take; NULL where that was not played through
    bound_s DOUBLE NOT NULL,        -- no order takes less, if every test takes what is expected
    bottleneck VARCHAR NOT NULL,    -- why not, in a sentence
    unknown INTEGER NOT NULL,       -- cases that were never timed; they counted as the median one
    critical_path INTEGER[] NOT NULL,   -- case indexes, in running order
    took_s DOUBLE,                  -- from the start of the run to the end of its last test; NULL if it had no end
    tests_took_s DOUBLE,            -- from the first test on
    needed_s DOUBLE                 -- the bound, by what the tests really took; NULL for a run too short to be judged
);

-- One row per case of such a run.
CREATE TABLE predictions (
    run_id VARCHAR NOT NULL,
    case_index INTEGER NOT NULL,
    q50_s DOUBLE NOT NULL,          -- how long it was expected to take on its host
    q90_s DOUBLE,                   -- what nine of ten attempts do not exceed; NULL when unknown
    rank_s DOUBLE NOT NULL,         -- from its start to the end of the run along the longest way of dependents
    host VARCHAR NOT NULL,          -- where it was to run, '' where that was not played through
    place INTEGER NOT NULL,         -- on which worker of the host, from 1
    start_s DOUBLE NOT NULL,        -- when, in seconds after tests_began_at
    end_s DOUBLE NOT NULL
);
