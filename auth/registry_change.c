/* registry_change.c — what operators change of the registry: judged, then
 * written to disk (registry_db.h), then in memory. */
#include "registry_priv.h"
#include "registry_check.h"
#include "gw/util.h"

#include <stdio.h>
#include <string.h>

/* ---- keeping */

static bool
write_ca(struct gw_registry *r, const struct gw_ca *ca)
{
	struct gw_settings settings;
	struct gw_registry_row row = {
		.id = ca->id, .state = (int64_t)ca->state,
		.reason = ca->reason, .registered = ca->registered,
		.since = ca->since, .settings = &settings,
	};
	unsigned char *der = NULL;
	int len = i2d_X509(ca->cert, &der);
	bool ok;

	gw_assert(gw_settings_of(ca->conf, &settings)); /* as build_conf() */
	row.der = (struct gw_der){ der, len > 0 ? (size_t)len : 0 };
	ok = len > 0 && gw_registry_db_write(r->db, &row);
	OPENSSL_free(der);
	return ok;
}

static enum gw_admin_err
not_written(struct gw_registry *r, struct gw_refusal *why)
{
	return gw_refuse(why, GW_ADMIN_SERVICE, "registry.db: %s",
			 gw_registry_db_error(r->db));
}

/* Disk first, then memory. */
static enum gw_admin_err
save(struct gw_registry *r, struct gw_ca *ca, const struct gw_ca *next,
     struct gw_refusal *why)
{
	if (!write_ca(r, next))
		return not_written(r, why);
	*ca = *next;
	return GW_ADMIN_OK;
}

static size_t
oldest_past(const struct gw_registry *r, size_t *out_count)
{
	size_t found = 0;

	*out_count = 0;
	for (size_t i = 0; i < r->count; i++) {
		if (!gw_ca_is_past(r->cas[i]) || r->cas[i]->is_from_file)
			continue;
		if ((*out_count)++ == 0 ||
		    r->cas[i]->since < r->cas[found]->since)
			found = i;
	}
	return found;
}

/* One that cannot be removed stays; nothing depends on it. */
static void
forget_oldest(struct gw_registry *r)
{
	size_t n, i = oldest_past(r, &n);

	if (n > GW_REGISTRY_PAST && gw_registry_db_remove(r->db, r->cas[i]->id))
		gw_registry_remove_at(r, i);
}

/* ---- a certificate */

static enum gw_admin_err
ask_conf(struct gw_registry *r, const char *id, const struct gw_conf_ca *was,
	 const struct gw_settings *s, const struct gw_conf_ca **out,
	 struct gw_refusal *why)
{
	struct gw_error err;

	if (gw_registry_conf(r, id, was, s, true, out, &err) == GW_ERR_OK)
		return GW_ADMIN_OK;
	return gw_refuse(why, GW_ADMIN_INVALID_PARAMETER, "%s", err.detail);
}

static size_t
count_limited(const struct gw_registry *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += !r->cas[i]->is_from_file && !gw_ca_is_past(r->cas[i]);
	return n;
}

static enum gw_admin_err
check_place(const struct gw_registry *r, const X509 *x, struct gw_refusal *why)
{
	uint8_t sha256[GW_HASH];
	const struct gw_ca *ca;

	gw_cert_sha256(x, sha256);
	ca = gw_registry_by_cert(r, sha256);
	if (ca != NULL && !gw_ca_is_past(ca))
		return gw_refuse(why, GW_ADMIN_CERTIFICATE_ALREADY_EXISTS,
				 "it is %s%s%s", ca->id,
				 ca->is_from_file ? ", from the configuration "
						    "file's ca " : "",
				 ca->is_from_file ? ca->conf->title : "");
	if (count_limited(r) >= GW_REGISTRY_MAX)
		return gw_refuse(why, GW_ADMIN_CERTIFICATE_LIMIT_EXCEEDED,
				 "%d are registered", GW_REGISTRY_MAX);
	return GW_ADMIN_OK;
}

static enum gw_admin_err
judge(const struct gw_registry *r, const struct gw_admin *m, time_t now,
      X509 **out, struct gw_refusal *why)
{
	bool allow_short = (m->flags & GW_ADMIN_ALLOW_SHORT) != 0;
	gw_auto(X509_free) X509 *x = NULL;
	enum gw_admin_err rc = gw_registry_read(m->pem, m->pem_len, &x, why);

	if (rc == GW_ADMIN_OK)
		rc = check_place(r, x, why);
	if (rc == GW_ADMIN_OK)
		rc = gw_registry_check_life(x, allow_short, now, why);
	if (rc == GW_ADMIN_OK)
		*out = gw_steal(&x);
	return rc;
}

/* A row for it; one that was there before is used again. */
static struct gw_ca *
place_for(struct gw_registry *r, X509 *x, bool *is_new)
{
	uint8_t sha256[GW_HASH];
	struct gw_ca *ca;

	gw_cert_sha256(x, sha256);
	ca = gw_registry_by_cert(r, sha256);
	*is_new = ca == NULL;
	return ca != NULL ? ca : gw_registry_add(r, x);
}

enum gw_admin_err
gw_registry_register(struct gw_registry *r, const struct gw_admin *m,
		     time_t now, const struct gw_ca **out,
		     struct gw_refusal *why)
{
	gw_auto(X509_free) X509 *x = NULL;
	enum gw_admin_err rc = judge(r, m, now, &x, why);
	struct gw_ca *ca, next;
	bool is_new;

	if (rc != GW_ADMIN_OK)
		return rc;
	ca = place_for(r, x, &is_new);
	next = *ca;
	next.state = GW_CA_REGISTERING;
	next.reason[0] = '\0';
	next.registered = next.since = now;
	rc = ask_conf(r, ca->id, NULL, &m->settings, &next.conf, why);
	if (rc == GW_ADMIN_OK)
		rc = save(r, ca, &next, why);
	if (rc == GW_ADMIN_OK)
		*out = ca;
	else if (is_new)
		gw_registry_remove_at(r, r->count - 1);
	return rc;
}

static enum gw_admin_err
find_own(struct gw_registry *r, const char *id, struct gw_ca **out,
	 struct gw_refusal *why)
{
	struct gw_ca *ca = gw_registry_by_id(r, id);

	if (ca == NULL || gw_ca_is_past(ca))
		return gw_refuse(why, GW_ADMIN_CERTIFICATE_DOES_NOT_EXIST,
				 "%s%s", id,
				 ca != NULL ? " is no longer registered" : "");
	if (ca->is_from_file)
		return gw_refuse(why, GW_ADMIN_CERTIFICATE_IN_CONFIGURATION,
				 "%s stands in section ca \"%.60s\", file "
				 "%.120s", id, ca->conf->title, ca->conf->file);
	*out = ca;
	return GW_ADMIN_OK;
}

enum gw_admin_err
gw_registry_deregister(struct gw_registry *r, const char *id, time_t now,
		       struct gw_refusal *why)
{
	struct gw_ca *ca, next;
	enum gw_admin_err rc = find_own(r, id, &ca, why);

	if (rc != GW_ADMIN_OK)
		return rc;
	if (r->client_auth && gw_registry_trusted(r, ca) == 0)
		return gw_refuse(why, GW_ADMIN_CERTIFICATE_IN_USE,
				 "it is the last one and client authentication "
				 "is enabled");
	next = *ca;
	next.state = GW_CA_DEREGISTERING;
	next.reason[0] = '\0';
	next.since = now;
	return save(r, ca, &next, why);
}

enum gw_admin_err
gw_registry_settle(struct gw_registry *r, const char *id,
		   enum gw_ca_state state, const char *reason, time_t now,
		   struct gw_refusal *why)
{
	struct gw_ca *ca = gw_registry_by_id(r, id), next;
	enum gw_admin_err rc;

	gw_assert(ca != NULL && !ca->is_from_file);
	next = *ca;
	next.state = state;
	next.since = now;
	(void)snprintf(next.reason, sizeof(next.reason), "%s", reason);
	rc = save(r, ca, &next, why);
	if (rc == GW_ADMIN_OK)
		forget_oldest(r);
	return rc;
}

enum gw_admin_err
gw_registry_update(struct gw_registry *r, const struct gw_admin *m,
		   struct gw_refusal *why)
{
	struct gw_ca *ca, next;
	enum gw_admin_err rc = find_own(r, m->id, &ca, why);

	if (rc != GW_ADMIN_OK)
		return rc;
	next = *ca;
	rc = ask_conf(r, ca->id, ca->conf, &m->settings, &next.conf, why);
	return rc == GW_ADMIN_OK ? save(r, ca, &next, why) : rc;
}

/* ---- client authentication */

bool
gw_registry_client_auth(const struct gw_registry *r)
{
	return r->client_auth;
}

time_t
gw_registry_client_auth_since(const struct gw_registry *r)
{
	return r->client_auth_since;
}

static bool
has_valid(const struct gw_registry *r, time_t now)
{
	for (size_t i = 0; i < r->count; i++)
		if (gw_ca_is_trusted(r->cas[i]) &&
		    gw_cert_not_after(r->cas[i]->cert) > now)
			return true;
	return false;
}

enum gw_admin_err
gw_registry_set_client_auth(struct gw_registry *r, bool on, time_t now,
			    struct gw_refusal *why)
{
	if (on == r->client_auth)
		return gw_refuse(why, GW_ADMIN_INVALID_CLIENT_AUTH_STATUS,
				 "client authentication is already %s",
				 on ? "enabled" : "disabled");
	if (on && !has_valid(r, now))
		return gw_refuse(why, GW_ADMIN_NO_AVAILABLE_CERTIFICATE,
				 "no CA that is valid now is registered");
	if (!gw_registry_db_set_client_auth(r->db, on, now))
		return not_written(r, why);
	r->client_auth = on;
	r->client_auth_since = now;
	return GW_ADMIN_OK;
}
