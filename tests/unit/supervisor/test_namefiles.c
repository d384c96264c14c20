/* resolv.conf and the hosts file as gwd sees them change. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "namefiles.h"

static char dir[32], resolv[64], hosts[64], fresh[64];
static struct gw_namefiles *n;

static void
write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	cr_assert(f != NULL && fputs(text, f) >= 0);
	fclose(f);
}

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "/tmp/gwd-names-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	snprintf(resolv, sizeof(resolv), "%s/resolv.conf", dir);
	snprintf(hosts, sizeof(hosts), "%s/hosts", dir);
	snprintf(fresh, sizeof(fresh), "%s/new", dir);
	n = gw_namefiles_new(resolv, hosts);
}

static void
teardown(void)
{
	gw_namefiles_free(n);
	(void)unlink(resolv);
	(void)unlink(hosts);
	(void)unlink(fresh);
	rmdir(dir);
}

TestSuite(namefiles, .init = setup, .fini = teardown);

static void
expect(size_t i, const char *name, const char *text)
{
	const struct gw_file *f = gw_namefiles_get(n, i);

	cr_expect_eq(f->purpose, GW_FILE_NAMES);
	cr_expect_str_eq(f->name, name);
	cr_expect(f->len == strlen(text) &&
		  memcmp(f->data, text, f->len) == 0, "%s: %.*s", name,
		  (int)f->len, (const char *)f->data);
}

Test(namefiles, as_they_are)
{
	write_file(resolv, "nameserver 192.0.2.1\n");
	write_file(hosts, "192.0.2.1 a\n");
	cr_expect(gw_namefiles_look(n));
	expect(0, GW_RESOLV_CONF, "nameserver 192.0.2.1\n");
	expect(1, GW_HOSTS, "192.0.2.1 a\n");
	cr_expect_not(gw_namefiles_look(n), "nothing has changed");
}

Test(namefiles, none_there)
{
	cr_expect(gw_namefiles_look(n));
	expect(0, GW_RESOLV_CONF, "");
	cr_expect_not(gw_namefiles_look(n));
	write_file(hosts, "192.0.2.1 a\n");
	cr_expect(gw_namefiles_look(n));
	expect(1, GW_HOSTS, "192.0.2.1 a\n");
	unlink(hosts);
	cr_expect(gw_namefiles_look(n));
	expect(1, GW_HOSTS, "");
}

Test(namefiles, replaced)
{
	write_file(resolv, "nameserver 192.0.2.1\n");
	cr_expect(gw_namefiles_look(n));
	write_file(fresh, "nameserver 192.0.2.2\n");
	cr_assert_eq(rename(fresh, resolv), 0);
	cr_expect(gw_namefiles_look(n));
	expect(0, GW_RESOLV_CONF, "nameserver 192.0.2.2\n");
}

/* As systemd-resolved has it. */
Test(namefiles, through_a_link)
{
	write_file(fresh, "nameserver 192.0.2.1\n");
	cr_assert_eq(symlink(fresh, resolv), 0);
	cr_expect(gw_namefiles_look(n));
	write_file(fresh, "nameserver 192.0.2.33\n");
	cr_expect(gw_namefiles_look(n));
	expect(0, GW_RESOLV_CONF, "nameserver 192.0.2.33\n");
}

Test(namefiles, too_large)
{
	FILE *f = fopen(hosts, "w");
	const struct gw_file *got = gw_namefiles_get(n, 1);

	for (int i = 0; i < 10000; i++)
		fputs("192.0.2.1 a.example\n", f);
	fclose(f);
	cr_expect(gw_namefiles_look(n));
	cr_expect_leq(got->len, GW_FILE_MAX);
	cr_expect_gt(got->len, GW_FILE_MAX - 100);
	cr_expect_eq(got->data[got->len - 1], '\n', "whole lines");
}
