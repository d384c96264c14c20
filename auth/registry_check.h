/* auth/registry_check.h — may this certificate be registered as a CA? Linked
 * into gwd-auth only. Pure: says nothing about what is registered already. */
#ifndef GW_REGISTRY_CHECK_H
#define GW_REGISTRY_CHECK_H

#include "registry.h"

/* Fills `why` and returns `code`. */
enum gw_admin_err gw_refuse(struct gw_refusal *why, enum gw_admin_err code,
			    const char *fmt, ...) GW_PRINTF(3, 4);

/* The one certificate of a PEM text, of a strong CA. The caller frees it.
 * GW_ADMIN_INVALID_CERTIFICATE. */
GW_MUST_CHECK enum gw_admin_err
gw_registry_read(const uint8_t *pem, size_t len, X509 **out,
		 struct gw_refusal *why);

/* Whether it lasts long enough. GW_ADMIN_INVALID_CERTIFICATE. */
GW_MUST_CHECK enum gw_admin_err
gw_registry_check_life(const X509 *x, bool allow_short, time_t now,
		       struct gw_refusal *why);

#endif
