/* auth/registry.h — the CAs an operator registered and whether clients are
 * admitted at all, in SQLite. Linked into gwd-auth only.
 *
 * The database is the truth: every change is on disk (WAL, synchronous=FULL)
 * before it is acted upon, and a process killed at any point finds the state
 * before or after it. Certificates named by the configuration file stand
 * beside them in memory; they are not in the database.
 *
 *   Registering ─▶ Registered ─▶ Deregistering ─▶ Deregistered
 *        └─▶ RegisterFailed           └─▶ DeregisterFailed
 *
 * Registered and DeregisterFailed are trusted, nothing else is. */
#ifndef GW_REGISTRY_H
#define GW_REGISTRY_H

#include "cert.h"
#include "gw/admin.h"
#include "gw/conf.h"

#define GW_REGISTRY_MAX  100 /* AD Connector's limit; the file's do not count */
#define GW_REGISTRY_PAST 50  /* of those gone, how many are remembered */
#define GW_REGISTRY_DAYS 90  /* a CA must last so long */

enum gw_ca_state {
	GW_CA_REGISTERING, GW_CA_REGISTERED, GW_CA_REGISTER_FAILED,
	GW_CA_DEREGISTERING, GW_CA_DEREGISTERED, GW_CA_DEREGISTER_FAILED,
	GW_CA_STATE_COUNT
};
const char *gw_ca_state_name(enum gw_ca_state s); /* "Registering", … */

struct gw_ca {
	char id[GW_CA_ID_SIZE];
	enum gw_ca_state state;
	char reason[GW_ADMIN_DETAIL_MAX]; /* of a failure, else "" */
	time_t registered, since;  /* first time; last change of state */
	bool is_from_file;
	X509 *cert;
	uint8_t sha256[GW_HASH];
	/* Lives as long as the registry, also after a change: logins under
	 * way have borrowed it. */
	const struct gw_conf_ca *conf;
};

struct gw_registry;

/* Makes the database when there is none. What a killed process left half
 * done is finished: Registering failed, Deregistering is done. `crl_dir` is
 * borrowed; settings in use that do not fit it any more are refused.
 * GW_ERR_FILE: cannot be opened, is damaged, or another gwd has it. */
GW_MUST_CHECK enum gw_err gw_registry_open(const char *path,
					   const char *crl_dir, time_t now,
					   struct gw_registry **out,
					   struct gw_error *err);
void gw_registry_free(struct gw_registry *r); /* NULL is fine */

/* A certificate of the configuration file; `conf` is borrowed. One that is
 * in the database too is shown, and treated, as the file has it. */
void gw_registry_add_file(struct gw_registry *r, X509 *x,
			  const struct gw_conf_ca *conf, time_t now);

size_t gw_registry_count(const struct gw_registry *r);
const struct gw_ca *gw_registry_at(const struct gw_registry *r, size_t i);
/* The registered one of this id, else one that is gone; or NULL. */
const struct gw_ca *gw_registry_find(const struct gw_registry *r,
				     const char *id);
/* Whether certificates may chain to it. */
bool gw_ca_is_trusted(const struct gw_ca *ca);
/* How many are, `but` (NULL: none) left out; those that are over as well. */
size_t gw_registry_trusted(const struct gw_registry *r,
			   const struct gw_ca *but);

/* What a change came to: GW_ADMIN_OK, or the error with its detail. Of each,
 * GW_ADMIN_SERVICE: it could not be written, and nothing has changed. */
struct gw_refusal {
	char detail[GW_ADMIN_DETAIL_MAX];
};

/* Judges the one PEM certificate and writes it down as Registering; the
 * caller puts it to use and then calls gw_registry_settle(). `*out` is
 * borrowed. GW_ADMIN_INVALID_CERTIFICATE, _CERTIFICATE_ALREADY_EXISTS,
 * _CERTIFICATE_LIMIT_EXCEEDED, _INVALID_PARAMETER (a setting). */
GW_MUST_CHECK enum gw_admin_err
gw_registry_register(struct gw_registry *r, const struct gw_admin *m,
		     time_t now, const struct gw_ca **out,
		     struct gw_refusal *why);

/* Registered or from the file's side not to be touched; then Deregistering,
 * and from that moment not trusted. Whether sessions hang on it is the
 * caller's to ask before. GW_ADMIN_CERTIFICATE_DOES_NOT_EXIST,
 * _CERTIFICATE_IN_CONFIGURATION, _CERTIFICATE_IN_USE (the last one). */
GW_MUST_CHECK enum gw_admin_err
gw_registry_deregister(struct gw_registry *r, const char *id, time_t now,
		       struct gw_refusal *why);

/* The end of the two: writes the new state and, for a failure, why. The id
 * must be a registered one's. */
GW_MUST_CHECK enum gw_admin_err
gw_registry_settle(struct gw_registry *r, const char *id,
		   enum gw_ca_state state, const char *reason, time_t now,
		   struct gw_refusal *why);

/* The keys given are changed, the others stay. GW_ADMIN_INVALID_PARAMETER,
 * _CERTIFICATE_DOES_NOT_EXIST, _CERTIFICATE_IN_CONFIGURATION. */
GW_MUST_CHECK enum gw_admin_err
gw_registry_update(struct gw_registry *r, const struct gw_admin *m,
		   struct gw_refusal *why);

/* Enabled in a new database. */
bool gw_registry_client_auth(const struct gw_registry *r);
time_t gw_registry_client_auth_since(const struct gw_registry *r); /* 0: ever */
/* GW_ADMIN_INVALID_CLIENT_AUTH_STATUS: it is so already;
 * _NO_AVAILABLE_CERTIFICATE: no registered CA is valid. */
GW_MUST_CHECK enum gw_admin_err
gw_registry_set_client_auth(struct gw_registry *r, bool on, time_t now,
			    struct gw_refusal *why);

#endif
