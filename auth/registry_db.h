/* auth/registry_db.h — registry.db: rows to and from SQLite. Linked into
 * gwd-auth only. Knows the form of what is kept; what it means is registry.h's.
 *
 * Every change is one transaction, on disk (WAL, synchronous=FULL) when the
 * call returns. The lock is exclusive, so there is no shared memory file and
 * no second writer. */
#ifndef GW_REGISTRY_DB_H
#define GW_REGISTRY_DB_H

#include "gw/error.h"
#include "gw/proto.h"
#include "gw/settings.h"

struct gw_registry_db;

/* One certificate; all borrowed. */
struct gw_registry_row {
	const char *id;
	struct gw_der der;
	int64_t state;
	const char *reason;
	int64_t registered, since;
	const struct gw_settings *settings;
};

/* Makes the file when there is none, and brings one of an earlier version up
 * to date. GW_ERR_FILE: cannot be opened, is damaged, was written by a newer
 * version, or another gwd has it. */
GW_MUST_CHECK enum gw_err gw_registry_db_open(const char *path,
					      struct gw_registry_db **out,
					      struct gw_error *err);
void gw_registry_db_free(struct gw_registry_db *db); /* NULL is fine */
/* Why the last change failed. */
const char *gw_registry_db_error(const struct gw_registry_db *db);

/* Whatever is in state `from` is in `to` now. */
GW_MUST_CHECK bool gw_registry_db_move(struct gw_registry_db *db, int from,
				       int to, const char *reason,
				       int64_t now);

/* The oldest first. Stops at the row that `fn` refuses, whose words come
 * after "the row of … is damaged". GW_ERR_FILE. */
typedef bool gw_registry_row_fn(void *ctx, const struct gw_registry_row *row,
				struct gw_error *why);
GW_MUST_CHECK enum gw_err gw_registry_db_load(struct gw_registry_db *db,
					      gw_registry_row_fn *fn,
					      void *ctx, struct gw_error *err);

/* Adds or replaces a row and its settings. */
GW_MUST_CHECK bool gw_registry_db_write(struct gw_registry_db *db,
					const struct gw_registry_row *row);
GW_MUST_CHECK bool gw_registry_db_remove(struct gw_registry_db *db,
					 const char *id);

GW_MUST_CHECK bool gw_registry_db_client_auth(struct gw_registry_db *db,
					      bool *out_on, time_t *out_since);
GW_MUST_CHECK bool gw_registry_db_set_client_auth(struct gw_registry_db *db,
						  bool on, time_t since);

#endif
