-- What verdicts are computed from quickly, and who is told of them.
--
-- A closed week's machine-days are counted once and kept; only weeks that are open, or that changed since they were
-- counted, are counted again from presence. Alerts go through an outbox: what is to be told is committed together with
-- what it tells of, and delivered afterwards.

CREATE TABLE exposure_week (
    week date PRIMARY KEY CHECK (extract(isodow FROM week) = 1),
    rolled_up_at timestamptz NOT NULL,
    machine_days_by_day bigint[] NOT NULL CHECK (cardinality(machine_days_by_day) = 7)
);

COMMENT ON TABLE exposure_week IS 'Weeks whose machine-days were rolled up. What holds while no row of exposure_change is there for the week.';
COMMENT ON COLUMN exposure_week.week IS 'Monday of the ISO week.';
COMMENT ON COLUMN exposure_week.rolled_up_at IS 'When it was counted.';
COMMENT ON COLUMN exposure_week.machine_days_by_day IS 'Machines that were on, Monday to Sunday, those with unknown drivers included.';

CREATE TABLE exposure_model_week (
    week date NOT NULL,
    model_id integer NOT NULL,
    machine_days bigint NOT NULL,
    versions bytea NOT NULL,
    os_builds bytea NOT NULL,
    PRIMARY KEY (week, model_id)
);

-- Packed already; squeezing it again would only cost time.
ALTER TABLE exposure_model_week ALTER COLUMN versions SET STORAGE EXTERNAL;

COMMENT ON TABLE exposure_model_week IS 'Machine-days of one hardware model in one rolled-up week, by driver version and by Windows build. Days with unknown drivers are left out.';
COMMENT ON COLUMN exposure_model_week.week IS 'Monday of the ISO week.';
COMMENT ON COLUMN exposure_model_week.model_id IS 'Hardware model; 0 for machines that told none.';
COMMENT ON COLUMN exposure_model_week.machine_days IS 'Machine-days of all of them.';
COMMENT ON COLUMN exposure_model_week.versions IS
    'Pairs of driver version id and machine-days, by id: the difference to the id before and the days, each in seven-bit groups, lowest first, the top bit set on all but the last. Ids as of the roll-up: placeholders that were merged later are resolved by readers.';
COMMENT ON COLUMN exposure_model_week.os_builds IS 'Pairs of Windows build and machine-days, packed likewise.';

CREATE TABLE exposure_site_week (
    week date NOT NULL,
    model_id integer NOT NULL,
    site text NOT NULL,
    machine_days bigint NOT NULL,
    versions bytea NOT NULL,
    os_builds bytea NOT NULL,
    PRIMARY KEY (week, model_id, site)
);

ALTER TABLE exposure_site_week ALTER COLUMN versions SET STORAGE EXTERNAL;

COMMENT ON TABLE exposure_site_week IS 'The part of exposure_model_week that stands at one site. Of each week only the cells with most machine-days are kept.';
COMMENT ON COLUMN exposure_site_week.week IS 'Monday of the ISO week.';
COMMENT ON COLUMN exposure_site_week.model_id IS 'Hardware model; 0 for machines that told none.';
COMMENT ON COLUMN exposure_site_week.site IS 'Site of the machines when the week was rolled up.';
COMMENT ON COLUMN exposure_site_week.machine_days IS 'Machine-days of all of them.';
COMMENT ON COLUMN exposure_site_week.versions IS 'As in exposure_model_week.';
COMMENT ON COLUMN exposure_site_week.os_builds IS 'As in exposure_model_week.';

CREATE TABLE exposure_change (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    week date NOT NULL,
    changed_at timestamptz NOT NULL
);

COMMENT ON TABLE exposure_change IS
    'A note that presence of a closed week changed, written with the change. Only inserted, so that no writer waits for another; a roll-up deletes exactly the notes whose changes it has seen.';
COMMENT ON COLUMN exposure_change.id IS 'Which note.';
COMMENT ON COLUMN exposure_change.week IS 'Monday of the week that changed.';
COMMENT ON COLUMN exposure_change.changed_at IS 'When, by the writer''s clock.';

CREATE INDEX exposure_change_week ON exposure_change (week);

-- A number that grows with every change of presence or inventories. Not in step with transactions, and nobody waits.
CREATE SEQUENCE fleet_news;

COMMENT ON SEQUENCE fleet_news IS 'Grows when machines tell something new, so that verdicts can be asked for without looking at the tables.';

CREATE TABLE fleet_news_heard (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    number bigint NOT NULL
);

INSERT INTO fleet_news_heard (number) VALUES (0);

COMMENT ON TABLE fleet_news_heard IS 'How far fleet_news was heard. One row.';
COMMENT ON COLUMN fleet_news_heard.one IS 'Always true: there is one row.';
COMMENT ON COLUMN fleet_news_heard.number IS 'The number for which verdicts were asked for.';

CREATE TABLE webhook (
    id uuid PRIMARY KEY,
    url text NOT NULL,
    secret text NOT NULL,
    kinds text[] NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);

COMMENT ON TABLE webhook IS 'Addresses that want to be told of alerts.';
COMMENT ON COLUMN webhook.id IS 'UUID version 7.';
COMMENT ON COLUMN webhook.url IS 'Where alerts are posted to.';
COMMENT ON COLUMN webhook.secret IS 'The key of the signature (HMAC). It must be known in full to sign, so it cannot be stored as a hash.';
COMMENT ON COLUMN webhook.kinds IS 'Kinds of alerts it wants: verdict, rate-jump.';
COMMENT ON COLUMN webhook.created_at IS 'When it was made.';
COMMENT ON COLUMN webhook.disabled_at IS 'When it was switched off; it gets nothing from then on.';

CREATE TABLE alert (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('verdict', 'rate-jump')),
    stop_code bigint NOT NULL,
    body jsonb NOT NULL,
    created_at timestamptz NOT NULL
);

COMMENT ON TABLE alert IS 'What was worth telling. Written in the transaction that made it true.';
COMMENT ON COLUMN alert.id IS 'UUID version 7. Receivers know a repeated delivery by it.';
COMMENT ON COLUMN alert.kind IS 'verdict: a stop code''s verdict newly reached a word. rate-jump: its own rate rose.';
COMMENT ON COLUMN alert.stop_code IS 'Bug check code with bit 28 cleared.';
COMMENT ON COLUMN alert.body IS 'What is posted, but for the id. Stored and sent, never read.';
COMMENT ON COLUMN alert.created_at IS 'When it was found.';

CREATE INDEX alert_newest ON alert (created_at DESC);

CREATE TABLE alert_delivery (
    alert_id uuid NOT NULL REFERENCES alert (id) ON DELETE CASCADE,
    webhook_id uuid NOT NULL REFERENCES webhook (id) ON DELETE CASCADE,
    state smallint NOT NULL DEFAULT 0 CHECK (state BETWEEN 0 AND 2),
    attempts integer NOT NULL DEFAULT 0,
    next_attempt_at timestamptz NOT NULL,
    delivered_at timestamptz,
    last_error text,
    PRIMARY KEY (alert_id, webhook_id)
);

COMMENT ON TABLE alert_delivery IS 'One alert to one webhook, at least once.';
COMMENT ON COLUMN alert_delivery.alert_id IS 'What to tell.';
COMMENT ON COLUMN alert_delivery.webhook_id IS 'Whom to tell.';
COMMENT ON COLUMN alert_delivery.state IS '0 to be delivered, 1 delivered, 2 given up.';
COMMENT ON COLUMN alert_delivery.attempts IS 'Claims so far. It is the fence: only the latest claim may settle.';
COMMENT ON COLUMN alert_delivery.next_attempt_at IS 'Not before this time. A claim moves it to the end of its lease.';
COMMENT ON COLUMN alert_delivery.delivered_at IS 'When the receiver said yes.';
COMMENT ON COLUMN alert_delivery.last_error IS 'Why the last attempt failed.';

CREATE INDEX alert_delivery_due ON alert_delivery (next_attempt_at) WHERE state = 0;
CREATE INDEX alert_delivery_webhook ON alert_delivery (webhook_id);

CREATE TABLE verdict_alerted (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stop_code bigint NOT NULL,
    rank smallint NOT NULL,
    subjects integer[] NOT NULL,
    alerted_at timestamptz NOT NULL
);

COMMENT ON TABLE verdict_alerted IS 'Which verdicts were told already: one that comes and goes is told once.';
COMMENT ON COLUMN verdict_alerted.id IS 'Which.';
COMMENT ON COLUMN verdict_alerted.stop_code IS 'Bug check code with bit 28 cleared.';
COMMENT ON COLUMN verdict_alerted.rank IS 'How strong the word was: 1 suspect-set, 2 likely-cause, 3 confirmed.';
COMMENT ON COLUMN verdict_alerted.subjects IS 'Whom it accused: ids of driver versions; a Windows build as its negative.';
COMMENT ON COLUMN verdict_alerted.alerted_at IS 'When it was told.';

CREATE INDEX verdict_alerted_stop_code ON verdict_alerted (stop_code);

CREATE TABLE rate_jump_alerted (
    stop_code bigint PRIMARY KEY,
    since date NOT NULL,
    alerted_at timestamptz NOT NULL
);

COMMENT ON TABLE rate_jump_alerted IS 'The last jump of a stop code''s own rate that was told.';
COMMENT ON COLUMN rate_jump_alerted.stop_code IS 'Bug check code with bit 28 cleared.';
COMMENT ON COLUMN rate_jump_alerted.since IS 'The first day of the jump.';
COMMENT ON COLUMN rate_jump_alerted.alerted_at IS 'When it was told.';
