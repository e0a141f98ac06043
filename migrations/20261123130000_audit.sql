-- Who did what, for people to read: a name where no token tells who, and sign-ins, which are counted, not written one by
-- one, so that nobody fills the table by trying.

ALTER TABLE audit ADD COLUMN actor text, ADD COLUMN times bigint NOT NULL DEFAULT 1 CHECK (times > 0);

COMMENT ON TABLE audit IS 'Who did what that needs an answer later: raw downloads, tokens made and revoked, reprocessing, sign-ins.';
COMMENT ON COLUMN audit.actor IS 'Who, in words, where no token tells: the one-time link, a person that an identity provider named.';
COMMENT ON COLUMN audit.times IS 'How often, from then on for ten minutes, for what is counted: sign-ins. 1 for everything else.';

ALTER TABLE session ADD COLUMN actor text;

COMMENT ON COLUMN session.actor IS 'Who, in words, where no token tells.';

CREATE UNIQUE INDEX audit_counted ON audit (action, subject, actor, token_id, at) NULLS NOT DISTINCT
    WHERE action IN ('sign-in', 'sign-in.refused');

CREATE INDEX audit_page ON audit (at DESC, id DESC);

DROP INDEX audit_newest;
