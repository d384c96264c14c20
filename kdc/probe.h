/* probe.h — is this domain controller alive and fit? Linked into gwd-kdc
 * only. Asks its rootDSE anonymously and, sometimes, its KDC with a message
 * that proves nothing and so counts against nobody. */
#ifndef KDC_PROBE_H
#define KDC_PROBE_H

#include "krbconf.h"
#include "transport.h"

struct gw_prober; /* of one thread */

/* Never NULL; one that cannot ask KDCs asks LDAP only. */
struct gw_prober *gw_prober_new(const struct gw_krbconf *krb,
				const struct gw_conf_directory *conf);
void gw_prober_free(struct gw_prober *p);

struct gw_probe {
	bool asked_kdc, kdc_answers;
	bool has_skew;
	int64_t skew_ms; /* its clock minus ours */
	uint64_t took_us;
};

/* GW_ERR_OK when it can be used. *out is set in any case. */
GW_MUST_CHECK enum gw_err gw_prober_run(struct gw_prober *p,
					const struct gw_dc *dc, bool with_kdc,
					struct gw_probe *out,
					struct gw_error *err);

/* "20261123025242.0Z" as UTC; false when it is not that. Pure. */
bool gw_generalized_time(const char *s, time_t *out);

/* The realm of an ldapServiceName, "domain:dc1$@REALM". Borrowed; NULL. */
const char *gw_service_name_realm(const char *s);

#endif
