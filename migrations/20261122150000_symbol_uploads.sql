-- Uploads of symbol files in three steps, as Breakpad's sym_upload makes them: begin, send, complete.

CREATE TABLE symbol_upload (
    id uuid PRIMARY KEY,
    secret_hash bytea NOT NULL CHECK (octet_length(secret_hash) = 32),
    token_id uuid,
    created_at timestamptz NOT NULL,
    sha256 bytea CHECK (octet_length(sha256) = 32),
    size_bytes bigint CHECK (size_bytes >= 0),
    CONSTRAINT symbol_upload_is_received_whole CHECK ((sha256 IS NULL) = (size_bytes IS NULL))
);

COMMENT ON TABLE symbol_upload IS 'Symbol files that were begun to be sent and are not complete. Void after a day, as long as their blobs are safe from the sweeper.';
COMMENT ON COLUMN symbol_upload.id IS 'UUID version 7. The client gets it as the upload''s key.';
COMMENT ON COLUMN symbol_upload.secret_hash IS 'SHA-256 of the secret in the address that the client sends the bytes to, without any token.';
COMMENT ON COLUMN symbol_upload.token_id IS 'The token it was begun with; only that may complete it.';
COMMENT ON COLUMN symbol_upload.created_at IS 'When it was begun.';
COMMENT ON COLUMN symbol_upload.sha256 IS 'Hash of the bytes, once they are there: where their blob lies.';
COMMENT ON COLUMN symbol_upload.size_bytes IS 'Their size.';

CREATE INDEX symbol_upload_age ON symbol_upload (created_at);
