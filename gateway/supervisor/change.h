/* gateway/supervisor/change.h — an operator's change of the registry, from
 * JSON to the message gwd-auth gets, and its answer back to JSON. Linked into
 * gwd only. Pure: judges the form alone, gwd-auth judges the rest. */
#ifndef GW_CHANGE_H
#define GW_CHANGE_H

#include <jansson.h>
#include "gw/admin.h"

/* Fills `out` but for verb and fixed flags from a request's body, an object
 * with any of "pem", "settings", "allow_short", "force", "listener" and "at";
 * an empty body is an empty object. Settings are an object by key, each with
 * its value as in the configuration file, a list's with an array of them.
 * `*keep` must outlive `out`; the caller releases it in any case. NULL, or
 * what is wrong. */
GW_MUST_CHECK const char *gw_change_read(const char *body, size_t len,
					 struct gw_admin *out, json_t **keep);

/* {"id", "sessions_ended"}, the report of a trial, or {"error", "detail",
 * "cause", "cure"}. */
json_t *gw_change_answer(const struct gw_admin_done *d);

#endif
