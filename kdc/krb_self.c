/* krb_self.c — S4U2Self; see krb.h. */
#include "krb_priv.h"

#include <string.h>

/* Exported by libkrb5 since 1.8 but declared in no installed header. */
extern krb5_error_code KRB5_CALLCONV
krb5_get_credentials_for_user(krb5_context, krb5_flags, krb5_ccache,
			      krb5_creds *, krb5_data *, krb5_creds **);

/* By components, never by text that would be parsed. */
static krb5_error_code
name_user(struct gw_krb *k, const char *sam, krb5_principal *out)
{
	const char *realm = k->conf->realm;
	krb5_error_code ret = krb5_build_principal_ext(
		k->ctx, out, (unsigned)strlen(realm), realm,
		(unsigned)strlen(sam), sam, 0);

	if (ret == 0)
		(*out)->type = KRB5_NT_PRINCIPAL;
	return ret;
}

/* For `want->client`, or for the certificate's owner when that is NULL. */
static krb5_error_code
ticket_to_self(struct gw_krb *k, krb5_creds *want, krb5_data *cert,
	       struct gw_evidence *out)
{
	krb5_creds *got = NULL;
	krb5_error_code ret;

	want->server = k->conf->principal;
	/* NO_STORE: the cache is shared by all users of this thread. */
	ret = krb5_get_credentials_for_user(
		k->ctx, KRB5_GC_CANONICALIZE | KRB5_GC_NO_STORE, k->tgt, want,
		cert, &got);
	/* fail closed: a KDC that does not know S4U answers with a ticket
	 * of our own (MS-SFU 3.1.5.1.2). */
	if (ret == 0 &&
	    (krb5_principal_compare(k->ctx, got->client,
				    k->conf->principal) ||
	     !krb5_realm_compare(k->ctx, got->client, k->conf->principal)))
		ret = KRB5KRB_AP_ERR_MODIFIED;
	if (ret != 0) {
		krb5_free_creds(k->ctx, got);
		return ret;
	}
	out->creds = got;
	out->is_forwardable = (got->ticket_flags & TKT_FLG_FORWARDABLE) != 0;
	return 0;
}

enum gw_err
gw_krb_self(struct gw_krb *k, const char *sam, struct gw_evidence *out,
	    krb5_error_code *out_code, struct gw_error *err)
{
	krb5_creds want = { .client = NULL };
	krb5_error_code ret = name_user(k, sam, &want.client);

	if (ret == 0)
		ret = ticket_to_self(k, &want, NULL, out);
	krb5_free_principal(k->ctx, want.client);
	*out_code = ret;
	return ret == 0 ? GW_ERR_OK
			: gw_krb_failed(k, err, GW_PHASE_SELF, "S4U2Self", ret);
}

enum gw_err
gw_krb_self_cert(struct gw_krb *k, struct gw_der der, struct gw_evidence *out,
		 krb5_error_code *out_code, struct gw_error *err)
{
	krb5_data cert = { .length = (unsigned)der.len,
			   .data = (char *)(uintptr_t)der.p };
	krb5_creds want = { .client = NULL };
	krb5_error_code ret = ticket_to_self(k, &want, &cert, out);
	enum gw_err rc;

	*out_code = ret;
	if (ret == 0)
		return GW_ERR_OK;
	rc = gw_krb_failed(k, err, GW_PHASE_SELF, "S4U2Self by certificate",
			   ret);
	if (rc != GW_ERR_ACCOUNT_UNKNOWN)
		return rc;
	return gw_fail(err, GW_ERR_MAP_NO_ACCOUNT,
		       "the KDC maps the certificate to no account, or maps "
		       "none at all (KDC error 6)");
}

void
gw_evidence_clear(struct gw_krb *k, struct gw_evidence *e)
{
	krb5_free_creds(k->ctx, e->creds);
	e->creds = NULL;
}
