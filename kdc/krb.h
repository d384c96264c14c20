/* krb.h — the Kerberos half of a login: S4U2Self, PAC, S4U2Proxy (MS-SFU),
 * and the service account's own tickets. Linked into gwd-kdc only. One
 * struct gw_krb per thread; it talks to the one DC it was aimed at and keeps
 * every ticket in memory. */
#ifndef KDC_KRB_H
#define KDC_KRB_H

#include <gssapi/gssapi.h>

#include "gw/proto.h"
#include "krbconf.h"
#include "krberr.h"
#include "transport.h"

struct gw_krb;

/* `conf` is borrowed. GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_krb_new(const struct gw_krbconf *conf,
				     struct gw_krb **out,
				     struct gw_error *err);
void gw_krb_free(struct gw_krb *k);

/* From here on all messages go to this DC, within these limits. */
void gw_krb_aim(struct gw_krb *k, const struct gw_dc *dc,
		const struct gw_limits *limits);
const struct gw_dc *gw_krb_dc(const struct gw_krb *k);
const struct gw_limits *gw_krb_limits(const struct gw_krb *k);

/* ---- the service account's ticket-granting ticket */

struct gw_tgt_times {
	time_t start, end;
	bool is_forwardable;
};

/* Fetches a new one into this thread's cache: SERVICE_KEYTAB_STALE,
 * SERVICE_ACCOUNT, ETYPE_MISMATCH, KDC_*. Never tries a key twice: the DC
 * counts wrong ones towards the account's lockout. */
GW_MUST_CHECK enum gw_err gw_krb_fetch_tgt(struct gw_krb *k,
					   struct gw_tgt_times *out,
					   struct gw_error *err);
/* Copies this thread's cache to the one called `name`, or that one to ours.
 * GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_krb_export_tgt(struct gw_krb *k, const char *name,
					    struct gw_error *err);
GW_MUST_CHECK enum gw_err gw_krb_import_tgt(struct gw_krb *k, const char *name,
					    struct gw_error *err);
void gw_krb_forget(struct gw_krb *k, const char *name);

/* The first message of an AS exchange, without proof of any key: what a
 * living KDC answers, whatever it answers. The caller frees out->data.
 * GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_krb_hello(struct gw_krb *k, krb5_data *out,
				       struct gw_error *err);

/* ---- S4U */

/* A ticket to ourselves for somebody: the KDC has agreed that the account
 * may log on (MS-SFU 3.1.5.1). */
struct gw_evidence {
	krb5_creds *creds;
	bool is_forwardable; /* fit for S4U2Proxy */
};

/* `sam` is taken as one component of a name in our realm; nothing in it is
 * syntax. *out_code is libkrb5's code, 0 when the failure is not its. The
 * errors are those of krberr.h for this phase; here as below KDC_* when the
 * KDC could not be asked. */
GW_MUST_CHECK enum gw_err gw_krb_self(struct gw_krb *k, const char *sam,
				      struct gw_evidence *out,
				      krb5_error_code *out_code,
				      struct gw_error *err);
/* The same for whomever the KDC maps the certificate to (MS-SFU 2.2.2); who
 * that is, gw_krb_pac_sid() says. No name goes with it: a KDC that does not
 * know certificates would go by the name and forget the certificate.
 * MAP_NO_ACCOUNT: the KDC knows nobody, or does not map at all. */
GW_MUST_CHECK enum gw_err gw_krb_self_cert(struct gw_krb *k, struct gw_der der,
					   struct gw_evidence *out,
					   krb5_error_code *out_code,
					   struct gw_error *err);
void gw_evidence_clear(struct gw_krb *k, struct gw_evidence *e);

/* Whose ticket it is, by its PAC, opened and verified with our own key.
 * KDC_REFUSED: it names nobody; those of krberr.h. */
GW_MUST_CHECK enum gw_err gw_krb_pac_sid(struct gw_krb *k,
					 const struct gw_evidence *e,
					 char out[GW_SID_MAX],
					 struct gw_error *err);

/* A credential for GSSAPI that holds exactly one ticket: to ldap/<the DC>. */
struct gw_cred {
	gss_cred_id_t gss;
	krb5_ccache cache;
	time_t end;
};
#define GW_CRED_NONE { .gss = GSS_C_NO_CREDENTIAL, .cache = NULL }

/* As the user (S4U2Proxy). DELEGATION_MISSING, SERVICE_UNKNOWN, ACCOUNT_*. */
GW_MUST_CHECK enum gw_err gw_krb_proxy(struct gw_krb *k,
				       const struct gw_evidence *e,
				       struct gw_cred *out,
				       krb5_error_code *out_code,
				       struct gw_error *err);
/* As the service account itself. SERVICE_*, KDC_*, GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_krb_service(struct gw_krb *k, struct gw_cred *out,
					 krb5_error_code *out_code,
					 struct gw_error *err);
void gw_cred_clear(struct gw_krb *k, struct gw_cred *c);

#endif
