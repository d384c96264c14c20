/* gw/error.h — how things fail here. Linked into every process.
 *
 * A function that can fail returns enum gw_err; GW_ERR_OK is zero. Details
 * go into a fixed buffer, so that failing never allocates. Verdicts are
 * something else: see gw/proto.h. */
#ifndef GW_ERROR_H
#define GW_ERROR_H

#include "gw/compiler.h"

enum gw_err {
#define X(id, name, status, user, cause, cure) GW_ERR_##id,
#include "gw/errors.def"
#undef X
	GW_ERR_COUNT
};

#define GW_DETAIL_MAX 192

struct gw_error {
	enum gw_err code;
	char detail[GW_DETAIL_MAX]; /* for operators, never for users */
};

/* Fill `err` (may be NULL) and return `code`. */
enum gw_err gw_fail(struct gw_error *err, enum gw_err code, const char *fmt,
		    ...) GW_PRINTF(3, 4);

/* A code from outside this process, or GW_ERR_INTERNAL when out of range. */
enum gw_err gw_err_from_wire(uint32_t code);

const char *gw_err_name(enum gw_err code);
int         gw_err_http_status(enum gw_err code);
const char *gw_err_user_text(enum gw_err code);
const char *gw_err_cause(enum gw_err code);
const char *gw_err_cure(enum gw_err code);
/* The stage a name belongs to: the text before its first '-'. At most 15
 * characters and the NUL are written to `out`. */
void gw_err_stage(enum gw_err code, char out[16]);
/* GW_ERR_COUNT when there is no such name. */
enum gw_err gw_err_by_name(const char *name);

#endif
