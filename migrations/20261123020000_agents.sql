-- How agents join, and what each of them told last.
--
-- A token remembers which token it was enrolled with, and with which token it ended: so it can be told whether an
-- administrator put a machine out, or whether its token merely gave way to another.

ALTER TABLE token
    ADD COLUMN enrolled_by uuid REFERENCES token (id),
    ADD COLUMN revoked_with uuid REFERENCES token (id),
    ADD CONSTRAINT token_ends_with_another_only_when_revoked CHECK (revoked_with IS NULL OR revoked_at IS NOT NULL);

COMMENT ON COLUMN token.enrolled_by IS 'The enrolment token that an agent got this one for; null when an administrator made it.';
COMMENT ON COLUMN token.revoked_with IS
    'The token that this one ended with: the newer one of the same machine, or the enrolment token it came from. Null while it works, and when an administrator revoked this very one: then its machine is not let in again until an administrator makes a newer one.';

-- The latest token of a machine, and its earlier ones.
CREATE INDEX token_of_machine ON token (machine, id DESC) WHERE machine IS NOT NULL;
-- The agents that an enrolment token let in.
CREATE INDEX token_enrolled_by ON token (enrolled_by) WHERE enrolled_by IS NOT NULL;

CREATE TABLE agent (
    machine_id uuid PRIMARY KEY,
    agent_version text NOT NULL,
    checked_in_at timestamptz NOT NULL,
    started_at timestamptz,
    may_track_locked_pages boolean NOT NULL,
    locked_pages_set boolean,
    locked_pages_in_force_since timestamptz,
    locked_pages_trouble text
) WITH (fillfactor = 70);

COMMENT ON TABLE agent IS 'What the agent of each machine told at its last check-in. One row a machine, written once a day.';
COMMENT ON COLUMN agent.machine_id IS 'The machine.';
COMMENT ON COLUMN agent.agent_version IS 'The agent''s version.';
COMMENT ON COLUMN agent.checked_in_at IS 'When it last checked in.';
COMMENT ON COLUMN agent.started_at IS 'When the machine was started last.';
COMMENT ON COLUMN agent.may_track_locked_pages IS 'Whether the machine''s owner lets the server have locked pages tracked on it.';
COMMENT ON COLUMN agent.locked_pages_set IS 'Whether TrackLockedPages is set in its registry; null while the agent never set it.';
COMMENT ON COLUMN agent.locked_pages_in_force_since IS 'Since which start Windows works by it; null while it waits for one, and when it is not set.';
COMMENT ON COLUMN agent.locked_pages_trouble IS 'Why it could not be set or removed, in the agent''s words. Text of a stranger.';
