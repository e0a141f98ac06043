-- The health page shows the latest dumps that could not be read; among millions of good ones they need their own index.
CREATE INDEX dump_failed ON dump (received_at DESC) WHERE state = 'failed';
