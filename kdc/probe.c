/* probe.c — see probe.h. */
#include "probe.h"
#include "ldapx.h"
#include "gw/util.h"

#include <string.h>

#define PROBE_MS      500 /* each step; the whole at most three of them */
#define HELLO_OLD_MS  (60 * 60 * 1000)

struct gw_prober {
	const struct gw_conf_directory *conf;
	struct gw_krb *krb; /* NULL: LDAP only */
	krb5_data hello;
	uint64_t hello_at_ms;
};

struct gw_prober *
gw_prober_new(const struct gw_krbconf *krb,
	      const struct gw_conf_directory *conf)
{
	struct gw_prober *p = gw_xcalloc(1, sizeof(*p));

	p->conf = conf;
	if (gw_krb_new(krb, &p->krb, NULL) != GW_ERR_OK)
		p->krb = NULL;
	return p;
}

void
gw_prober_free(struct gw_prober *p)
{
	free(p->hello.data);
	gw_krb_free(p->krb);
	free(p);
}

bool
gw_generalized_time(const char *s, time_t *out)
{
	struct tm tm = { .tm_isdst = 0 };
	const char *end = strptime(s, "%Y%m%d%H%M%S", &tm);

	if (end == NULL || end != s + 14 || s[strlen(s) - 1] != 'Z')
		return false;
	*out = timegm(&tm);
	return true;
}

const char *
gw_service_name_realm(const char *s)
{
	const char *at = strrchr(s, '@');

	return at != NULL && at[1] != '\0' ? at + 1 : NULL;
}

static void
read_skew(LDAP *ld, LDAPMessage *e, struct gw_probe *out)
{
	char text[32];
	time_t theirs;

	if (!gw_ldap_text(ld, e, "currentTime", text, sizeof(text)) ||
	    !gw_generalized_time(text, &theirs))
		return;
	/* They say whole seconds: less than two is none. */
	out->has_skew = true;
	out->skew_ms = (int64_t)(theirs - time(NULL)) * 1000;
	if (out->skew_ms > -2000 && out->skew_ms < 2000)
		out->skew_ms = 0;
}

static enum gw_err
judge(struct gw_prober *p, LDAP *ld, LDAPMessage *e, struct gw_probe *out,
      struct gw_error *err)
{
	char text[512];
	const char *realm;

	read_skew(ld, e, out);
	if (gw_ldap_text(ld, e, "isSynchronized", text, sizeof(text)) &&
	    strcmp(text, "TRUE") != 0)
		return gw_fail(err, GW_ERR_LDAP_UNREACHABLE,
			       "not synchronized yet (rootDSE)");
	if (gw_ldap_text(ld, e, "ldapServiceName", text, sizeof(text)) &&
	    ((realm = gw_service_name_realm(text)) == NULL ||
	     strcmp(realm, p->conf->realm) != 0))
		return gw_fail(err, GW_ERR_LDAP_UNREACHABLE,
			       "belongs to realm %.100s",
			       realm != NULL ? realm : "?");
	return GW_ERR_OK;
}

static enum gw_err
ask_ldap(struct gw_prober *p, const struct gw_dc *dc,
	 const struct gw_limits *l, struct gw_probe *out, struct gw_error *err)
{
	static const char *const attrs[] = { "dnsHostName", "isSynchronized",
					     "currentTime", "ldapServiceName",
					     NULL };
	const struct gw_search s = { .base = "", .scope = LDAP_SCOPE_BASE,
				     .filter = "(objectClass=*)",
				     .attrs = attrs };
	gw_auto(gw_ldap_close) LDAP *ld = NULL;
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	enum gw_err rc = gw_ldap_open(dc, l, -1, &ld, err);
	LDAPMessage *e;

	if (rc == GW_ERR_OK)
		rc = gw_ldap_search(ld, &s, l, &res, err);
	if (rc != GW_ERR_OK)
		return rc;
	if ((e = ldap_first_entry(ld, res)) == NULL)
		return gw_fail(err, GW_ERR_LDAP_UNREACHABLE, "no rootDSE");
	return judge(p, ld, e, out, err);
}

/* The same message again: the KDC answers "prove it" without looking at
 * nonce or times. */
static bool
has_hello(struct gw_prober *p)
{
	uint64_t now = gw_mono_ms();

	if (p->krb == NULL)
		return false;
	if (p->hello.data != NULL && now - p->hello_at_ms < HELLO_OLD_MS)
		return true;
	free(p->hello.data);
	p->hello = (krb5_data){ .data = NULL };
	p->hello_at_ms = now;
	return gw_krb_hello(p->krb, &p->hello, NULL) == GW_ERR_OK;
}

static enum gw_err
ask_kdc(struct gw_prober *p, const struct gw_dc *dc,
	const struct gw_limits *l, struct gw_probe *out, struct gw_error *err)
{
	krb5_data reply = { .data = NULL };
	enum gw_err rc;

	if (!has_hello(p))
		return GW_ERR_OK;
	out->asked_kdc = true;
	rc = gw_kdc_exchange(dc, l, NULL, &p->hello, &reply, err);
	out->kdc_answers = rc == GW_ERR_OK;
	free(reply.data);
	return rc;
}

enum gw_err
gw_prober_run(struct gw_prober *p, const struct gw_dc *dc, bool with_kdc,
	      struct gw_probe *out, struct gw_error *err)
{
	uint64_t start = gw_mono_us();
	struct gw_limits l = {
		.connect_ms = GW_MIN(p->conf->connect_timeout_ms, PROBE_MS),
		.kdc_ms = PROBE_MS, .ldap_ms = PROBE_MS,
		.deadline_ms = gw_mono_ms() + PROBE_MS,
	};
	struct gw_error kdc_err = { .code = GW_ERR_OK };
	enum gw_err rc, kdc = GW_ERR_OK;

	*out = (struct gw_probe){ .asked_kdc = false };
	rc = ask_ldap(p, dc, &l, out, err);
	out->took_us = gw_mono_us() - start;
	/* Also when LDAP is silent: which of the two is, decides the reason
	 * that logins are given. */
	l.deadline_ms = gw_mono_ms() + PROBE_MS;
	if (with_kdc)
		kdc = ask_kdc(p, dc, &l, out, &kdc_err);
	if (rc == GW_ERR_OK && kdc != GW_ERR_OK) {
		*err = kdc_err;
		rc = kdc;
	}
	return rc;
}
