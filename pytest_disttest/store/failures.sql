-- What failed attempts were taken for: version 5 of the history.
--
-- Apart, for this table is all that a history of version 4 lacks.

-- One row per attempt that did not pass.
CREATE TABLE failures (
    run_id VARCHAR NOT NULL,
    case_index INTEGER NOT NULL,
    number INTEGER NOT NULL,        -- of the attempt, as in attempts
    failure_class VARCHAR NOT NULL, -- test-failure test-error test-timeout crash out-of-memory device environment ...
    rule VARCHAR NOT NULL,          -- which told the class
    again VARCHAR NOT NULL,         -- where it was made again, '' where the failure stood
    why VARCHAR NOT NULL            -- it was made again, or not
);
