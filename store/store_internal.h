/* WHAT   What the files of store/ share: the handle, statements, and the one translation of SQLite's codes.
 * WHO    store/ only.
 * UNITS  Parameters and columns are numbered as SQLite does: parameters from 1, columns from 0.
 * MEMORY Cached statements live until store_close; those of store_prepare are given to sqlite3_finalize.
 * ERRORS As store.h.
 * STATE  (1) A cached statement is reset before its function returns: no write stays open by accident.
 *        (2) `group` true while SQLite says autocommit: SQLite itself has undone the group (disk full, I/O
 *            error). Every write is refused until the group has been ended. */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include "store/store.h"

#include <sqlite3.h>

#define STORE_APPLICATION_ID 0x70617264 /* "pard" */

enum store_stmt {
    STMT_BEGIN,
    STMT_COMMIT,
    STMT_ROLLBACK,
    STMT_SAVEPOINT,
    STMT_RELEASE,
    STMT_ROLLBACK_TO,
    STMT_SEARCH_INSERT,
    STMT_SEARCH_BY_KEY,
    STMT_SEARCH_STATE,
    STMT_SEARCH_REVISION,
    STMT_TRIAL_INSERT,
    STMT_TRIAL_UPDATE,
    STMT_SCORE_ANY,
    STMT_SCORE_INSERT,
    STMT_EVENT_INSERT,
    STMT_PARTIAL_PUT,
    STMT_PARTIAL_DROP,
    STMT_WRITTEN_INSERT,
    STMT_LEASE_INSERT,
    STMT_LEASE_END,
    STMT_LEASE_STATE,
    STMT_N
};

struct store {
    sqlite3 *db;
    char *path;  /* as given, for sentences */
    int lock_fd; /* -1: not held */
    bool group;  /* between store_begin and store_commit or store_rollback */
    sqlite3_stmt *cached[STMT_N];
};

/* schema.c: brings an empty or older file to the newest version; refuses foreign and newer ones untouched. */
int schema_check(struct store *store, int *version, struct err *err);
int schema_migrate(struct store *store, int version, struct err *err);

/* Fills *err from SQLite's last error: `what` opens the sentence. Never returns 0. */
int store_failed(struct store *store, struct err *err, const char *what, ...)
    __attribute__((format(printf, 3, 4)));

/* A cached statement, reset and with its parameters cleared. */
int store_cached(struct store *store, enum store_stmt which, const char *sql, sqlite3_stmt **out,
                 struct err *err);
/* A fresh statement, for walks, so that a callback may walk again. */
int store_prepare(struct store *store, const char *sql, sqlite3_stmt **out, struct err *err);
/* ERR_IO by invariant (2). The first call of every write. */
int store_writable(struct store *store, struct err *err);
/* Runs a statement that gives no rows, then resets it. The code is SQLite's, for the caller to translate. */
int store_step(sqlite3_stmt *stmt);

/* Several writes as one, inside a group as well as outside: mark … release, or undo after a failure. */
int store_mark(struct store *store, struct err *err);
int store_release(struct store *store, struct err *err);
void store_undo(struct store *store);

/* NULL text and blobs bind as NULL. Text and blobs must live until the statement has run. */
void bind_text(sqlite3_stmt *stmt, int i, const char *text);
void bind_int(sqlite3_stmt *stmt, int i, int64_t x);
void bind_double(sqlite3_stmt *stmt, int i, double x); /* NaN binds as NULL */
/* Doubles as little-endian IEEE 754 bytes: exact, -0.0 and subnormals included. */
void bind_doubles(sqlite3_stmt *stmt, int i, const double *x, size_t n);
const char *column_text(sqlite3_stmt *stmt, int i); /* NULL for NULL; until the next step */
/* ERR_CORRUPT when the blob is not whole doubles. *out is mem_free'd by the caller, NULL for NULL. */
int column_doubles(struct store *store, sqlite3_stmt *stmt, int i, double **out, size_t *n, struct err *err);

#endif
