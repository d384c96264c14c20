/* gateway/supervisor/health_priv.h — the judgement as its files share it:
 * health.c has the list of sections and the verdict, health_directory.c and
 * health_cert.c judge theirs, health_say.c keeps what was found. Included by
 * nobody else. Rows may be missing or malformed: then nothing is read. */
#ifndef GW_HEALTH_PRIV_H
#define GW_HEALTH_PRIV_H

#include <string.h>

#include "health.h"

enum gw_severity { NOTE, WARNING, CRITICAL };

struct gw_judge {
	const json_t *status;
	json_t *found[CRITICAL + 1]; /* arrays */
	int64_t now;
};

/* ---- reading rows */

static inline const char *
text(const json_t *row, const char *key)
{
	const char *s = json_string_value(json_object_get(row, key));

	return s != NULL ? s : "";
}

static inline bool
is(const json_t *row, const char *key, const char *value)
{
	return strcmp(text(row, key), value) == 0;
}

static inline int64_t
number(const json_t *row, const char *key)
{
	return json_integer_value(json_object_get(row, key));
}

static inline bool
has(const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key);

	return v != NULL && !json_is_null(v);
}

/* The children say yes/no as booleans or words; what is unknown is neither. */
static inline bool
is_no(const json_t *row, const char *key)
{
	const json_t *v = json_object_get(row, key);

	return json_is_false(v) || is(row, key, "no");
}

/* ---- health_say.c */

void gw_say(struct gw_judge *j, enum gw_severity sev, const char *cure,
	    const char *fmt, ...) GW_PRINTF(4, 5);
/* The cure of the list of errors, when the text begins with a name of it. */
const char *gw_cure_of(const char *error, const char *otherwise);
bool gw_is_good(const char *state);
/* Warns of each row whose state is not good; whether that is every one. */
bool gw_none_is_good(struct gw_judge *j, const json_t *rows,
		     void (*warn)(struct gw_judge *j, const json_t *row));
/* Between a state and its reason, when one is given. */
const char *gw_colon(const char *why);

/* ---- health_directory.c, health_cert.c: each judges one section */

void gw_judge_dcs(struct gw_judge *j, const json_t *rows);
void gw_judge_service(struct gw_judge *j, const json_t *row);
void gw_judge_kdc(struct gw_judge *j, const json_t *row);
void gw_judge_cas(struct gw_judge *j, const json_t *rows);
void gw_judge_lists(struct gw_judge *j, const json_t *rows);
void gw_judge_responders(struct gw_judge *j, const json_t *rows);
void gw_judge_listeners(struct gw_judge *j, const json_t *rows);

#endif
