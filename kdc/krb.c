/* krb.c — see krb.h. */
#include "krb_priv.h"
#include "gw/util.h"

#include <stdlib.h>

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

enum gw_err
gw_krb_failed(struct gw_krb *k, struct gw_error *err, enum gw_krb_phase phase,
	      const char *what, krb5_error_code ret)
{
	struct gw_error *t = &k->transport.failure;

	if (t->code != GW_ERR_OK &&
	    (ret == KRB5_KDC_UNREACH || ret == KRB5_REALM_UNKNOWN))
		return gw_fail(err, t->code, "%s: %.150s", what, t->detail);
	return gw_krb_fail(k->ctx, err, gw_krb_meaning(phase, ret), what, ret);
}
