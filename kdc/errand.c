/* errand.c — see errand.h. */
#include "errand.h"
#include "entry.h"
#include "gw/memfd.h"
#include "gw/util.h"
#include "ldapurl.h"

#include <openssl/sha.h>
#include <string.h>

/* certificateRevocationList's rangeUpper in the schema */
#define LIST_MAX 10485760u

/* ---- the walk */

static bool
is_for_another(enum gw_err rc)
{
	return rc == GW_ERR_KDC_UNREACHABLE || rc == GW_ERR_KDC_CLOCK_SKEW ||
	       rc == GW_ERR_LDAP_UNREACHABLE || rc == GW_ERR_SERVICE_UNKNOWN;
}

/* A slow answer gets half of what is left while there is another DC. */
static struct gw_limits
limits_for(const struct gw_worker *w, const struct gw_errand *e,
	   uint64_t deadline_ms, bool is_last)
{
	struct gw_limits l = gw_limits_for(
		&gw_worker_shared(w)->conf->directory, deadline_ms, is_last);
	int64_t left = gw_ms_left(deadline_ms);

	if (e->is_slow)
		l.ldap_ms = is_last ? left : left / 2;
	return l;
}

static enum gw_err
ask(struct gw_worker *w, const struct gw_errand *e, const struct gw_dc *dc,
    const struct gw_limits *l, struct gw_error *err)
{
	enum gw_err rc;

	gw_krb_aim(gw_worker_krb(w), dc, l);
	/* Also when nothing is asked over a new connection: this is what
	 * renews the ticket in time. */
	rc = gw_worker_ticket(w, err);
	return rc != GW_ERR_OK ? rc : gw_worker_ask(w, dc, l, e->fn, e->ctx,
						    err);
}

static enum gw_dc_result
blame(const struct gw_errand *e, enum gw_err rc)
{
	bool is_silent = rc == GW_ERR_KDC_UNREACHABLE ||
			 rc == GW_ERR_LDAP_UNREACHABLE;

	return is_silent && !e->is_slow ? GW_DC_UNREACHABLE : GW_DC_CHECKED;
}

enum gw_err
gw_errand_run(struct gw_worker *w, const struct gw_errand *e,
	      uint64_t deadline_ms, char out_dc[GW_HOST_MAX],
	      struct gw_error *err)
{
	struct gw_dcs *dcs = gw_worker_shared(w)->dcs;
	struct gw_dc_walk walk = { .tried = 0 };
	enum gw_err rc = gw_fail(err, GW_ERR_KDC_UNREACHABLE,
				 "no domain controller is known to be up");
	struct gw_dc dc;
	bool is_last;

	while (gw_ms_left(deadline_ms) > 0 &&
	       gw_dcs_next(dcs, &walk, deadline_ms, &dc, &is_last)) {
		struct gw_limits l = limits_for(w, e, deadline_ms, is_last);
		uint64_t start = gw_mono_us();

		rc = ask(w, e, &dc, &l, err);
		gw_dcs_done(dcs, dc.id, blame(e, rc), gw_mono_us() - start,
			    err->detail);
		if (out_dc != NULL)
			memcpy(out_dc, dc.name, GW_HOST_MAX);
		if (!is_for_another(rc))
			break;
	}
	return rc;
}

/* ---- the service account */

struct service_answer {
	struct gw_service_view view;
	char **spns;
};

static enum gw_err
ask_service(const struct gw_lookup *q, void *ctx, struct gw_error *err)
{
	struct service_answer *s = ctx;

	return gw_lookup_service(q, &s->view, &s->spns, err);
}

enum gw_err
gw_errand_check_service(struct gw_worker *w, uint64_t deadline_ms,
			struct gw_error *err)
{
	const struct gw_shared *s = gw_worker_shared(w);
	struct service_answer a = { .spns = NULL };
	const struct gw_errand e = { .fn = ask_service, .ctx = &a };
	enum gw_err rc = gw_errand_run(w, &e, deadline_ms, NULL, err);

	if (rc != GW_ERR_OK)
		return rc;
	gw_service_saw(s->service, &a.view);
	gw_dcs_set_delegation(s->dcs, a.spns);
	gw_strings_free(a.spns);
	return GW_ERR_OK;
}

/* ---- NTAuthCertificates */

static int
by_hash(const void *a, const void *b)
{
	return memcmp(a, b, GW_SHA256);
}

/* Sorted: the directory's order means nothing and may change. */
static enum gw_err
take_certificates(LDAP *ld, LDAPMessage *entry, struct gw_ntauth_msg *out,
		  struct gw_error *err)
{
	struct berval **v = entry != NULL
				? gw_ldap_values(ld, entry, "cACertificate")
				: NULL;
	bool is_whole;
	size_t n = 0;

	for (; v != NULL && v[n] != NULL && n < GW_NTAUTH_MAX; n++)
		(void)SHA256((const uint8_t *)v[n]->bv_val, v[n]->bv_len,
			     out->sha256[n]);
	is_whole = v == NULL || v[n] == NULL;
	ldap_value_free_len(v);
	/* fail closed: a part of it is not it. */
	if (!is_whole)
		return gw_fail(err, GW_ERR_INTERNAL,
			       "NTAuthCertificates holds more than %d "
			       "certificates",
			       GW_NTAUTH_MAX);
	qsort(out->sha256, n, GW_SHA256, by_hash);
	out->count = n;
	return GW_ERR_OK;
}

/* One level below its container, so that "there is none" is an answer and not
 * an error: then no CA may issue cards. */
static enum gw_err
ask_ntauth(const struct gw_lookup *q, void *ctx, struct gw_error *err)
{
	static const char *const attrs[] = { "cACertificate", NULL };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	gw_auto(free) char *base = gw_xasprintf(
		"CN=Public Key Services,CN=Services,%s",
		q->conn->tree.config_dn);
	const struct gw_search s = {
		.base = base, .scope = LDAP_SCOPE_ONELEVEL,
		.filter = "(&(objectClass=certificationAuthority)"
			  "(cn=NTAuthCertificates))",
		.attrs = attrs, .size_limit = 1 };
	LDAP *ld = q->conn->ld;
	enum gw_err rc = gw_ldap_search(ld, &s, q->limits, &res, err);

	if (rc != GW_ERR_OK)
		return rc;
	memset(ctx, 0, sizeof(struct gw_ntauth_msg));
	return take_certificates(ld, ldap_first_entry(ld, res), ctx, err);
}

enum gw_err
gw_errand_ntauth(struct gw_worker *w, uint64_t deadline_ms,
		 struct gw_ntauth_msg *out, struct gw_error *err)
{
	const struct gw_errand e = { .fn = ask_ntauth, .ctx = out };

	return gw_errand_run(w, &e, deadline_ms, NULL, err);
}

/* ---- revocation lists */

struct crl_question {
	struct gw_ldap_url url;
	struct gw_crl_file file;
};

static enum gw_err
check_list(struct berval *const *v, const char *attr, struct gw_error *err)
{
	if (v == NULL || v[0] == NULL)
		return gw_fail(err, GW_ERR_REVOCATION_UNAVAILABLE,
			       "the object has no %s, or the service account "
			       "may not read it",
			       attr);
	if (v[1] != NULL)
		return gw_fail(err, GW_ERR_REVOCATION_MALFORMED,
			       "more than one value of %s", attr);
	if (v[0]->bv_len > LIST_MAX)
		return gw_fail(err, GW_ERR_REVOCATION_MALFORMED,
			       "%s is larger than %u bytes", attr, LIST_MAX);
	/* AD CS writes one zero byte before there is a list. */
	if (v[0]->bv_len < 2 || (uint8_t)v[0]->bv_val[0] != 0x30)
		return gw_fail(err, GW_ERR_REVOCATION_MALFORMED,
			       "%s holds no list", attr);
	return GW_ERR_OK;
}

/* The server may say ";binary" with the name although nobody asked. */
static struct berval **
list_values(LDAP *ld, LDAPMessage *entry, const char *attr)
{
	struct berval **v = gw_ldap_values(ld, entry, attr);
	char binary[64];

	if (v == NULL && gw_format(binary, sizeof(binary), "%s;binary", attr))
		v = gw_ldap_values(ld, entry, binary);
	return v;
}

static enum gw_err
take_list(LDAP *ld, LDAPMessage *entry, struct crl_question *x,
	  struct gw_error *err)
{
	struct berval **v;
	enum gw_err rc;

	if (entry == NULL)
		return gw_fail(err, GW_ERR_REVOCATION_UNAVAILABLE,
			       "the object does not match the URL's filter");
	v = list_values(ld, entry, x->url.attr);
	rc = check_list(v, x->url.attr, err);
	if (rc == GW_ERR_OK)
		rc = gw_memfd_new(v[0]->bv_val, v[0]->bv_len, &x->file.fd,
				  err);
	if (rc == GW_ERR_OK)
		x->file.size = (uint32_t)v[0]->bv_len;
	ldap_value_free_len(v);
	return rc;
}

static enum gw_err
ask_crl(const struct gw_lookup *q, void *ctx, struct gw_error *err)
{
	struct crl_question *x = ctx;
	const char *const attrs[] = { x->url.attr, NULL };
	gw_auto(ldap_msgfree) LDAPMessage *res = NULL;
	const struct gw_search s = { .base = x->url.dn,
				     .scope = LDAP_SCOPE_BASE,
				     .filter = x->url.filter, .attrs = attrs };
	LDAP *ld = q->conn->ld;
	enum gw_err rc = gw_ldap_search(ld, &s, q->limits, &res, err);

	/* No such object, no right to see it, no such filter: the detail has
	 * the DC's words. */
	if (rc == GW_ERR_LDAP_BIND_REFUSED)
		err->code = rc = GW_ERR_REVOCATION_UNAVAILABLE;
	return rc != GW_ERR_OK ? rc : take_list(ld, ldap_first_entry(ld, res),
						x, err);
}

enum gw_err
gw_errand_crl(struct gw_worker *w, const char *url, uint64_t deadline_ms,
	      struct gw_crl_file *out, char out_dc[GW_HOST_MAX],
	      struct gw_error *err)
{
	struct crl_question x = { .file = { .fd = -1 } };
	const struct gw_errand e = { .fn = ask_crl, .ctx = &x,
				     .is_slow = true };
	enum gw_err rc = gw_ldap_url_parse(url, &x.url, err);

	if (rc == GW_ERR_OK)
		rc = gw_errand_run(w, &e, deadline_ms, out_dc, err);
	if (rc == GW_ERR_OK)
		*out = x.file;
	return rc;
}
