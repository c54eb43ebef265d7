-- What hosts have, what tests asked of them, what was given: version 2 of the history.
--
-- Apart from schema.sql, for these tables are all that a history of version 1 lacks.

-- One row per host and run whose capabilities were looked at.
CREATE TABLE host_profiles (
    run_id VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    hw_class VARCHAR NOT NULL,      -- what kind of machine: equal for identical ones; '' when unknown
    host_id VARCHAR NOT NULL,       -- which machine
    sw_env VARCHAR NOT NULL,        -- kernel, drivers, Python ...
    drained VARCHAR NOT NULL,       -- why it must not be used, '' otherwise
    degraded VARCHAR[] NOT NULL,    -- contradictions between sources, in words
    unknown JSON NOT NULL,          -- an object from a key, or a family of them, to why it could not be told
    probes JSON NOT NULL            -- an array: how it was found out (name, status, level, why, seconds, source)
);

-- One row per fact of a host, or of one of its devices.
CREATE TABLE host_facts (
    run_id VARCHAR NOT NULL,
    host VARCHAR NOT NULL,
    device VARCHAR NOT NULL,        -- id of the device, '' for the host's own facts
    fact VARCHAR NOT NULL,          -- a key of the vocabulary: memory, gpu.memory
    value JSON NOT NULL             -- sizes in bytes, versions as text, sets as arrays
);

-- One row per distinct demand of a run: where it fits, and why not elsewhere.
CREATE TABLE match_explain (
    run_id VARCHAR NOT NULL,
    demand VARCHAR NOT NULL,        -- in the words of the marker
    verdict VARCHAR NOT NULL,       -- fits, pending or unsatisfiable
    summary VARCHAR NOT NULL,       -- one line
    hosts VARCHAR[] NOT NULL,       -- those that meet it
    case_indexes INTEGER[] NOT NULL,    -- the cases that ask for it
    explanation JSON NOT NULL       -- the whole analysis; see `disttest explain`
);

-- One row per thing that an attempt was given on its host.
CREATE TABLE grants (
    run_id VARCHAR NOT NULL,
    case_index INTEGER NOT NULL,
    number INTEGER NOT NULL,        -- of the attempt
    host VARCHAR NOT NULL,
    worker VARCHAR NOT NULL,
    kind VARCHAR NOT NULL,          -- cpu.processors, memory, host (the whole of it), gpu, accel, browser, resource.NAME
    device VARCHAR NOT NULL,        -- id of the device, '' for what is counted
    amount DOUBLE NOT NULL          -- processors, bytes, units; of a device the share, above 0 and at most 1
);

-- Facts that differ from what the same host said when it was last asked.
CREATE VIEW host_changes AS
WITH told AS (
    SELECT
        run_id, host, device, fact, value AS after,
        lag(value) OVER of_fact AS before,
        lag(run_id) OVER of_fact AS before_run_id
    FROM host_facts
    WINDOW of_fact AS (PARTITION BY host, device, fact ORDER BY run_id)
)
SELECT run_id, host, device, fact, before, after, before_run_id
FROM told WHERE before IS NOT NULL AND before <> after;

-- The explanation of each case that asks for something, under its node id.
CREATE VIEW case_explain AS
WITH asking AS (
    SELECT run_id, unnest(case_indexes) AS case_index, demand, verdict, summary, hosts, explanation
    FROM match_explain
)
SELECT asking.run_id, asking.case_index, cases.nodeid, demand, verdict, summary, hosts, explanation
FROM asking JOIN cases USING (run_id, case_index);
