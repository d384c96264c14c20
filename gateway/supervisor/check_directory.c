/* check_directory.c — the domain, its controllers, and the keytab. */
#include "check.h"
#include "syntax.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define KEYTAB_MIN 4 /* version and something */

static bool
check_domain_controllers(struct gw_check *k)
{
	const struct gw_strlist *l =
		&k->s->conf.directory.domain_controllers;

	for (size_t i = 0; i < l->n; i++) {
		gw_auto(free) char *name = gw_xstrdup(l->v[i]);
		char *at = strchr(name, '@');
		unsigned char raw[sizeof(struct in6_addr)];

		if (at != NULL)
			*at++ = '\0';
		if (gw_is_host(name) && (at == NULL ||
				      inet_pton(AF_INET, at, raw) == 1 ||
				      inet_pton(AF_INET6, at, raw) == 1))
			continue;
		return gw_complain(k->c, gw_check_line(k, "directory", 0,
						       "domain_controllers"),
				   "domain_controllers: '%s' is not NAME or "
				   "NAME@ADDRESS", l->v[i]);
	}
	return true;
}

static bool
check_keytab(struct gw_check *k)
{
	int line = gw_check_line(k, "directory", 0, "keytab");
	struct gw_file f = { .purpose = GW_FILE_KEYTAB };
	const char *path = k->s->conf.directory.keytab;

	if (!gw_check_load(k, line, "keytab", path, &f))
		return false;
	if (f.len < KEYTAB_MIN || f.data[0] != 0x05 || f.data[1] != 0x02) {
		gw_file_clear(&f);
		return gw_complain(k->c, line, "keytab: %s: not a keytab (it "
				   "would start with the bytes 05 02)", path);
	}
	gw_setup_keep(k->s, &f);
	return true;
}

bool
gw_check_directory(struct gw_check *k)
{
	const struct gw_conf_directory *d = &k->s->conf.directory;

	if (!gw_check_needs(k, &gw_conf_sections[1]))
		return true;
	if (!gw_is_realm(d->realm))
		return gw_complain(k->c,
				   gw_check_line(k, "directory", 0, "realm"),
				   "realm: '%s' is not a realm; Active "
				   "Directory's are the domain's name in "
				   "capitals", d->realm);
	if (!gw_is_host(d->domain))
		return gw_complain(k->c,
				   gw_check_line(k, "directory", 0, "domain"),
				   "domain: '%s' is not a domain name",
				   d->domain);
	if (strpbrk(d->service_account, "@/\\\"") != NULL)
		return gw_complain(k->c,
				   gw_check_line(k, "directory", 0,
						 "service_account"),
				   "service_account: '%s': give the "
				   "sAMAccountName alone, without realm or "
				   "domain", d->service_account);
	return check_domain_controllers(k) && check_keytab(k);
}
