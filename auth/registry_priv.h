/* auth/registry_priv.h — the registry from the inside: for registry.c, which
 * knows what there is, and registry_change.c, which changes it. */
#ifndef GW_REGISTRY_PRIV_H
#define GW_REGISTRY_PRIV_H

#include "registry.h"
#include "registry_db.h"

struct gw_registry {
	struct gw_registry_db *db;
	const char *crl_dir;
	struct gw_ca **cas;
	size_t count;
	struct gw_conf **confs; /* every settings there ever were */
	size_t conf_count;
	bool client_auth;
	time_t client_auth_since;
};

/* It may be registered again, or is forgotten in time. */
bool gw_ca_is_past(const struct gw_ca *ca);

/* A section `ca` of this id: `was` (NULL: the defaults) with `s` over it,
 * judged as a whole if `is_judged`. `*out` is the registry's, to its end.
 * GW_ERR_CONF. */
GW_MUST_CHECK enum gw_err gw_registry_conf(struct gw_registry *r,
					   const char *id,
					   const struct gw_conf_ca *was,
					   const struct gw_settings *s,
					   bool is_judged,
					   const struct gw_conf_ca **out,
					   struct gw_error *err);

/* Borrowed, all three; NULL: none. */
struct gw_ca *gw_registry_by_id(const struct gw_registry *r, const char *id);
struct gw_ca *gw_registry_by_cert(const struct gw_registry *r,
				  const uint8_t sha256[GW_HASH]);
/* A new one, which is in no state yet. Takes a reference to `x`. */
struct gw_ca *gw_registry_add(struct gw_registry *r, X509 *x);
/* The last one takes its place. */
void gw_registry_remove_at(struct gw_registry *r, size_t i);

#endif
