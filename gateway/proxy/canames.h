/* canames.h — the CAs that clients are told of in the request for their
 * certificate, so that they offer the right one. gwd-proxy only. Whom they
 * lead to is not judged by it: that is gwd-auth's affair. */
#ifndef GW_PROXY_CANAMES_H
#define GW_PROXY_CANAMES_H

#include <openssl/ssl.h>
#include "gw/proto.h"

/* Adds the subject of a CA certificate in PEM. GW_ERR_FILE. */
GW_MUST_CHECK enum gw_err gw_canames_add(STACK_OF(X509_NAME) *names,
					 const struct gw_file *f,
					 struct gw_error *err);

/* Those of one context, copied; NULL or none: clients offer what they have.
 * False when there is no memory. */
GW_MUST_CHECK bool gw_canames_set(SSL_CTX *ctx,
				  const STACK_OF(X509_NAME) *names);

/* Subjects in DER, one after the other: whether all can be read. */
GW_MUST_CHECK bool gw_canames_check(const uint8_t *der, size_t len);
/* Offers them, in place of those before, in a default context and all that it
 * hands over to (certs.h). False, and those before stay, when one cannot be
 * read; false, too, when there is no memory. */
GW_MUST_CHECK bool gw_canames_offer(SSL_CTX *dflt, const uint8_t *der,
				    size_t len);
/* The same with those that `as` has. */
GW_MUST_CHECK bool gw_canames_offer_same(SSL_CTX *dflt, const SSL_CTX *as);

#endif
