-- A state file as version 1 wrote it. This text stays as it is for ever.
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE applications (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, serial INTEGER NOT NULL);
CREATE TABLE entries (
    application INTEGER NOT NULL, api_group TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    scope TEXT NOT NULL, state TEXT NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (application, kind, namespace, name, api_group)) WITHOUT ROWID;
CREATE INDEX entries_by_object ON entries (scope, kind, namespace, name, api_group) WHERE scope != '';
CREATE TABLE intents (
    application INTEGER NOT NULL, api_group TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
    facts TEXT NOT NULL,
    PRIMARY KEY (application, kind, namespace, name, api_group)) WITHOUT ROWID;
CREATE TABLE journal (
    application INTEGER NOT NULL, seq INTEGER NOT NULL,
    api_group TEXT NOT NULL, kind TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (application, seq)) WITHOUT ROWID;
CREATE INDEX journal_by_object ON journal (application, kind, namespace, name, api_group, seq);
CREATE TABLE passes (
    application INTEGER NOT NULL, seq INTEGER NOT NULL, facts TEXT NOT NULL,
    PRIMARY KEY (application, seq)) WITHOUT ROWID;
CREATE TABLE memos (
    id INTEGER PRIMARY KEY, space TEXT NOT NULL, key TEXT NOT NULL, stored_at REAL NOT NULL, value BLOB NOT NULL,
    UNIQUE (space, key));
CREATE INDEX memos_by_age ON memos (stored_at, id);
INSERT INTO meta VALUES ('salt', x'000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f'), ('memo_bytes', 2);
INSERT INTO applications VALUES (7, 'a/b/c', 12);
INSERT INTO entries VALUES
    (7, '', 'ConfigMap', '', 'site', 'world', 'applied', '{"desired":"d1","declared":["/data/a","/kind"],"protected":true}'),
    (7, 'apps', 'Deployment', 'shop', 'web', 'world', 'planned', '{"declared":["/data/a","/kind"],"from_the_future":1}'),
    (7, '', 'ConfigMap', '', 'bare', '', 'deleting', '{}');
INSERT INTO intents VALUES (7, '', 'ConfigMap', '', 'site', '{"idempotency_key":"k"}');
INSERT INTO journal VALUES (7, 1, '', 'ConfigMap', '', 'site',
    '{"time":1.0,"pass_id":"p","revision":"r","action":"create","status":"succeeded"}');
INSERT INTO passes VALUES (7, 1, '{"pass_id":"p","started_at":1.0,"finished_at":2.0,"revision":"r","status":"in-sync"}');
INSERT INTO memos VALUES (1, 's', 'k', 5.0, x'0102');
PRAGMA application_id = 1735356531;
PRAGMA user_version = 1;
