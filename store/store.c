#include "store/store.h"

#include "proto/mem.h"
#include "store/store_internal.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define BUSY_MS 2000                  /* a person with the sqlite3 shell may write for a moment */
#define CHECK_BYTES_MAX (256ll << 20) /* above this, opening would take seconds: the check is left out */

/* ---- codes ---- */

static int code_of(int extended)
{
    switch (extended) {
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_ROWID:
        return ERR_CONFLICT;
    case SQLITE_CONSTRAINT_FOREIGNKEY:
        return ERR_NOT_FOUND;
    }
    switch (extended & 0xff) {
    case SQLITE_CONSTRAINT:
    case SQLITE_TOOBIG:
        return ERR_INVALID;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_ERROR: /* our SQL is fixed, so a missing table or column means a damaged file */
        return ERR_CORRUPT;
    }
    return ERR_IO;
}

static const char *advice_of(int extended)
{
    switch (extended & 0xff) {
    case SQLITE_FULL:
        return ": free some space on that disk";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return ": another program is writing to the file; end it";
    case SQLITE_NOTADB:
        return ": choose another path";
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:
        return ": restore a backup, or move the file away";
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        return ": check that the file and its directory exist and may be written";
    }
    return "";
}

int store_failed(struct store *store, struct err *err, const char *what, ...)
{
    int extended = sqlite3_extended_errcode(store->db);
    char subject[256];
    va_list args;
    va_start(args, what);
    vsnprintf(subject, sizeof subject, what, args);
    va_end(args);
    return err_set(err, code_of(extended), "%s: %s%s", subject, sqlite3_errmsg(store->db),
                   advice_of(extended));
}

/* ---- statements ---- */

int store_prepare(struct store *store, const char *sql, sqlite3_stmt **out, struct err *err)
{
    if (sqlite3_prepare_v2(store->db, sql, -1, out, NULL) == SQLITE_OK)
        return 0;
    *out = NULL;
    return store_failed(store, err, "cannot read %s", store->path);
}

int store_cached(struct store *store, enum store_stmt which, const char *sql, sqlite3_stmt **out,
                 struct err *err)
{
    sqlite3_stmt *stmt = store->cached[which];
    *out = NULL;
    if (stmt) {
        assert(!sqlite3_stmt_busy(stmt)); /* invariant (1) */
        sqlite3_clear_bindings(stmt);
    } else {
        if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL) != SQLITE_OK)
            return store_failed(store, err, "cannot use %s", store->path);
        store->cached[which] = stmt;
    }
    *out = stmt;
    return 0;
}

int store_writable(struct store *store, struct err *err)
{
    if (store->group && sqlite3_get_autocommit(store->db))
        return err_set(err, ERR_IO,
                       "an earlier error undid this group of writes to %s: end it and begin again",
                       store->path);
    return 0;
}

int store_step(sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    assert(rc != SQLITE_ROW);
    sqlite3_reset(stmt);
    return rc;
}

static int run_fixed(struct store *store, enum store_stmt which, const char *sql, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_cached(store, which, sql, &stmt, err);
    if (!rc && store_step(stmt) != SQLITE_DONE)
        rc = store_failed(store, err, "cannot write %s", store->path);
    return rc;
}

void bind_text(sqlite3_stmt *stmt, int i, const char *text)
{
    int rc = sqlite3_bind_text(stmt, i, text, -1, SQLITE_STATIC);
    assert(rc == SQLITE_OK);
}

void bind_int(sqlite3_stmt *stmt, int i, int64_t x)
{
    int rc = sqlite3_bind_int64(stmt, i, x);
    assert(rc == SQLITE_OK);
}

void bind_double(sqlite3_stmt *stmt, int i, double x)
{
    int rc = sqlite3_bind_double(stmt, i, x);
    assert(rc == SQLITE_OK);
}

void bind_doubles(sqlite3_stmt *stmt, int i, const double *x, size_t n)
{
    if (!x)
        return; /* an unbound parameter is NULL */
    uint64_t *bits = sqlite3_malloc64(n ? n * sizeof *bits : 1);
    assert(bits);
    for (size_t j = 0; j < n; j++) {
        uint64_t native;
        memcpy(&native, &x[j], sizeof native);
        bits[j] = htole64(native);
    }
    int rc = sqlite3_bind_blob64(stmt, i, bits, n * sizeof *bits, sqlite3_free);
    assert(rc == SQLITE_OK);
}

const char *column_text(sqlite3_stmt *stmt, int i)
{
    return (const char *)sqlite3_column_text(stmt, i);
}

int column_doubles(struct store *store, sqlite3_stmt *stmt, int i, double **out, size_t *n, struct err *err)
{
    *out = NULL;
    *n = 0;
    if (sqlite3_column_type(stmt, i) == SQLITE_NULL)
        return 0;
    const void *blob = sqlite3_column_blob(stmt, i);
    size_t bytes = (size_t)sqlite3_column_bytes(stmt, i);
    if (bytes % sizeof(double) != 0)
        return err_set(err, ERR_CORRUPT,
                       "%s: column %s has %zu bytes, which are not whole numbers: restore a backup",
                       store->path, sqlite3_column_name(stmt, i), bytes);
    *n = bytes / sizeof(double);
    *out = mem_zero(*n, sizeof(double));
    for (size_t j = 0; j < *n; j++) {
        uint64_t bits;
        memcpy(&bits, (const char *)blob + j * sizeof bits, sizeof bits);
        bits = le64toh(bits);
        memcpy(&(*out)[j], &bits, sizeof bits);
    }
    return 0;
}

/* ---- transactions ---- */

int store_begin(struct store *store, struct err *err)
{
    assert(!store->group);
    int rc = run_fixed(store, STMT_BEGIN, "BEGIN IMMEDIATE", err);
    if (!rc)
        store->group = true;
    return rc;
}

int store_commit(struct store *store, struct err *err)
{
    assert(store->group);
    int rc = store_writable(store, err);
    if (!rc)
        rc = run_fixed(store, STMT_COMMIT, "COMMIT", err);
    if (rc)
        store_rollback(store);
    store->group = false;
    return rc;
}

void store_rollback(struct store *store)
{
    if (!store->group)
        return;
    /* Cannot fail in a way that matters: what was not committed is not there at the next open either. */
    if (!sqlite3_get_autocommit(store->db))
        run_fixed(store, STMT_ROLLBACK, "ROLLBACK", NULL);
    store->group = false;
}

int store_mark(struct store *store, struct err *err)
{
    int rc = store_writable(store, err);
    return rc ? rc : run_fixed(store, STMT_SAVEPOINT, "SAVEPOINT one", err);
}

int store_release(struct store *store, struct err *err)
{
    int rc = run_fixed(store, STMT_RELEASE, "RELEASE one", err);
    if (rc)
        store_undo(store);
    return rc;
}

void store_undo(struct store *store)
{
    if (sqlite3_get_autocommit(store->db))
        return; /* SQLite has undone everything itself */
    run_fixed(store, STMT_ROLLBACK_TO, "ROLLBACK TO one", NULL);
    run_fixed(store, STMT_RELEASE, "RELEASE one", NULL);
}

/* ---- open and close ---- */

/* flock on PATH-lock: the kernel lets go of it with the process, and people may still read the database with
 * the sqlite3 shell. The path is SQLite's own, with links resolved, so two names of one file meet in one
 * lock. The lock file stays: removing it would let two processes hold locks on two files of the same name. */
static int take_lock(struct store *store, struct err *err)
{
    char *path = mem_printf("%s-lock", sqlite3_db_filename(store->db, "main"));
    char holder[32] = "";
    int rc = 0;
    store->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (store->lock_fd < 0) {
        rc = err_set(err, ERR_IO, "cannot open the lock file %s: %s", path, strerror(errno));
    } else if (flock(store->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = pread(store->lock_fd, holder, sizeof holder - 1, 0);
        holder[n > 0 ? n : 0] = 0;
        rc = errno == EWOULDBLOCK
                 ? err_set(err, ERR_CONFLICT, "%s is in use by another paretod (process %s): stop it first",
                           store->path, holder[0] ? holder : "unknown")
                 : err_set(err, ERR_IO, "cannot lock %s: %s", path, strerror(errno));
    } else {
        int n = snprintf(holder, sizeof holder, "%ld", (long)getpid());
        if (ftruncate(store->lock_fd, 0) != 0 || pwrite(store->lock_fd, holder, (size_t)n, 0) != n)
            rc = err_set(err, ERR_IO, "cannot write the lock file %s: %s", path, strerror(errno));
    }
    mem_free(path);
    return rc;
}

/* One row with one text is expected: `want`, compared as a whole. */
static int expect(struct store *store, const char *sql, const char *want, const char *advice, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_prepare(store, sql, &stmt, err);
    if (rc)
        return rc;
    if (sqlite3_step(stmt) != SQLITE_ROW) {
        rc = store_failed(store, err, "cannot use %s", store->path);
    } else {
        const char *got = column_text(stmt, 0);
        if (!got || strcmp(got, want) != 0)
            rc = err_set(err, ERR_CORRUPT, "%s: \"%s\" answers \"%s\": %s", store->path, sql,
                         got ? got : "nothing", advice);
    }
    sqlite3_finalize(stmt);
    return rc;
}

static int check_whole(struct store *store, struct err *err)
{
    sqlite3_stmt *stmt;
    int rc = store_prepare(store, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size",
                           &stmt, err);
    if (rc)
        return rc;
    bool small = sqlite3_step(stmt) == SQLITE_ROW && sqlite3_column_int64(stmt, 0) <= CHECK_BYTES_MAX;
    sqlite3_finalize(stmt);
    return small
               ? expect(store, "PRAGMA quick_check(1)", "ok", "restore a backup, or move the file away", err)
               : 0;
}

static int set_up(struct store *store, struct err *err)
{
    static const char *const settings[] = {
        "PRAGMA synchronous = FULL", "PRAGMA foreign_keys = ON", "PRAGMA cell_size_check = ON",
        "PRAGMA journal_size_limit = 16777216", /* a burst does not leave a huge log behind */
    };
    int version;
    int rc = schema_check(store, &version, err);
    if (rc)
        return rc;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (sqlite3_exec(store->db, settings[i], NULL, NULL, NULL) != SQLITE_OK)
            return store_failed(store, err, "cannot set up %s", store->path);
    rc = version > 0 ? check_whole(store, err) : 0;
    if (!rc)
        rc = expect(store, "PRAGMA journal_mode = WAL", "wal", "keep the file on a local disk", err);
    if (!rc)
        rc = schema_migrate(store, version, err);
    return rc;
}

int store_open(const char *path, struct store **out, struct err *err)
{
    struct store *store = mem_zero(1, sizeof *store);
    *out = NULL;
    store->path = mem_strdup(path);
    store->lock_fd = -1;
    int rc = sqlite3_open_v2(path, &store->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK) {
        rc = store->db ? store_failed(store, err, "cannot open the database %s", path)
                       : err_set(err, ERR_IO, "cannot open the database %s: out of memory", path);
        goto fail;
    }
    sqlite3_extended_result_codes(store->db, 1);
    sqlite3_busy_timeout(store->db, BUSY_MS);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
    rc = take_lock(store, err);
    if (!rc)
        rc = set_up(store, err);
    if (rc)
        goto fail;
    *out = store;
    return 0;
fail:
    store_close(store);
    return rc;
}

void store_close(struct store *store)
{
    if (!store)
        return;
    store_rollback(store);
    for (int i = 0; i < STMT_N; i++)
        sqlite3_finalize(store->cached[i]);
    int rc = sqlite3_close(store->db);
    assert(rc == SQLITE_OK); /* every statement is finalised */
    if (store->lock_fd >= 0)
        close(store->lock_fd); /* last: nobody may open the file before SQLite has let go of it */
    mem_free(store->path);
    mem_free(store);
}
