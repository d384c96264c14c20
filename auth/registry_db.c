/* registry_db.c — see registry_db.h. */
#include "registry_db.h"
#include "gw/util.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_MS 2000 /* for one that is just being killed */

GW_DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_finalize)

struct gw_registry_db {
	sqlite3 *sq;
	char *path;
	char error[128]; /* of the last change that failed */
};

/* ---- statements */

static sqlite3_stmt *
prepare(struct gw_registry_db *db, const char *sql)
{
	sqlite3_stmt *st = NULL;

	return sqlite3_prepare_v2(db->sq, sql, -1, &st, NULL) == SQLITE_OK
		       ? st : NULL;
}

static bool
run(sqlite3_stmt *st)
{
	return st != NULL && sqlite3_step(st) == SQLITE_DONE;
}

static bool
exec(struct gw_registry_db *db, const char *sql)
{
	return sqlite3_exec(db->sq, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static bool
run_for(struct gw_registry_db *db, const char *sql, const char *id)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(db, sql);

	if (st != NULL)
		sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	return run(st);
}

/* Keeps the words of a failure, for what follows has its own. */
static bool
noted(struct gw_registry_db *db, bool ok)
{
	if (!ok)
		(void)snprintf(db->error, sizeof(db->error), "%s",
			       sqlite3_errmsg(db->sq));
	return ok;
}

/* The end of a transaction. */
static bool
commit(struct gw_registry_db *db, bool ok)
{
	if (noted(db, ok && exec(db, "COMMIT")))
		return true;
	if (sqlite3_get_autocommit(db->sq) == 0)
		(void)exec(db, "ROLLBACK");
	return false;
}

const char *
gw_registry_db_error(const struct gw_registry_db *db)
{
	return db->error;
}

static enum gw_err
failed(struct gw_registry_db *db, struct gw_error *err)
{
	bool is_locked = sqlite3_errcode(db->sq) == SQLITE_BUSY;

	return gw_fail(err, GW_ERR_FILE, "%.100s: %.60s", db->path,
		       is_locked ? "in use: does another gwd run with this "
				   "state_dir?" : sqlite3_errmsg(db->sq));
}

/* ---- opening */

static const char pragmas[] =
	"PRAGMA locking_mode=EXCLUSIVE;"
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=FULL;"
	"PRAGMA temp_store=MEMORY;"
	"PRAGMA trusted_schema=OFF;";

/* From each version to the next, beginning with nothing. A new file takes
 * all of these steps, so each is tried at every start of a test. */
static const char *const steps[] = {
	"CREATE TABLE IF NOT EXISTS ca ("
	" id TEXT PRIMARY KEY, der BLOB NOT NULL, state INTEGER NOT NULL,"
	" reason TEXT NOT NULL, registered INTEGER NOT NULL,"
	" since INTEGER NOT NULL, ocsp_url TEXT NOT NULL,"
	" ocsp_mode INTEGER NOT NULL) STRICT;"
	"CREATE TABLE IF NOT EXISTS client_auth ("
	" one INTEGER PRIMARY KEY CHECK (one = 1),"
	" enabled INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;"
	"INSERT OR IGNORE INTO client_auth VALUES (1, 1, 0);",

	"CREATE TABLE ca_setting ("
	" ca TEXT NOT NULL, key TEXT NOT NULL, position INTEGER NOT NULL,"
	" value TEXT NOT NULL, PRIMARY KEY (ca, key, position)) STRICT;"
	"INSERT INTO ca_setting"
	" SELECT id, 'ocsp_url', 0, ocsp_url FROM ca WHERE ocsp_url <> '';"
	/* a mode that there is not stays one, and the row is damaged */
	"INSERT INTO ca_setting SELECT id, 'ocsp_mode', 0, CASE ocsp_mode"
	" WHEN 1 THEN 'override' ELSE CAST(ocsp_mode AS TEXT) END"
	" FROM ca WHERE ocsp_mode <> 0;"
	"ALTER TABLE ca DROP COLUMN ocsp_url;"
	"ALTER TABLE ca DROP COLUMN ocsp_mode;",
};

static int64_t
number_of(struct gw_registry_db *db, const char *sql)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(db, sql);

	return st != NULL && sqlite3_step(st) == SQLITE_ROW
		       ? sqlite3_column_int64(st, 0) : -1;
}

/* Within a transaction, of which the version is part. */
static bool
upgrade(struct gw_registry_db *db, size_t version)
{
	gw_auto(free) char *set = gw_xasprintf("PRAGMA user_version=%zu",
					       GW_COUNT(steps));
	bool ok = true;

	for (size_t i = version; ok && i < GW_COUNT(steps); i++)
		ok = exec(db, steps[i]);
	return ok && exec(db, set);
}

static enum gw_err
bring_up_to_date(struct gw_registry_db *db, struct gw_error *err)
{
	int64_t version;

	if (!exec(db, pragmas) || !exec(db, "BEGIN IMMEDIATE"))
		return failed(db, err);
	version = number_of(db, "PRAGMA user_version");
	if (version < 0)
		return failed(db, err);
	if (version > (int64_t)GW_COUNT(steps))
		return gw_fail(err, GW_ERR_FILE, "%.100s: written by a newer "
			       "gwd", db->path);
	if (version < (int64_t)GW_COUNT(steps) &&
	    !upgrade(db, (size_t)version))
		return failed(db, err);
	return exec(db, "COMMIT") ? GW_ERR_OK : failed(db, err);
}

static int
open_private(const char *path, sqlite3 **out)
{
	mode_t before = umask(077);
	int rc = sqlite3_open_v2(path, out, SQLITE_OPEN_READWRITE |
				 SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
				 SQLITE_OPEN_NOFOLLOW, NULL);

	umask(before);
	return rc;
}

enum gw_err
gw_registry_db_open(const char *path, struct gw_registry_db **out,
		    struct gw_error *err)
{
	struct gw_registry_db *db = gw_xcalloc(1, sizeof(*db));
	enum gw_err rc;

	db->path = gw_xstrdup(path);
	if (open_private(path, &db->sq) != SQLITE_OK) {
		rc = failed(db, err);
	} else {
		(void)sqlite3_busy_timeout(db->sq, BUSY_MS);
		rc = bring_up_to_date(db, err);
	}
	if (rc == GW_ERR_OK)
		*out = db;
	else
		gw_registry_db_free(db);
	return rc;
}

void
gw_registry_db_free(struct gw_registry_db *db)
{
	if (db == NULL)
		return;
	(void)sqlite3_close(db->sq);
	free(db->path);
	free(db);
}

/* ---- reading */

/* What has a NUL inside is none of ours. */
static const char *
text_of(sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	if (s == NULL || strlen(s) != (size_t)sqlite3_column_bytes(st, column))
		return "";
	return s;
}

static bool
load_settings(struct gw_registry_db *db, const char *id,
	      struct gw_settings *out, struct gw_error *why)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(db,
		"SELECT key, value FROM ca_setting WHERE ca = ?1 "
		"ORDER BY key, position");
	int rc = SQLITE_ERROR;

	if (st != NULL)
		sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
	while (st != NULL && (rc = sqlite3_step(st)) == SQLITE_ROW)
		if (*text_of(st, 1) == '\0' ||
		    !gw_settings_add(out, text_of(st, 0), text_of(st, 1))) {
			gw_fail(why, GW_ERR_FILE, "setting '%.20s'",
				text_of(st, 0));
			return false;
		}
	return rc == SQLITE_DONE;
}

static bool
load_row(struct gw_registry_db *db, sqlite3_stmt *st, gw_registry_row_fn *fn,
	 void *ctx, struct gw_error *why)
{
	struct gw_settings settings = { .count = 0 };
	const struct gw_registry_row row = {
		.id = text_of(st, 0),
		.der = { sqlite3_column_blob(st, 1),
			 (size_t)sqlite3_column_bytes(st, 1) },
		.state = sqlite3_column_int64(st, 2),
		.reason = text_of(st, 3),
		.registered = sqlite3_column_int64(st, 4),
		.since = sqlite3_column_int64(st, 5),
		.settings = &settings,
	};

	return load_settings(db, row.id, &settings, why) && fn(ctx, &row, why);
}

/* Settings of nobody are a sign that something is missing. */
static enum gw_err
check_orphans(struct gw_registry_db *db, struct gw_error *err)
{
	int64_t n = number_of(db, "SELECT count(*) FROM ca_setting "
				  "WHERE ca NOT IN (SELECT id FROM ca)");

	if (n < 0)
		return failed(db, err);
	return n == 0 ? GW_ERR_OK
		      : gw_fail(err, GW_ERR_FILE, "%.100s: damaged: settings "
				"of a CA that is not there", db->path);
}

enum gw_err
gw_registry_db_load(struct gw_registry_db *db, gw_registry_row_fn *fn,
		    void *ctx, struct gw_error *err)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(db,
		"SELECT id, der, state, reason, registered, since FROM ca "
		"ORDER BY registered, id");
	struct gw_error why = { .detail = "" };
	int rc = SQLITE_ERROR;

	while (st != NULL && (rc = sqlite3_step(st)) == SQLITE_ROW)
		if (!load_row(db, st, fn, ctx, &why))
			return gw_fail(err, GW_ERR_FILE,
				       "%.60s: the row of %.12s is damaged%s%s",
				       db->path, text_of(st, 0),
				       *why.detail != '\0' ? ": " : "",
				       why.detail);
	return rc == SQLITE_DONE ? check_orphans(db, err) : failed(db, err);
}

bool
gw_registry_db_client_auth(struct gw_registry_db *db, bool *out_on,
			   time_t *out_since)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st =
		prepare(db, "SELECT enabled, since FROM client_auth");

	if (!noted(db, st != NULL && sqlite3_step(st) == SQLITE_ROW))
		return false;
	*out_on = sqlite3_column_int(st, 0) == 1;
	*out_since = sqlite3_column_int64(st, 1);
	return true;
}

/* ---- writing */

static bool
write_ca(struct gw_registry_db *db, const struct gw_registry_row *row)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(db,
		"INSERT OR REPLACE INTO ca (id, der, state, reason, "
		"registered, since) VALUES (?1, ?2, ?3, ?4, ?5, ?6)");

	if (st == NULL)
		return false;
	sqlite3_bind_text(st, 1, row->id, -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, 2, row->der.p, (int)row->der.len, SQLITE_STATIC);
	sqlite3_bind_int64(st, 3, row->state);
	sqlite3_bind_text(st, 4, row->reason, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 5, row->registered);
	sqlite3_bind_int64(st, 6, row->since);
	return run(st);
}

/* Positions count through all settings: their order within a key is kept,
 * and more is not needed. */
static bool
write_settings(struct gw_registry_db *db, const char *id,
	       const struct gw_settings *s)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(db,
		"INSERT INTO ca_setting (ca, key, position, value) "
		"VALUES (?1, ?2, ?3, ?4)");
	struct gw_setting at = { NULL, NULL };
	bool ok = st != NULL;

	for (int i = 0; ok && gw_settings_next(s, &at); i++) {
		sqlite3_bind_text(st, 1, id, -1, SQLITE_STATIC);
		sqlite3_bind_text(st, 2, at.key, -1, SQLITE_STATIC);
		sqlite3_bind_int(st, 3, i);
		sqlite3_bind_text(st, 4, at.value, -1, SQLITE_STATIC);
		ok = run(st) && sqlite3_reset(st) == SQLITE_OK;
	}
	return ok;
}

static const char no_settings[] = "DELETE FROM ca_setting WHERE ca = ?1";

bool
gw_registry_db_write(struct gw_registry_db *db,
		     const struct gw_registry_row *row)
{
	return noted(db, exec(db, "BEGIN IMMEDIATE")) &&
	       commit(db, write_ca(db, row) &&
			  run_for(db, no_settings, row->id) &&
			  write_settings(db, row->id, row->settings));
}

bool
gw_registry_db_remove(struct gw_registry_db *db, const char *id)
{
	return noted(db, exec(db, "BEGIN IMMEDIATE")) &&
	       commit(db, run_for(db, no_settings, id) &&
			  run_for(db, "DELETE FROM ca WHERE id = ?1", id));
}

bool
gw_registry_db_move(struct gw_registry_db *db, int from, int to,
		    const char *reason, int64_t now)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(db,
		"UPDATE ca SET state = ?1, reason = ?2, since = ?3 "
		"WHERE state = ?4");

	if (st != NULL) {
		sqlite3_bind_int(st, 1, to);
		sqlite3_bind_text(st, 2, reason, -1, SQLITE_STATIC);
		sqlite3_bind_int64(st, 3, now);
		sqlite3_bind_int(st, 4, from);
	}
	return noted(db, run(st));
}

bool
gw_registry_db_set_client_auth(struct gw_registry_db *db, bool on,
			       time_t since)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(db,
		"UPDATE client_auth SET enabled = ?1, since = ?2");

	if (st != NULL) {
		sqlite3_bind_int(st, 1, on);
		sqlite3_bind_int64(st, 2, since);
	}
	return noted(db, run(st));
}
