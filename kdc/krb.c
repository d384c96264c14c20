/* krb.c — see krb.h. Functions that need a context to free what they hold
 * use `goto out`; all such variables start as NULL. */
#include "krb.h"
#include "pac.h"
#include "gw/util.h"

#include <errno.h>
#include <gssapi/gssapi_krb5.h>
#include <string.h>

/* Exported by libkrb5 since 1.8 but declared in no installed header. */
extern krb5_error_code KRB5_CALLCONV
krb5_get_credentials_for_user(krb5_context, krb5_flags, krb5_ccache,
			      krb5_creds *, krb5_data *, krb5_creds **);

struct gw_krb {
	const struct gw_krbconf *conf; /* borrowed */
	krb5_context ctx;
	krb5_keytab keytab;
	krb5_ccache tgt; /* this thread's copy */
	struct gw_transport transport;
};

#define AS_ROUNDS_MAX 5

enum gw_err
gw_krb_new(const struct gw_krbconf *conf, struct gw_krb **out,
	   struct gw_error *err)
{
	struct gw_krb *k = gw_xcalloc(1, sizeof(*k));
	enum gw_err rc = gw_krbconf_context(conf, &k->ctx, err);
	krb5_error_code ret;

	k->conf = conf;
	k->transport.conn.fd = -1;
	if (rc != GW_ERR_OK) {
		gw_krb_free(k);
		return rc;
	}
	k->transport.realm = conf->realm;
	gw_transport_hook(k->ctx, &k->transport);
	ret = krb5_kt_resolve(k->ctx, gw_krbconf_keytab, &k->keytab);
	if (ret == 0)
		ret = krb5_cc_new_unique(k->ctx, "MEMORY", NULL, &k->tgt);
	if (ret != 0) {
		rc = gw_krb_fail(k->ctx, err, GW_ERR_SYSTEM, "libkrb5", ret);
		gw_krb_free(k);
		return rc;
	}
	*out = k;
	return GW_ERR_OK;
}

void
gw_krb_free(struct gw_krb *k)
{
	if (k == NULL)
		return;
	gw_kdc_conn_close(&k->transport.conn);
	if (k->tgt != NULL)
		krb5_cc_destroy(k->ctx, k->tgt);
	if (k->keytab != NULL)
		krb5_kt_close(k->ctx, k->keytab);
	if (k->ctx != NULL)
		krb5_free_context(k->ctx);
	free(k);
}

void
gw_krb_aim(struct gw_krb *k, const struct gw_dc *dc,
	   const struct gw_limits *limits)
{
	k->transport.dc = *dc;
	k->transport.limits = *limits;
}

const struct gw_dc *
gw_krb_dc(const struct gw_krb *k)
{
	return &k->transport.dc;
}

const struct gw_limits *
gw_krb_limits(const struct gw_krb *k)
{
	return &k->transport.limits;
}

/* Our transport's own words when it was the one that failed. */
static enum gw_err
failed(struct gw_krb *k, struct gw_error *err, enum gw_krb_phase phase,
       const char *what, krb5_error_code ret)
{
	struct gw_error *t = &k->transport.failure;

	if (t->code != GW_ERR_OK &&
	    (ret == KRB5_KDC_UNREACH || ret == KRB5_REALM_UNKNOWN))
		return gw_fail(err, t->code, "%s: %.150s", what, t->detail);
	return gw_krb_fail(k->ctx, err, gw_krb_meaning(phase, ret), what, ret);
}

/* ---- the service account's ticket-granting ticket */

static krb5_error_code
as_options(struct gw_krb *k, krb5_ccache into, krb5_get_init_creds_opt **out)
{
	krb5_error_code ret = krb5_get_init_creds_opt_alloc(k->ctx, out);

	if (ret != 0)
		return ret;
	/* Without it S4U2Proxy ends in KDC_ERR_BADOPTION. */
	krb5_get_init_creds_opt_set_forwardable(*out, 1);
	if (into == NULL)
		return 0;
	return krb5_get_init_creds_opt_set_out_ccache(k->ctx, *out, into);
}

static krb5_error_code
as_begin(struct gw_krb *k, krb5_get_init_creds_opt *opt,
	 krb5_init_creds_context *out)
{
	krb5_error_code ret = krb5_init_creds_init(
		k->ctx, k->conf->principal, NULL, NULL, 0, opt, out);

	if (ret == 0)
		ret = krb5_init_creds_set_keytab(k->ctx, *out, k->keytab);
	return ret;
}

/* fail closed: "wrong key" is final. libkrb5 would try the next
 * pre-authentication mechanism with the same key, and count again. */
static krb5_error_code
wrong_key(struct gw_krb *k, const krb5_data *reply)
{
	krb5_error *e = NULL;
	bool is_wrong;

	if (reply->length == 0 || (uint8_t)reply->data[0] != 0x7e ||
	    krb5_rd_error(k->ctx, reply, &e) != 0)
		return 0;
	is_wrong = e->error ==
		   KRB5KDC_ERR_PREAUTH_FAILED - ERROR_TABLE_BASE_krb5;
	krb5_free_error(k->ctx, e);
	return is_wrong ? KRB5KDC_ERR_PREAUTH_FAILED : 0;
}

static krb5_error_code
as_exchange(struct gw_krb *k, krb5_init_creds_context as)
{
	struct gw_transport *t = &k->transport;
	krb5_data in = { .data = NULL }, out = { .data = NULL };
	krb5_data realm = { .data = NULL };
	krb5_error_code ret = KRB5_KDC_UNREACH;
	unsigned flags;

	for (int i = 0; i < AS_ROUNDS_MAX; i++) {
		flags = 0;
		ret = krb5_init_creds_step(k->ctx, as, &in, &out, &realm,
					   &flags);
		free(in.data);
		in = (krb5_data){ .data = NULL };
		if (ret != 0 || (flags & KRB5_INIT_CREDS_STEP_FLAG_CONTINUE) ==
					0)
			break;
		t->failure.code = gw_kdc_exchange(&t->dc, &t->limits,
						  &t->conn, &out, &in,
						  &t->failure);
		ret = t->failure.code != GW_ERR_OK ? KRB5_KDC_UNREACH
						   : wrong_key(k, &in);
		krb5_free_data_contents(k->ctx, &out);
		krb5_free_data_contents(k->ctx, &realm);
		if (ret != 0)
			break;
		ret = KRB5_GET_IN_TKT_LOOP;
	}
	free(in.data);
	krb5_free_data_contents(k->ctx, &out);
	krb5_free_data_contents(k->ctx, &realm);
	return ret;
}

static krb5_error_code
as_result(struct gw_krb *k, krb5_init_creds_context as,
	  struct gw_tgt_times *out)
{
	krb5_creds creds;
	krb5_error_code ret = krb5_init_creds_get_creds(k->ctx, as, &creds);

	if (ret != 0)
		return ret;
	out->start = creds.times.starttime != 0 ? creds.times.starttime
						: creds.times.authtime;
	out->end = creds.times.endtime;
	out->is_forwardable = (creds.ticket_flags & TKT_FLG_FORWARDABLE) != 0;
	krb5_free_cred_contents(k->ctx, &creds);
	return 0;
}

enum gw_err
gw_krb_fetch_tgt(struct gw_krb *k, struct gw_tgt_times *out,
		 struct gw_error *err)
{
	krb5_get_init_creds_opt *opt = NULL;
	krb5_init_creds_context as = NULL;
	krb5_error_code ret;

	k->transport.failure.code = GW_ERR_OK;
	if ((ret = as_options(k, k->tgt, &opt)) != 0 ||
	    (ret = as_begin(k, opt, &as)) != 0 ||
	    (ret = as_exchange(k, as)) != 0 ||
	    (ret = as_result(k, as, out)) != 0)
		goto out;
out:
	if (as != NULL)
		krb5_init_creds_free(k->ctx, as);
	if (opt != NULL)
		krb5_get_init_creds_opt_free(k->ctx, opt);
	if (ret == 0)
		return GW_ERR_OK;
	return failed(k, err, GW_PHASE_AS, "service account's ticket", ret);
}

enum gw_err
gw_krb_hello(struct gw_krb *k, krb5_data *out, struct gw_error *err)
{
	krb5_get_init_creds_opt *opt = NULL;
	krb5_init_creds_context as = NULL;
	krb5_data in = { .data = NULL }, realm = { .data = NULL };
	krb5_error_code ret;
	unsigned flags = 0;

	if ((ret = as_options(k, NULL, &opt)) == 0 &&
	    (ret = as_begin(k, opt, &as)) == 0)
		ret = krb5_init_creds_step(k->ctx, as, &in, out, &realm,
					   &flags);
	krb5_free_data_contents(k->ctx, &realm);
	if (as != NULL)
		krb5_init_creds_free(k->ctx, as);
	if (opt != NULL)
		krb5_get_init_creds_opt_free(k->ctx, opt);
	if (ret != 0)
		return gw_krb_fail(k->ctx, err, GW_ERR_SYSTEM, "AS-REQ", ret);
	return GW_ERR_OK;
}

static krb5_error_code
copy_cache(struct gw_krb *k, krb5_ccache from, krb5_ccache to)
{
	krb5_error_code ret = krb5_cc_initialize(k->ctx, to,
						 k->conf->principal);

	return ret != 0 ? ret : krb5_cc_copy_creds(k->ctx, from, to);
}

enum gw_err
gw_krb_export_tgt(struct gw_krb *k, const char *name, struct gw_error *err)
{
	krb5_ccache to = NULL;
	krb5_error_code ret = krb5_cc_resolve(k->ctx, name, &to);

	if (ret == 0)
		ret = copy_cache(k, k->tgt, to);
	if (to != NULL)
		krb5_cc_close(k->ctx, to);
	if (ret != 0)
		return gw_krb_fail(k->ctx, err, GW_ERR_SYSTEM, "cache", ret);
	return GW_ERR_OK;
}

enum gw_err
gw_krb_import_tgt(struct gw_krb *k, const char *name, struct gw_error *err)
{
	krb5_ccache from = NULL;
	krb5_error_code ret = krb5_cc_resolve(k->ctx, name, &from);

	if (ret == 0)
		ret = copy_cache(k, from, k->tgt);
	if (from != NULL)
		krb5_cc_close(k->ctx, from);
	if (ret != 0)
		return gw_krb_fail(k->ctx, err, GW_ERR_SYSTEM, "cache", ret);
	return GW_ERR_OK;
}

void
gw_krb_forget(struct gw_krb *k, const char *name)
{
	krb5_ccache cc = NULL;

	if (krb5_cc_resolve(k->ctx, name, &cc) == 0)
		krb5_cc_destroy(k->ctx, cc);
}

/* ---- names: always by components, never by text that would be parsed */

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

/* ---- S4U2Self */

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
			: failed(k, err, GW_PHASE_SELF, "S4U2Self", ret);
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
	rc = failed(k, err, GW_PHASE_SELF, "S4U2Self by certificate", ret);
	if (rc != GW_ERR_ACCOUNT_UNKNOWN)
		return rc;
	return gw_fail(err, GW_ERR_MAP_NO_ACCOUNT,
		       "the KDC maps the certificate to no account, or maps none at all (KDC error 6)");
}

void
gw_evidence_clear(struct gw_krb *k, struct gw_evidence *e)
{
	krb5_free_creds(k->ctx, e->creds);
	e->creds = NULL;
}

/* ---- PAC */

static krb5_error_code
open_ticket(struct gw_krb *k, const krb5_data *der, krb5_ticket **out)
{
	krb5_error_code ret = krb5_decode_ticket(der, out);

	if (ret != 0)
		return ret;
	return krb5_server_decrypt_ticket_keytab(k->ctx, k->keytab, *out);
}

static krb5_error_code
ticket_pac(struct gw_krb *k, const krb5_ticket *ticket, krb5_pac *out)
{
	krb5_authdata **list = NULL;
	krb5_error_code ret = krb5_find_authdata(
		k->ctx, ticket->enc_part2->authorization_data, NULL,
		KRB5_AUTHDATA_WIN2K_PAC, &list);

	if (ret == 0 && (list == NULL || list[0] == NULL || list[1] != NULL))
		ret = ENOENT;
	if (ret == 0)
		ret = krb5_pac_parse(k->ctx, list[0]->contents,
				     list[0]->length, out);
	krb5_free_authdata(k->ctx, list);
	return ret;
}

/* Signature by our key, and that the PAC was made for this very ticket. */
static krb5_error_code
verify_pac(struct gw_krb *k, const krb5_ticket *t, krb5_pac pac)
{
	krb5_keytab_entry e;
	krb5_error_code ret = krb5_kt_get_entry(
		k->ctx, k->keytab, t->server, t->enc_part.kvno,
		t->enc_part.enctype, &e);

	if (ret != 0)
		return ret;
	ret = krb5_pac_verify(k->ctx, pac, t->enc_part2->times.authtime,
			      t->enc_part2->client, &e.key, NULL);
	krb5_free_keytab_entry_contents(k->ctx, &e);
	return ret;
}

static bool
pac_sid(struct gw_krb *k, krb5_pac pac, char out[GW_SID_MAX])
{
	static const struct {
		krb5_ui_4 type;
		bool (*parse)(const uint8_t *, size_t, char *);
	} sources[] = {
		{ GW_PAC_UPN_DNS_INFO, gw_pac_upn_sid },
		{ GW_PAC_LOGON_INFO,   gw_pac_logon_sid },
	};
	krb5_data d = { .data = NULL };
	bool found = false;

	for (size_t i = 0; i < GW_COUNT(sources) && !found; i++) {
		if (krb5_pac_get_buffer(k->ctx, pac, sources[i].type, &d) != 0)
			continue;
		found = sources[i].parse((const uint8_t *)d.data, d.length,
					 out);
		krb5_free_data_contents(k->ctx, &d);
	}
	return found;
}

enum gw_err
gw_krb_pac_sid(struct gw_krb *k, const struct gw_evidence *e,
	       char out[GW_SID_MAX], struct gw_error *err)
{
	krb5_ticket *ticket = NULL;
	krb5_pac pac = NULL;
	enum gw_err rc = GW_ERR_OK;
	krb5_error_code ret;

	if ((ret = open_ticket(k, &e->creds->ticket, &ticket)) != 0 ||
	    (ret = ticket_pac(k, ticket, &pac)) != 0 ||
	    (ret = verify_pac(k, ticket, pac)) != 0)
		rc = gw_krb_fail(k->ctx, err,
				 gw_krb_meaning(GW_PHASE_PAC, ret),
				 "PAC of the S4U2Self ticket", ret);
	else if (!pac_sid(k, pac, out)) /* fail closed: nobody named */
		rc = gw_fail(err, GW_ERR_KDC_REFUSED,
			     "the ticket's PAC names no SID");
	krb5_pac_free(k->ctx, pac);
	krb5_free_ticket(k->ctx, ticket);
	return rc;
}

/* ---- tickets to ldap/<dc>, as credentials */

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
	else
		rc = failed(k, err,
			    evidence != NULL ? GW_PHASE_PROXY : GW_PHASE_TGS,
			    evidence != NULL ? "S4U2Proxy"
					     : "service's LDAP ticket", ret);
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
