/* kept.c — see kept.h. One transaction stays open for a second and takes what
 * comes; synchronous=NORMAL: a crash of the machine may lose the last ones. */
#include "kept.h"
#include "gw/log.h"
#include "gw/util.h"

#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COMMIT_MS 1000

GW_DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_finalize)

struct gw_kept {
	struct gw_loop *loop;
	sqlite3 *db;
	sqlite3_stmt *put, *remove;
	struct gw_timer timer;
	bool is_open; /* the transaction */
	bool is_void; /* old answers could not be removed: none is believed */
};

static const char schema[] =
	"PRAGMA locking_mode=EXCLUSIVE;"
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=NORMAL;"
	"PRAGMA temp_store=MEMORY;"
	"PRAGMA trusted_schema=OFF;"
	"CREATE TABLE IF NOT EXISTS good (key BLOB PRIMARY KEY,"
	" until INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS settings (one INTEGER PRIMARY KEY"
	" CHECK (one = 1), digest BLOB NOT NULL) STRICT;";

static bool
exec(struct gw_kept *k, const char *sql)
{
	return sqlite3_exec(k->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static void
commit(struct gw_kept *k)
{
	if (k->is_open && !exec(k, "COMMIT"))
		(void)exec(k, "ROLLBACK");
	k->is_open = false;
}

static void
on_timer(struct gw_timer *t)
{
	commit(GW_CONTAINER(t, struct gw_kept, timer));
}

static bool
prepare(struct gw_kept *k)
{
	return sqlite3_prepare_v2(k->db, "INSERT OR REPLACE INTO good "
				  "VALUES (?1, ?2)", -1, &k->put, NULL) ==
		       SQLITE_OK &&
	       sqlite3_prepare_v2(k->db, "DELETE FROM good WHERE key = ?1",
				  -1, &k->remove, NULL) == SQLITE_OK;
}

static bool
open_db(struct gw_kept *k, const char *path)
{
	mode_t before = umask(077);
	int rc = sqlite3_open_v2(path, &k->db, SQLITE_OPEN_READWRITE |
				 SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
				 SQLITE_OPEN_NOFOLLOW, NULL);

	umask(before);
	return rc == SQLITE_OK && exec(k, schema) && prepare(k);
}

static void
close_db(struct gw_kept *k)
{
	sqlite3_finalize(k->put);
	sqlite3_finalize(k->remove);
	(void)sqlite3_close(k->db);
	k->put = k->remove = NULL;
	k->db = NULL;
}

struct gw_kept *
gw_kept_open(struct gw_loop *l, const char *path)
{
	struct gw_kept *k = gw_xcalloc(1, sizeof(*k));

	k->loop = l;
	k->timer.fn = on_timer;
	if (open_db(k, path))
		return k;
	gw_event(GW_LOG_WARN, "answers-begun-anew", "path", path, "why",
		 sqlite3_errmsg(k->db), NULL);
	close_db(k);
	(void)unlink(path);
	if (open_db(k, path))
		return k;
	gw_event(GW_LOG_WARN, "answers-not-kept", "path", path, "why",
		 sqlite3_errmsg(k->db), NULL);
	close_db(k);
	free(k);
	return NULL;
}

void
gw_kept_free(struct gw_kept *k)
{
	if (k == NULL)
		return;
	commit(k);
	gw_timer_stop(k->loop, &k->timer);
	close_db(k);
	free(k);
}

static bool
has_settings(struct gw_kept *k, const uint8_t digest[GW_HASH])
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = NULL;

	return sqlite3_prepare_v2(k->db, "SELECT digest FROM settings", -1,
				  &st, NULL) == SQLITE_OK &&
	       sqlite3_step(st) == SQLITE_ROW &&
	       sqlite3_column_bytes(st, 0) == GW_HASH &&
	       memcmp(sqlite3_column_blob(st, 0), digest, GW_HASH) == 0;
}

bool
gw_kept_settings(struct gw_kept *k, const uint8_t digest[GW_HASH])
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = NULL;

	if (k == NULL)
		return true;
	commit(k);
	if (has_settings(k, digest))
		return false;
	/* the digest last: half done is not done */
	k->is_void = true;
	if (exec(k, "DELETE FROM good") &&
	    sqlite3_prepare_v2(k->db, "INSERT OR REPLACE INTO settings "
			       "VALUES (1, ?1)", -1, &st, NULL) == SQLITE_OK) {
		sqlite3_bind_blob(st, 1, digest, GW_HASH, SQLITE_STATIC);
		k->is_void = sqlite3_step(st) != SQLITE_DONE;
	}
	return true;
}

void
gw_kept_load(struct gw_kept *k, time_t now,
	     void (*fn)(void *arg, const uint8_t key[GW_HASH],
			time_t good_until), void *arg)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = NULL;
	gw_auto(free) char *sql = gw_xasprintf(
		"DELETE FROM good WHERE until <= %lld", (long long)now);

	if (k == NULL || k->is_void || !exec(k, sql) ||
	    sqlite3_prepare_v2(k->db, "SELECT key, until FROM good "
			       "ORDER BY until", -1, &st, NULL) != SQLITE_OK)
		return;
	while (sqlite3_step(st) == SQLITE_ROW)
		if (sqlite3_column_bytes(st, 0) == GW_HASH)
			fn(arg, sqlite3_column_blob(st, 0),
			   sqlite3_column_int64(st, 1));
}

static void
change(struct gw_kept *k, sqlite3_stmt *st, const uint8_t key[GW_HASH])
{
	if (!k->is_open) {
		k->is_open = exec(k, "BEGIN IMMEDIATE");
		gw_timer_after(k->loop, &k->timer, COMMIT_MS);
	}
	sqlite3_bind_blob(st, 1, key, GW_HASH, SQLITE_STATIC);
	(void)sqlite3_step(st);
	(void)sqlite3_reset(st);
}

void
gw_kept_put(struct gw_kept *k, const uint8_t key[GW_HASH], time_t good_until)
{
	if (k == NULL || k->is_void)
		return;
	sqlite3_bind_int64(k->put, 2, good_until);
	change(k, k->put, key);
}

void
gw_kept_remove(struct gw_kept *k, const uint8_t key[GW_HASH])
{
	if (k == NULL)
		return;
	change(k, k->remove, key);
	commit(k); /* what is revoked must not come back */
}
