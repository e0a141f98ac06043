-- What verdicts said before: of each stop code, a row when its word or its first suspect changed.

CREATE TABLE verdict_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stop_code bigint NOT NULL,
    changed_at timestamptz NOT NULL,
    word_before text,
    word text NOT NULL,
    suspect text,
    driver_version_ids integer[] NOT NULL
);

COMMENT ON TABLE verdict_change IS 'Each change of what is said of a stop code: of the word, or of whom it accuses first.';
COMMENT ON COLUMN verdict_change.id IS 'Which.';
COMMENT ON COLUMN verdict_change.stop_code IS 'Bug check code with bit 28 cleared.';
COMMENT ON COLUMN verdict_change.changed_at IS 'When the counts were taken that changed it.';
COMMENT ON COLUMN verdict_change.word_before IS 'The word before; null for the first verdict.';
COMMENT ON COLUMN verdict_change.word IS 'The word since, as in the API: too-little-data, no-driver-explains-this, associated, suspect-set, likely-cause, confirmed.';
COMMENT ON COLUMN verdict_change.suspect IS 'Whom it accuses first, in words; null if nobody.';
COMMENT ON COLUMN verdict_change.driver_version_ids IS 'The driver versions that it accuses first, ascending; empty if it accuses none.';

CREATE INDEX verdict_change_stop_code ON verdict_change (stop_code, changed_at DESC, id DESC);
CREATE INDEX verdict_change_newest ON verdict_change (changed_at DESC);
