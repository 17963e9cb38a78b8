CREATE TABLE search (
  id INTEGER PRIMARY KEY,
  key TEXT UNIQUE,
  key_hash TEXT,
  name TEXT NOT NULL,
  spec TEXT NOT NULL CHECK (json_valid(spec)),
  plan TEXT CHECK (plan IS NULL OR json_valid(plan)),
  groups TEXT NOT NULL CHECK (json_valid(groups)),
  state TEXT NOT NULL CHECK (state IN ('running','paused','confirming','done','cancelled','failed')),
  reason TEXT,
  reference TEXT CHECK (reference IS NULL OR json_valid(reference)),
  revision INTEGER NOT NULL CHECK (revision >= 0),
  created_us INTEGER NOT NULL,
  ended_us INTEGER NOT NULL CHECK (ended_us >= 0), preflight TEXT CHECK (preflight IS NULL OR json_valid(preflight)), digests TEXT CHECK (digests IS NULL OR json_valid(digests)),
  CHECK ((key IS NULL) = (key_hash IS NULL)),
  CHECK (state <> 'failed' OR reason IS NOT NULL),
  CHECK (ended_us = 0 OR state IN ('done','cancelled','failed'))
) STRICT;
CREATE TABLE score (
  search INTEGER NOT NULL,
  trial INTEGER NOT NULL,
  half TEXT NOT NULL CHECK (half IN ('search','heldout')),
  position INTEGER NOT NULL CHECK (position >= 0),
  metric TEXT NOT NULL,
  mean REAL NOT NULL CHECK (abs(mean) < 9e999),
  stderr REAL CHECK (stderr >= 0 AND stderr < 9e999),
  n INTEGER NOT NULL CHECK (n >= 0),
  items BLOB CHECK (length(items) % 8 = 0),
  PRIMARY KEY (search, trial, half, position),
  UNIQUE (search, trial, half, metric),
  FOREIGN KEY (search, trial) REFERENCES trial (search, number)
) STRICT;
CREATE TABLE lease (
  token TEXT PRIMARY KEY NOT NULL,
  search INTEGER NOT NULL,
  trial INTEGER NOT NULL,
  half TEXT NOT NULL CHECK (half IN ('search','heldout')),
  worker TEXT NOT NULL,
  attempt INTEGER NOT NULL CHECK (attempt >= 1),
  state TEXT NOT NULL CHECK (state IN ('active','done','failed','expired','released')),
  reason TEXT,
  granted_us INTEGER NOT NULL,
  ended_us INTEGER NOT NULL,
  FOREIGN KEY (search, trial) REFERENCES trial (search, number),
  CHECK (state <> 'active' OR ended_us = 0)
) STRICT;
CREATE UNIQUE INDEX lease_active ON lease (search, trial, half) WHERE state = 'active';
CREATE TABLE "trial" (
  search INTEGER NOT NULL REFERENCES search (id),
  number INTEGER NOT NULL CHECK (number >= 0),
  stream INTEGER NOT NULL CHECK (stream >= 0),
  step INTEGER NOT NULL CHECK (step >= 0),
  ratios BLOB NOT NULL CHECK (length(ratios) > 0 AND length(ratios) % 8 = 0),
  state TEXT NOT NULL
    CHECK (state IN ('ready','leased','done','quarantined','cancelled','stopped')),
  attempts INTEGER NOT NULL CHECK (attempts >= 0),
  reason TEXT,
  heldout_state TEXT CHECK (heldout_state IN ('ready','leased','done','quarantined','cancelled')),
  created_us INTEGER NOT NULL,
  done_us INTEGER NOT NULL,
  merge_s REAL NOT NULL,
  evaluate_s REAL NOT NULL,
  wall_s REAL NOT NULL,
  worker TEXT,
  effective BLOB CHECK (length(effective) = length(ratios)),
  watermark INTEGER NOT NULL DEFAULT 0 CHECK (watermark >= 0),
  path TEXT NOT NULL DEFAULT 'direct'
    CHECK (path IN ('direct','design','model','repeat','fill')),
  repeat_of INTEGER CHECK (repeat_of BETWEEN 0 AND number - 1),
  gain REAL CHECK (abs(gain) < 9e999),
  PRIMARY KEY (search, number),
  UNIQUE (search, stream, step),
  CHECK (state <> 'quarantined' OR reason IS NOT NULL)
) STRICT;
CREATE TABLE event (
  search INTEGER NOT NULL,
  seq INTEGER NOT NULL CHECK (seq >= 0),
  trial INTEGER NOT NULL,
  kind TEXT NOT NULL CHECK (kind IN ('slice','done','stopped','reopened','failed')),
  share REAL NOT NULL CHECK (share BETWEEN 0 AND 1),
  items INTEGER NOT NULL CHECK (items >= 0),
  means BLOB CHECK (length(means) > 0 AND length(means) % 8 = 0),
  stderrs BLOB CHECK (length(stderrs) = length(means)),
  PRIMARY KEY (search, seq),
  FOREIGN KEY (search, trial) REFERENCES trial (search, number),
  CHECK ((means IS NULL) = (stderrs IS NULL)),
  CHECK ((kind IN ('slice','stopped')) = (means IS NOT NULL))
) STRICT;
CREATE TABLE partial (
  search INTEGER NOT NULL,
  trial INTEGER NOT NULL,
  slices_done INTEGER NOT NULL CHECK (slices_done >= 1),
  slices INTEGER NOT NULL CHECK (slices > slices_done),
  items INTEGER NOT NULL CHECK (items >= 0),
  state TEXT NOT NULL CHECK (json_valid(state)),
  PRIMARY KEY (search, trial),
  FOREIGN KEY (search, trial) REFERENCES trial (search, number)
) STRICT;
CREATE TABLE written (
  search INTEGER NOT NULL,
  trial INTEGER NOT NULL,
  half TEXT NOT NULL CHECK (half IN ('search','heldout')),
  texts TEXT NOT NULL CHECK (json_valid(texts)),
  PRIMARY KEY (search, trial, half),
  FOREIGN KEY (search, trial) REFERENCES trial (search, number)
) STRICT;
