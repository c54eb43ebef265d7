-- name: schema_version
-- Which tables this file has; a file without this table is not ours, or empty.
SELECT max(version) FROM schema_version

-- name: tables
-- Whether the file holds anything at all.
SELECT table_name FROM information_schema.tables

-- name: known_journals
-- What was ingested already, and how long each journal was then.
SELECT run_id, journal_bytes FROM runs

-- name: insert_run
-- The header goes in last, when its counts are known.
INSERT INTO runs VALUES (
    $run_id, $state, $started_at, $ended_at, $exit_status, $rootdir, $args, $version, $git_commit,
    $cases, $attempts, $unreadable_lines, $journal_bytes
)

-- name: insert_results
-- The result of a case is its attempt of the highest number; of equal numbers the one that arrived last.
-- "Flaky" looks at the attempts before it.
INSERT INTO results
SELECT
    run_id, case_index, outcome,
    count(*) OVER of_case,
    outcome IN ('passed', 'xpassed')
        AND count(*) FILTER (outcome IN ('failed', 'error', 'crashed')) OVER of_case > 0,
    host, worker, setup_s, call_s, teardown_s, message
FROM attempts
WHERE run_id = $run_id
WINDOW of_case AS (PARTITION BY case_index)
QUALIFY row_number() OVER (PARTITION BY case_index ORDER BY number DESC, sequence DESC) = 1

-- name: take_attempts
-- Attempts that a run which resumed this one has recorded as its own.
DELETE FROM attempts WHERE run_id = $run_id AND list_contains($cases, case_index)

-- name: take_results
-- The same for the results that were made of them.
DELETE FROM results WHERE run_id = $run_id AND list_contains($cases, case_index)

-- name: mark_resumed
-- What is left of a run that was resumed: its header, and the attempts that were made anew.
UPDATE runs
SET state = 'resumed', attempts = (SELECT count(*) FROM attempts WHERE attempts.run_id = $run_id)
WHERE run_id = $run_id

-- name: recent_durations
-- Median time of the last few passed attempts of each test, over the last runs only, for older times say
-- little about today. Tests of equal node ids share one time. For durations.ndjson, when it was lost.
WITH recent AS (
    SELECT run_id FROM runs ORDER BY run_id DESC LIMIT 20
),
passed AS (
    SELECT
        cases.nodeid,
        attempts.setup_s + attempts.call_s + attempts.teardown_s AS duration_s,
        row_number() OVER (
            PARTITION BY cases.nodeid ORDER BY attempts.run_id DESC, attempts.sequence DESC
        ) AS age
    FROM attempts
    JOIN recent USING (run_id)
    JOIN cases USING (run_id, case_index)
    WHERE attempts.outcome = 'passed'
)
SELECT nodeid, median(duration_s) FROM passed WHERE age <= 5 GROUP BY nodeid ORDER BY nodeid

-- name: recent_recoveries
-- How the last 50 tries of each recovery step went, by class of the failure and of the host, oldest first; what is
-- 90 days older than the newest says little about today. For recoveries.json, and `disttest recovery`.
SELECT step, failure_class, hw_class, seconds, succeeded
FROM recoveries
WHERE began_at >= (SELECT max(began_at) FROM recoveries) - INTERVAL 90 DAY
QUALIFY row_number() OVER (PARTITION BY step, failure_class, hw_class ORDER BY began_at DESC, seconds) <= 50
ORDER BY began_at, step, seconds

-- name: run_durations
-- Time of each passed attempt of one run, in the order of arrival. For durations.ndjson, when a run was killed.
SELECT cases.nodeid, setup_s + call_s + teardown_s
FROM attempts JOIN cases USING (run_id, case_index)
WHERE run_id = $run_id AND outcome = 'passed'
ORDER BY sequence

-- name: run_ids
-- All runs, newest first, to find the one that a prefix means.
SELECT run_id FROM runs ORDER BY run_id DESC

-- name: list_runs
-- The newest runs with their counts by outcome.
WITH newest AS (
    SELECT * FROM runs ORDER BY run_id DESC LIMIT $limit
),
counts AS (
    SELECT run_id, map_from_entries(list((outcome, cases) ORDER BY outcome)) AS outcomes
    FROM outcome_counts GROUP BY run_id
)
SELECT
    run_id, state, epoch(started_at), epoch(ended_at), exit_status, rootdir, args, version, git_commit,
    newest.cases, attempts, unreadable_lines, outcomes
FROM newest LEFT JOIN counts USING (run_id)
ORDER BY run_id DESC

-- name: run_header
-- One run, in the columns of list_runs.
WITH counts AS (
    SELECT run_id, map_from_entries(list((outcome, cases) ORDER BY outcome)) AS outcomes
    FROM outcome_counts GROUP BY run_id
)
SELECT
    run_id, state, epoch(started_at), epoch(ended_at), exit_status, rootdir, args, version, git_commit,
    runs.cases, attempts, unreadable_lines, outcomes
FROM runs LEFT JOIN counts USING (run_id)
WHERE run_id = $run_id

-- name: run_hosts
-- The hosts of a run and what each did: attempts that ran there, and the seconds they took in sum.
SELECT
    hosts.name, hosts.transport, hosts.address, hosts.python, hosts.platform, hosts.workers,
    hosts.capabilities, hosts.state, hosts.reason,
    count(attempts.sequence), coalesce(sum(setup_s + call_s + teardown_s), 0.0)
FROM hosts
LEFT JOIN attempts ON attempts.run_id = hosts.run_id AND attempts.host = hosts.name
WHERE hosts.run_id = $run_id
GROUP BY ALL
ORDER BY hosts.name

-- name: run_slowest
-- Where the time of a run went.
SELECT nodeid, duration_s, outcome, host
FROM case_results WHERE run_id = $run_id AND duration_s > 0
ORDER BY duration_s DESC, nodeid LIMIT $limit

-- name: run_failures
-- What did not end well, in the order of collection, with the traceback of its last attempt.
SELECT
    result.nodeid, result.occurrence, result.outcome, result.attempts, result.host, result.worker,
    result.message, attempts.longrepr
FROM case_results AS result
JOIN attempts USING (run_id, case_index)
WHERE result.run_id = $run_id AND result.outcome IN ('failed', 'error', 'crashed')
QUALIFY row_number() OVER (PARTITION BY case_index ORDER BY number DESC, sequence DESC) = 1
ORDER BY case_index

-- name: run_not_run
-- What no worker ran, and why, in the order of collection.
SELECT nodeid, occurrence, outcome, message
FROM case_results WHERE run_id = $run_id AND outcome IN ('blocked', 'unplaced', 'cancelled')
ORDER BY case_index

-- name: run_flaky
-- What succeeded only after a failed attempt, with what the first failure said.
SELECT result.nodeid, result.occurrence, result.attempts, attempts.host, attempts.message
FROM case_results AS result
JOIN attempts USING (run_id, case_index)
WHERE result.run_id = $run_id AND result.flaky AND attempts.outcome IN ('failed', 'error', 'crashed')
QUALIFY row_number() OVER (PARTITION BY case_index ORDER BY number, sequence) = 1
ORDER BY case_index

-- name: run_notes
-- What else happened, in order.
SELECT epoch(noted_at), kind, text, host, worker FROM notes WHERE run_id = $run_id ORDER BY noted_at

-- name: run_explanations
-- Where the tests of a run fit and why not elsewhere, in the order of collection; a prefix of node ids picks some.
SELECT nodeid, case_index, demand, verdict, summary, hosts, explanation
FROM case_explain
WHERE run_id = $run_id AND starts_with(nodeid, $prefix) AND ($all OR verdict <> 'fits' OR $prefix <> '')
ORDER BY case_index

-- name: run_host_changes
-- What was new about hosts in a run, compared with what they said before.
SELECT host, device, fact, before, after
FROM host_changes WHERE run_id = $run_id
ORDER BY host, fact, device

-- name: run_plan
-- What was expected of a run as a whole, and what it came to.
SELECT
    epoch(tests_began_at), planned_s, bound_s, bottleneck, unknown, critical_path, took_s, tests_took_s, needed_s
FROM plans WHERE run_id = $run_id

-- name: run_predictions
-- What was expected of each case of a run, in the order in which they were to start.
SELECT case_index, q50_s, coalesce(q90_s, 0.0), rank_s, host, place, start_s, end_s
FROM predictions WHERE run_id = $run_id
ORDER BY start_s, case_index

-- name: run_case_names
-- What the cases are called that ran, or were planned in seconds.
SELECT case_index, nodeid, file FROM cases
WHERE run_id = $run_id AND (
    case_index IN (SELECT case_index FROM attempts WHERE run_id = $run_id AND host <> '')
    OR case_index IN (SELECT case_index FROM predictions WHERE run_id = $run_id)
)

-- name: run_attempts
-- When which attempt ran where.
SELECT case_index, number, host, worker, outcome, coalesce(epoch(started_at), 0.0), setup_s + call_s + teardown_s
FROM attempts WHERE run_id = $run_id AND host <> ''
ORDER BY sequence
