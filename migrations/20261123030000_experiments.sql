-- Experiments: TrackLockedPages is set on a few machines at risk, until one of them stops with the 0xCB that names the
-- driver. And proofs: what every 0xCB says of the rankings that came before it.

CREATE TABLE experiment (
    id uuid PRIMARY KEY,
    stop_code bigint NOT NULL CHECK (stop_code IN (118, 203)),
    driver_version_id integer NOT NULL,
    state text NOT NULL DEFAULT 'running' CHECK (state IN ('running', 'confirmed', 'refuted', 'cancelled', 'expired')),
    machines_wanted integer NOT NULL CHECK (machines_wanted BETWEEN 1 AND 100),
    started_at timestamptz NOT NULL,
    until timestamptz NOT NULL,
    ended_at timestamptz,
    ended_by_crash_id uuid,
    named_driver_version_id integer,
    CONSTRAINT experiment_ends_when_it_no_longer_runs CHECK ((state = 'running') = (ended_at IS NULL)),
    CONSTRAINT experiment_is_decided_by_a_crash CHECK ((state IN ('confirmed', 'refuted')) = (ended_by_crash_id IS NOT NULL))
);

COMMENT ON TABLE experiment IS 'An attempt to have Windows itself name the driver that leaves pages locked.';
COMMENT ON COLUMN experiment.id IS 'UUID version 7.';
COMMENT ON COLUMN experiment.stop_code IS 'The stop code whose suspect it tests: 0x76 or 0xCB.';
COMMENT ON COLUMN experiment.driver_version_id IS 'The driver version that is suspected.';
COMMENT ON COLUMN experiment.state IS
    'running; confirmed: a 0xCB named the suspect; refuted: a 0xCB named another; cancelled by an administrator; expired: its date came.';
COMMENT ON COLUMN experiment.machines_wanted IS 'How many machines it was to have; it may have found fewer.';
COMMENT ON COLUMN experiment.started_at IS 'When it was started.';
COMMENT ON COLUMN experiment.until IS 'When it ends by itself. Agents remove the setting then even if they hear nothing more.';
COMMENT ON COLUMN experiment.ended_at IS 'When it ended.';
COMMENT ON COLUMN experiment.ended_by_crash_id IS 'The 0xCB that decided it.';
COMMENT ON COLUMN experiment.named_driver_version_id IS 'The driver version that this 0xCB named.';

CREATE INDEX experiment_running ON experiment (until) WHERE state = 'running';

CREATE TABLE experiment_machine (
    machine_id uuid NOT NULL,
    experiment_id uuid NOT NULL,
    asked_at timestamptz NOT NULL,
    set_at timestamptz,
    in_force_since timestamptz,
    crashed_at timestamptz,
    crash_id uuid,
    released_at timestamptz,
    opted_out boolean NOT NULL DEFAULT false,
    removed_at timestamptz,
    PRIMARY KEY (machine_id, experiment_id)
);

COMMENT ON TABLE experiment_machine IS 'A machine of an experiment, and how far it got.';
COMMENT ON COLUMN experiment_machine.machine_id IS 'The machine.';
COMMENT ON COLUMN experiment_machine.experiment_id IS 'The experiment.';
COMMENT ON COLUMN experiment_machine.asked_at IS 'From when on its policy asks for the setting.';
COMMENT ON COLUMN experiment_machine.set_at IS 'When its agent first told that the value is set.';
COMMENT ON COLUMN experiment_machine.in_force_since IS 'Since which start Windows works by it, as its agent told.';
COMMENT ON COLUMN experiment_machine.crashed_at IS 'When it stopped with a 0xCB, for the first time since it was asked.';
COMMENT ON COLUMN experiment_machine.crash_id IS 'That crash.';
COMMENT ON COLUMN experiment_machine.released_at IS 'From when on its policy no longer asks for the setting.';
COMMENT ON COLUMN experiment_machine.opted_out IS 'Whether it was released because its owner no longer allows it.';
COMMENT ON COLUMN experiment_machine.removed_at IS 'When its agent told, after it had set the value, that it is no longer set.';

-- No machine is in two experiments at once. Check-ins and policies look here first.
CREATE UNIQUE INDEX experiment_machine_once ON experiment_machine (machine_id) WHERE released_at IS NULL;
CREATE INDEX experiment_machine_by_experiment ON experiment_machine (experiment_id);

CREATE TABLE first_suspect (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stop_code bigint NOT NULL,
    driver_version_ids integer[] NOT NULL,
    since timestamptz NOT NULL
);

COMMENT ON TABLE first_suspect IS
    'Whom the ranking of a stop code put first, from when on: written when a ranking is stored whose first suspect is another one. What proofs are held against.';
COMMENT ON COLUMN first_suspect.id IS 'Which.';
COMMENT ON COLUMN first_suspect.stop_code IS 'Bug check code with bit 28 cleared.';
COMMENT ON COLUMN first_suspect.driver_version_ids IS
    'The driver versions of the first suspect, ascending: several where the data could not tell them apart. Empty when the verdict accused no driver.';
COMMENT ON COLUMN first_suspect.since IS 'When the first ranking with this first suspect was computed.';

CREATE INDEX first_suspect_latest ON first_suspect (stop_code, since DESC);

CREATE TABLE proof (
    crash_id uuid PRIMARY KEY,
    machine_id uuid NOT NULL,
    crashed_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    driver_version_id integer NOT NULL,
    was_first boolean
);

COMMENT ON TABLE proof IS 'Each 0xCB in which Windows named a driver, held against the ranking of 0x76 that was the latest when it arrived.';
COMMENT ON COLUMN proof.crash_id IS 'The 0xCB.';
COMMENT ON COLUMN proof.machine_id IS 'The machine that stopped.';
COMMENT ON COLUMN proof.crashed_at IS 'When it stopped.';
COMMENT ON COLUMN proof.received_at IS 'When the server learnt of it: rankings computed before cannot have known it.';
COMMENT ON COLUMN proof.driver_version_id IS 'The driver version that Windows named.';
COMMENT ON COLUMN proof.was_first IS 'Whether it was among the first suspect of that ranking; null when there was none that accused a driver.';
