/* krb_priv.h — a thread's Kerberos as krb.c, krb_tgt.c, krb_self.c, krb_pac.c
 * and krb_ldap.c share it; included by nobody else. Functions that need a
 * context to free what they hold use `goto out`; all such variables start as
 * NULL. */
#ifndef KDC_KRB_PRIV_H
#define KDC_KRB_PRIV_H

#include "krb.h"

struct gw_krb {
	const struct gw_krbconf *conf; /* borrowed */
	krb5_context ctx;
	krb5_keytab keytab;
	krb5_ccache tgt; /* this thread's copy */
	struct gw_transport transport;
};

/* What `ret` means in this phase; our transport's own words when it was the
 * one that failed. Always an error. */
enum gw_err gw_krb_failed(struct gw_krb *k, struct gw_error *err,
			  enum gw_krb_phase phase, const char *what,
			  krb5_error_code ret);

#endif
