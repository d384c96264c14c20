/* krb_pac.c — whose ticket it is; see krb.h. */
#include "krb_priv.h"
#include "pac.h"
#include "gw/util.h"

#include <errno.h>

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
