-- The steps by which runs recovered: version 4 of the history.
--
-- Apart, for this table is all that a history of version 3 lacks.

-- One row per step that came to its end.
CREATE TABLE recoveries (
    run_id VARCHAR NOT NULL,
    step VARCHAR NOT NULL,          -- repeat reconnect respawn-agent respawn-worker resync reprobe move quarantine
    failure_class VARCHAR NOT NULL, -- crash host-lost device environment
    host VARCHAR NOT NULL,          -- where the failure was
    hw_class VARCHAR NOT NULL,      -- of that host; its own name where nobody probed it
    began_at TIMESTAMP,
    seconds DOUBLE NOT NULL,        -- until it succeeded, or had failed
    succeeded BOOLEAN NOT NULL      -- what that means is said for each step in the page about failures
);
