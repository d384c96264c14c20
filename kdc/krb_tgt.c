/* krb_tgt.c — the service account's ticket-granting ticket; see krb.h. */
#include "krb_priv.h"

#include <stdlib.h>

#define AS_ROUNDS_MAX 5

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
	return gw_krb_failed(k, err, GW_PHASE_AS, "service account's ticket",
			     ret);
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
