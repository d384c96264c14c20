/* krb_ldap.c — tickets to ldap/<dc>, as credentials for GSSAPI: S4U2Proxy and
 * the service account's own; see krb.h. */
#include "krb_priv.h"

#include <gssapi/gssapi_krb5.h>
#include <string.h>

/* By components, as in krb_self.c. */
static krb5_error_code
name_ldap(struct gw_krb *k, krb5_principal *out)
{
	const char *realm = k->conf->realm, *dc = k->transport.dc.name;
	krb5_error_code ret = krb5_build_principal_ext(
		k->ctx, out, (unsigned)strlen(realm), realm, 4u, "ldap",
		(unsigned)strlen(dc), dc, 0);

	if (ret == 0)
		(*out)->type = KRB5_NT_SRV_INST;
	return ret;
}

static enum gw_err
gss_failed(struct gw_error *err, OM_uint32 minor)
{
	return gw_fail(err, GW_ERR_SYSTEM, "GSSAPI: credential: minor %u",
		       minor);
}

/* The ticket alone in a cache of its own: GSSAPI finds nothing else to use
 * and has no reason to ask a KDC. */
static enum gw_err
make_cred(struct gw_krb *k, krb5_creds *ticket, struct gw_cred *out,
	  struct gw_error *err)
{
	struct gw_cred c = GW_CRED_NONE;
	OM_uint32 major, minor = 0;
	krb5_error_code ret;

	if ((ret = krb5_cc_new_unique(k->ctx, "MEMORY", NULL, &c.cache)) != 0 ||
	    (ret = krb5_cc_initialize(k->ctx, c.cache, ticket->client)) != 0 ||
	    (ret = krb5_cc_store_cred(k->ctx, c.cache, ticket)) != 0) {
		gw_cred_clear(k, &c);
		return gw_krb_fail(k->ctx, err, GW_ERR_SYSTEM, "cache", ret);
	}
	major = gss_krb5_import_cred(&minor, c.cache, NULL, NULL, &c.gss);
	if (GSS_ERROR(major)) {
		gw_cred_clear(k, &c);
		return gss_failed(err, minor);
	}
	c.end = ticket->times.endtime;
	*out = c;
	return GW_ERR_OK;
}

void
gw_cred_clear(struct gw_krb *k, struct gw_cred *c)
{
	OM_uint32 minor;

	if (c->gss != GSS_C_NO_CREDENTIAL)
		(void)gss_release_cred(&minor, &c->gss);
	if (c->cache != NULL)
		krb5_cc_destroy(k->ctx, c->cache); /* close would leak it */
	*c = (struct gw_cred)GW_CRED_NONE;
}

/* One ticket to ldap/<dc>: for `evidence`'s client, or our own when NULL. */
static enum gw_err
ldap_ticket(struct gw_krb *k, const struct gw_evidence *evidence,
	    struct gw_cred *out, krb5_error_code *out_code,
	    struct gw_error *err)
{
	krb5_flags flags = KRB5_GC_CANONICALIZE | KRB5_GC_NO_STORE;
	krb5_creds want = { .client = k->conf->principal };
	krb5_const_principal client = k->conf->principal;
	krb5_creds *got = NULL;
	krb5_error_code ret;
	enum gw_err rc;

	if (evidence != NULL) {
		flags |= KRB5_GC_CONSTRAINED_DELEGATION;
		want.second_ticket = evidence->creds->ticket;
		client = evidence->creds->client;
	}
	if ((ret = name_ldap(k, &want.server)) == 0)
		ret = krb5_get_credentials(k->ctx, flags, k->tgt, &want, &got);
	/* fail closed: libkrb5 leaves this comparison to its caller. */
	if (ret == 0 && !krb5_principal_compare(k->ctx, got->client, client))
		ret = KRB5KRB_AP_ERR_MODIFIED;
	*out_code = ret;
	if (ret == 0)
		rc = make_cred(k, got, out, err);
	else if (evidence != NULL)
		rc = gw_krb_failed(k, err, GW_PHASE_PROXY, "S4U2Proxy", ret);
	else
		rc = gw_krb_failed(k, err, GW_PHASE_TGS,
				   "service's LDAP ticket", ret);
	krb5_free_principal(k->ctx, want.server);
	krb5_free_creds(k->ctx, got);
	return rc;
}

enum gw_err
gw_krb_proxy(struct gw_krb *k, const struct gw_evidence *e,
	     struct gw_cred *out, krb5_error_code *out_code,
	     struct gw_error *err)
{
	return ldap_ticket(k, e, out, out_code, err);
}

enum gw_err
gw_krb_service(struct gw_krb *k, struct gw_cred *out,
	       krb5_error_code *out_code, struct gw_error *err)
{
	return ldap_ticket(k, NULL, out, out_code, err);
}
