/* auth/responder.h — may this responder speak for this CA? (RFC 6960,
 * 4.2.2.2.) Part of ocsp.c's judgement. Linked into gwd-auth (gwcert). */
#ifndef GW_RESPONDER_H
#define GW_RESPONDER_H

#include "cert.h"

struct gw_responder_found {
	X509 *cert;       /* borrowed from the answer, or the issuer */
	bool wants_check; /* its CA names where its revocation is told, and
			     has not marked it ocsp-nocheck */
};

/* The answer is signed by `issuer` itself, or by a certificate in the answer
 * that `issuer` signed directly, for OCSP signing, valid at `now` and when the
 * answer was produced. Nobody else, whatever a store trusts. `*out` is set on
 * GW_ERR_OK. GW_ERR_REVOCATION_SIGNER. */
GW_MUST_CHECK enum gw_err gw_responder_check(OCSP_BASICRESP *basic,
					     X509 *issuer, time_t now,
					     struct gw_responder_found *out,
					     struct gw_error *err);

#endif
