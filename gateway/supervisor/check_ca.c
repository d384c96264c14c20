/* check_ca.c — the certificate authorities, and how their certificates are
 * asked about. */
#include "check.h"
#include "gw/util.h"

#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#define CAS_MAX 1000 /* certificates, all `ca` sections together */

/* One certificate as a file of its own. */
static void
keep_cert(struct gw_setup *s, enum gw_file_purpose purpose, const char *name,
	  struct gw_pem_cert *c)
{
	struct gw_file f = { .purpose = purpose, .data = c->pem,
			     .len = c->len };

	gw_assert(gw_copy(f.name, sizeof(f.name), name));
	c->pem = NULL;
	gw_setup_keep(s, &f);
}

static bool
load_ca(struct gw_check *k, size_t i)
{
	const struct gw_conf_ca *ca = &k->s->conf.cas[i];
	int line = gw_check_line(k, "ca", i, "file");
	struct gw_file f = { .purpose = GW_FILE_CA };
	struct gw_pem_list l;
	bool ok;

	if (!gw_check_load(k, line, "file", ca->file, &f))
		return false;
	ok = gw_pem_certs(f.data, f.len, &l);
	gw_file_clear(&f);
	if (!ok)
		(void)gw_complain(k->c, line, "file: %s: certificate %zu "
				  "cannot be parsed", ca->file, l.n + 1);
	else if (l.n == 0)
		ok = gw_complain(k->c, line, "file: %s: holds no certificate "
				 "in PEM form (a DER file is converted by "
				 "openssl x509 -inform DER)", ca->file);
	for (size_t j = 0; ok && j < l.n; j++) {
		if (!l.v[j].is_ca)
			ok = gw_complain(k->c, line, "file: %s: certificate "
					 "%zu (%s) is not a CA's", ca->file,
					 j + 1, l.v[j].subject);
		else
			keep_cert(k->s, GW_FILE_CA, ca->title, &l.v[j]);
	}
	gw_pem_clear(&l);
	return ok;
}

/* What only gwd-kdc can read, and who has no directory has no gwd-kdc. */
static const char *
needs_directory(const struct gw_conf_ca *ca)
{
	for (size_t i = 0; i < ca->crl.n; i++)
		if (strncasecmp(ca->crl.v[i], "ldap:", 5) == 0)
			return "crl";
	return ca->ntauth ? "ntauth" : NULL;
}

static bool
check_ca(struct gw_check *k, size_t i)
{
	const struct gw_conf_ca *ca = &k->s->conf.cas[i];
	const char *key = needs_directory(ca);
	struct gw_error err;

	if (key != NULL && !gw_setup_needs_kdc(&k->s->conf))
		return gw_complain(k->c, gw_check_line(k, "ca", i, key),
				   "%s: is read from the directory, but there "
				   "is no section directory", key);
	if (gw_conf_ca_check(ca, k->s->conf.main.crl_dir, &key, &err) ==
	    GW_ERR_OK)
		return true;
	return gw_complain(k->c, gw_check_line(k, "ca", i, key), "%s",
			   err.detail);
}

/* What gwd-auth keeps; what is in it is its own affair. */
static bool
has_registry(const struct gw_setup *s)
{
	gw_auto(free) char *path = gw_xasprintf("%s/auth/registry.db",
						s->conf.main.state_dir);

	return access(path, F_OK) == 0;
}

bool
gw_check_cas(struct gw_check *k)
{
	if (k->s->conf.ca_count == 0 && !has_registry(k->s))
		return gw_complain(k->c, k->s->src.last_line,
				   "no CA: nobody could log in, for there is "
				   "neither a section ca \"NAME\" { file = "
				   "\"ca.pem\" } nor a registry in state_dir");
	for (size_t i = 0; i < k->s->conf.ca_count; i++)
		if (!check_ca(k, i) || !load_ca(k, i))
			return false;
	if (k->s->file_count > CAS_MAX)
		return gw_complain(k->c, k->s->src.last_line,
				   "more than %d CA certificates", CAS_MAX);
	return true;
}

bool
gw_check_revocation(struct gw_check *k)
{
	const struct gw_conf_revocation *r = &k->s->conf.revocation;

	if (r->timeout_ms <= r->total_timeout_ms)
		return true;
	return gw_complain(k->c, gw_check_line(k, "revocation", 0, "timeout"),
			   "timeout is longer than total_timeout");
}
