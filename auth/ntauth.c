/* ntauth.c — see ntauth.h. */
#include "ntauth.h"
#include "gw/util.h"

#include <string.h>

void
gw_ntauth_clear(struct gw_ntauth *t)
{
	free(t->v);
	*t = (struct gw_ntauth){ .v = NULL };
}

void
gw_ntauth_set(struct gw_ntauth *t, const struct gw_ntauth_msg *m)
{
	gw_ntauth_clear(t);
	t->v = gw_xcalloc(GW_MAX(m->count, (size_t)1), sizeof(*t->v));
	memcpy(t->v, m->sha256, m->count * sizeof(*t->v));
	t->n = m->count;
	t->is_known = true;
}

bool
gw_ntauth_is(const struct gw_ntauth *t, const struct gw_ntauth_msg *m)
{
	return t->is_known && t->n == m->count &&
	       memcmp(t->v, m->sha256, m->count * sizeof(*t->v)) == 0;
}

bool
gw_ntauth_has(const struct gw_ntauth *t, const uint8_t sha256[GW_SHA256])
{
	for (size_t i = 0; t->is_known && i < t->n; i++)
		if (memcmp(t->v[i], sha256, GW_SHA256) == 0)
			return true;
	return false;
}

enum gw_err
gw_ntauth_check(const struct gw_ntauth *t, const X509 *ca,
		struct gw_error *err)
{
	uint8_t sha256[GW_SHA256];

	/* fail closed: gwd-kdc has not told, or no DC has told it. */
	if (!t->is_known)
		return gw_fail(err, GW_ERR_KDC_UNAVAILABLE,
			       "NTAuthCertificates has not been read yet");
	gw_cert_sha256(ca, sha256);
	if (gw_ntauth_has(t, sha256))
		return GW_ERR_OK;
	return gw_fail(err, GW_ERR_CERT_NTAUTH,
		       "the issuing CA is none of the %zu in "
		       "NTAuthCertificates", t->n);
}
