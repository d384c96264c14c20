/* krberr.h — what a Kerberos error means at the stage where it came up.
 * Linked into gwd-kdc only. Pure: a table. */
#ifndef KDC_KRBERR_H
#define KDC_KRBERR_H

#include <krb5/krb5.h>

#include "gw/error.h"

enum gw_krb_phase {
	GW_PHASE_AS = 1,    /* the service account's own ticket */
	GW_PHASE_SELF = 2,  /* S4U2Self */
	GW_PHASE_PAC = 4,   /* opening the ticket with our own key */
	GW_PHASE_PROXY = 8, /* S4U2Proxy */
	GW_PHASE_TGS = 16,  /* our own ticket to ldap/<dc> */
};

/* GW_ERR_KDC_REFUSED for what has no more specific reason. KDC_ERR_BADOPTION
 * is for the caller to split: see krb.h. */
enum gw_err gw_krb_meaning(enum gw_krb_phase phase, krb5_error_code code);

/* Whether the service's own ticket may be the cause, and a new one worth a
 * try. */
bool gw_krb_wants_new_ticket(krb5_error_code code);

/* The code as it stands in RFC 4120, or -1 for libkrb5's own errors. */
int gw_krb_wire_code(krb5_error_code code);

#endif
