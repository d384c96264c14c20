/* opened.c — see opened.h. */
#include "opened.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

struct gw_registry *reg;
char path[64];

static char dir[] = "/tmp/gwd-reg-XXXXXX";

enum gw_err
open_again(const char *crl_dir, struct gw_error *err)
{
	gw_registry_free(reg);
	reg = NULL;
	return gw_registry_open(path, crl_dir, time(NULL), &reg, err);
}

void
reopen(void)
{
	struct gw_error err = { .code = GW_ERR_OK };

	cr_assert_eq(open_again(CRL_DIR, &err), GW_ERR_OK, "%s", err.detail);
}

void
registry_begin(void)
{
	cr_assert_not_null(mkdtemp(dir));
	gw_format(path, sizeof(path), "%s/registry.db", dir);
	reopen();
}

void
registry_finish(void)
{
	static const char *const ends[] = { "", "-wal", "-journal", "-shm" };
	char name[80];

	gw_registry_free(reg);
	for (size_t i = 0; i < GW_COUNT(ends); i++) {
		gw_format(name, sizeof(name), "%s%s", path, ends[i]);
		(void)unlink(name);
	}
	(void)rmdir(dir);
}
