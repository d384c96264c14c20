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
	sqlite3_stmt *put, *remove, *revoke, *unrevoke;
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
	" until INTEGER NOT NULL, as_of INTEGER NOT NULL,"
	" name BLOB NOT NULL) STRICT, WITHOUT ROWID;"
	"CREATE TABLE IF NOT EXISTS revoked (name BLOB PRIMARY KEY,"
	" until INTEGER NOT NULL, as_of INTEGER NOT NULL)"
	" STRICT, WITHOUT ROWID;"
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
prepare_one(struct gw_kept *k, const char *sql, sqlite3_stmt **out)
{
	return sqlite3_prepare_v2(k->db, sql, -1, out, NULL) == SQLITE_OK;
}

/* A file of an earlier version, whose tables differ, fails here. */
static bool
prepare(struct gw_kept *k)
{
	return prepare_one(k, "INSERT OR REPLACE INTO good (key, until,"
			      " as_of, name) VALUES (?1, ?2, ?3, ?4)",
			   &k->put) &&
	       prepare_one(k, "DELETE FROM good WHERE key = ?1",
			   &k->remove) &&
	       prepare_one(k, "INSERT OR REPLACE INTO revoked (name, until,"
			      " as_of) VALUES (?1, ?2, ?3)", &k->revoke) &&
	       prepare_one(k, "DELETE FROM revoked WHERE name = ?1",
			   &k->unrevoke);
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
	sqlite3_finalize(k->revoke);
	sqlite3_finalize(k->unrevoke);
	(void)sqlite3_close(k->db);
	k->put = k->remove = k->revoke = k->unrevoke = NULL;
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

/* The rows of a table that have not ended, by a SELECT of theirs. */
static sqlite3_stmt *
living(struct gw_kept *k, const char *table, const char *select, time_t now)
{
	gw_auto(free) char *sql = gw_xasprintf(
		"DELETE FROM %s WHERE until <= %lld", table, (long long)now);
	sqlite3_stmt *st = NULL;

	if (k == NULL || !exec(k, sql) || !prepare_one(k, select, &st))
		return NULL;
	return st;
}

static bool
read_hash(sqlite3_stmt *st, int column, uint8_t out[GW_HASH])
{
	if (sqlite3_column_bytes(st, column) != GW_HASH)
		return false;
	memcpy(out, sqlite3_column_blob(st, column), GW_HASH);
	return true;
}

void
gw_kept_load(struct gw_kept *k, time_t now,
	     void (*fn)(void *arg, const struct gw_kept_good *g), void *arg)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = NULL;
	struct gw_kept_good g;

	if (k == NULL || k->is_void)
		return;
	st = living(k, "good", "SELECT key, name, as_of, until FROM good "
			       "ORDER BY until", now);
	while (st != NULL && sqlite3_step(st) == SQLITE_ROW) {
		if (!read_hash(st, 0, g.key) || !read_hash(st, 1, g.name))
			continue;
		g.as_of = sqlite3_column_int64(st, 2);
		g.until = sqlite3_column_int64(st, 3);
		fn(arg, &g);
	}
}

void
gw_kept_load_revoked(struct gw_kept *k, time_t now,
		     void (*fn)(void *arg, const uint8_t name[GW_HASH],
				time_t as_of), void *arg)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st =
		living(k, "revoked", "SELECT name, as_of FROM revoked "
				     "ORDER BY as_of", now);
	uint8_t name[GW_HASH];

	while (st != NULL && sqlite3_step(st) == SQLITE_ROW)
		if (read_hash(st, 0, name))
			fn(arg, name, sqlite3_column_int64(st, 1));
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
gw_kept_put(struct gw_kept *k, const struct gw_kept_good *g)
{
	if (k == NULL || k->is_void)
		return;
	sqlite3_bind_int64(k->put, 2, g->until);
	sqlite3_bind_int64(k->put, 3, g->as_of);
	sqlite3_bind_blob(k->put, 4, g->name, GW_HASH, SQLITE_STATIC);
	change(k, k->put, g->key);
}

/* Both at once: what is revoked must not come back. */
void
gw_kept_remove(struct gw_kept *k, const uint8_t key[GW_HASH])
{
	if (k == NULL)
		return;
	change(k, k->remove, key);
	commit(k);
}

void
gw_kept_revoke(struct gw_kept *k, const uint8_t name[GW_HASH], time_t as_of,
	       time_t until)
{
	if (k == NULL)
		return;
	sqlite3_bind_int64(k->revoke, 2, until);
	sqlite3_bind_int64(k->revoke, 3, as_of);
	change(k, k->revoke, name);
	commit(k);
}

void
gw_kept_unrevoke(struct gw_kept *k, const uint8_t name[GW_HASH])
{
	if (k != NULL)
		change(k, k->unrevoke, name);
}
