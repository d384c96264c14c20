/* error.c — the list of errors.def as tables. */
#include "gw/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *user, *cause, *cure;
	int status;
} list[GW_ERR_COUNT] = {
#define X(id, n, st, u, ca, cu) \
	[GW_ERR_##id] = { .name = n, .user = u, .cause = ca, .cure = cu, \
			  .status = st },
#include "gw/errors.def"
#undef X
};

/* A code that never came through gw_err_from_wire() is a defect here, but it
 * must still not read beyond the table. */
static enum gw_err
known(enum gw_err code)
{
	return (unsigned)code < GW_ERR_COUNT ? code : GW_ERR_INTERNAL;
}

enum gw_err
gw_fail(struct gw_error *err, enum gw_err code, const char *fmt, ...)
{
	va_list ap;

	if (err == NULL)
		return code;
	err->code = code;
	va_start(ap, fmt);
	if (vsnprintf(err->detail, sizeof(err->detail), fmt, ap) < 0)
		err->detail[0] = '\0';
	va_end(ap);
	return code;
}

enum gw_err
gw_err_from_wire(uint32_t code)
{
	return code < GW_ERR_COUNT ? (enum gw_err)code : GW_ERR_INTERNAL;
}

const char *
gw_err_name(enum gw_err code)
{
	return list[known(code)].name;
}

int
gw_err_http_status(enum gw_err code)
{
	return list[known(code)].status;
}

const char *
gw_err_user_text(enum gw_err code)
{
	return list[known(code)].user;
}

const char *
gw_err_cause(enum gw_err code)
{
	return list[known(code)].cause;
}

const char *
gw_err_cure(enum gw_err code)
{
	return list[known(code)].cure;
}

void
gw_err_stage(enum gw_err code, char out[16])
{
	const char *name = gw_err_name(code);
	size_t len = strcspn(name, "-");

	len = GW_MIN(len, (size_t)15);
	memcpy(out, name, len);
	out[len] = '\0';
}

enum gw_err
gw_err_by_name(const char *name)
{
	for (unsigned i = 0; i < GW_ERR_COUNT; i++)
		if (strcmp(list[i].name, name) == 0)
			return (enum gw_err)i;
	return GW_ERR_COUNT;
}
