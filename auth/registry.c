/* registry.c — see registry.h. What is known in memory, and the changes: disk
 * first (registry_db.h), then memory. */
#include "registry.h"
#include "registry_check.h"
#include "registry_db.h"
#include "gw/util.h"

#include <string.h>

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

static const char *const state_names[GW_CA_STATE_COUNT] = {
	[GW_CA_REGISTERING] = "Registering",
	[GW_CA_REGISTERED] = "Registered",
	[GW_CA_REGISTER_FAILED] = "RegisterFailed",
	[GW_CA_DEREGISTERING] = "Deregistering",
	[GW_CA_DEREGISTERED] = "Deregistered",
	[GW_CA_DEREGISTER_FAILED] = "DeregisterFailed",
};

const char *
gw_ca_state_name(enum gw_ca_state s)
{
	return state_names[s];
}

bool
gw_ca_is_trusted(const struct gw_ca *ca)
{
	return ca->state == GW_CA_REGISTERED ||
	       ca->state == GW_CA_DEREGISTER_FAILED;
}

static bool
is_past(const struct gw_ca *ca)
{
	return ca->state == GW_CA_DEREGISTERED ||
	       ca->state == GW_CA_REGISTER_FAILED;
}

/* ---- settings */

/* A section `ca` as it would stand in the file: `was` (NULL: the defaults)
 * with `s` over it. Not judged as a whole. */
static enum gw_err
build_conf(const char *id, const struct gw_conf_ca *was,
	   const struct gw_settings *s, struct gw_conf *out,
	   struct gw_error *err)
{
	const struct gw_conf_section *section = gw_conf_section("ca");
	struct gw_conf_ca *ca = gw_conf_instance(out, section);
	struct gw_settings all = { .count = 0 };
	enum gw_err rc = GW_ERR_OK;

	gw_conf_defaults(ca, section);
	free(ca->title);
	ca->title = gw_xstrdup(id);
	if (was != NULL && !gw_settings_of(was, &all))
		return gw_fail(err, GW_ERR_CONF, "settings: too many");
	rc = gw_settings_apply(&all, ca, err);
	if (rc == GW_ERR_OK)
		rc = gw_settings_apply(s, ca, err);
	if (rc == GW_ERR_OK && !gw_settings_of(ca, &all))
		rc = gw_fail(err, GW_ERR_CONF, "settings: more than %d values "
			     "or %d bytes", GW_SETTINGS_MAX, GW_SETTINGS_TEXT);
	return rc;
}

/* The same, kept; `is_judged` unless nothing comes of it any more. */
static enum gw_err
new_conf(struct gw_registry *r, const char *id, const struct gw_conf_ca *was,
	 const struct gw_settings *s, bool is_judged,
	 const struct gw_conf_ca **out, struct gw_error *err)
{
	struct gw_conf *c = gw_xcalloc(1, sizeof(*c));
	enum gw_err rc = build_conf(id, was, s, c, err);
	const char *key;

	if (rc == GW_ERR_OK && is_judged)
		rc = gw_conf_ca_check(c->cas, r->crl_dir, &key, err);
	if (rc != GW_ERR_OK) {
		gw_conf_clear(c);
		free(c);
		return rc;
	}
	r->confs = gw_xrealloc(r->confs, r->conf_count + 1, sizeof(c));
	r->confs[r->conf_count++] = c;
	*out = c->cas;
	return GW_ERR_OK;
}

static enum gw_admin_err
ask_conf(struct gw_registry *r, const char *id, const struct gw_conf_ca *was,
	 const struct gw_settings *s, const struct gw_conf_ca **out,
	 struct gw_refusal *why)
{
	struct gw_error err;

	if (new_conf(r, id, was, s, true, out, &err) == GW_ERR_OK)
		return GW_ADMIN_OK;
	return gw_refuse(why, GW_ADMIN_INVALID_PARAMETER, "%s", err.detail);
}

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

static void
remove_at(struct gw_registry *r, size_t i)
{
	X509_free(r->cas[i]->cert);
	free(r->cas[i]);
	r->cas[i] = r->cas[--r->count];
}

static size_t
oldest_past(const struct gw_registry *r, size_t *out_count)
{
	size_t found = 0;

	*out_count = 0;
	for (size_t i = 0; i < r->count; i++) {
		if (!is_past(r->cas[i]) || r->cas[i]->is_from_file)
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
		remove_at(r, i);
}

/* ---- finding */

size_t
gw_registry_count(const struct gw_registry *r)
{
	return r->count;
}

const struct gw_ca *
gw_registry_at(const struct gw_registry *r, size_t i)
{
	return r->cas[i];
}

static struct gw_ca *
find_id(const struct gw_registry *r, const char *id)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->cas[i]->id, id) == 0)
			return r->cas[i];
	return NULL;
}

const struct gw_ca *
gw_registry_find(const struct gw_registry *r, const char *id)
{
	return find_id(r, id);
}

size_t
gw_registry_trusted(const struct gw_registry *r, const struct gw_ca *but)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->cas[i] != but && gw_ca_is_trusted(r->cas[i]);
	return n;
}

static size_t
count_limited(const struct gw_registry *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += !r->cas[i]->is_from_file && !is_past(r->cas[i]);
	return n;
}

static struct gw_ca *
find_cert(const struct gw_registry *r, const uint8_t sha256[GW_HASH])
{
	for (size_t i = 0; i < r->count; i++)
		if (memcmp(r->cas[i]->sha256, sha256, GW_HASH) == 0)
			return r->cas[i];
	return NULL;
}

/* Ten digits of the fingerprint: the same certificate has the same id on
 * every gateway. Forty bits can be made to collide; then the next ten. */
static struct gw_ca *
add_new(struct gw_registry *r, X509 *x)
{
	struct gw_ca *ca = gw_xcalloc(1, sizeof(*ca));
	size_t at = 0;

	gw_cert_sha256(x, ca->sha256);
	memcpy(ca->id, "c-", 2);
	do
		gw_hex(ca->sha256 + at++, 5, ca->id + 2);
	while (find_id(r, ca->id) != NULL && at + 5 <= GW_HASH);
	X509_up_ref(x);
	ca->cert = x;
	r->cas = gw_xrealloc(r->cas, r->count + 1, sizeof(ca));
	r->cas[r->count++] = ca;
	return ca;
}

void
gw_registry_add_file(struct gw_registry *r, X509 *x,
		     const struct gw_conf_ca *conf, time_t now)
{
	uint8_t sha256[GW_HASH];
	struct gw_ca *ca;

	gw_cert_sha256(x, sha256);
	ca = find_cert(r, sha256);
	if (ca == NULL)
		ca = add_new(r, x);
	if (ca->is_from_file)
		return; /* named twice: the first section counts */
	ca->is_from_file = true;
	ca->state = GW_CA_REGISTERED;
	ca->reason[0] = '\0';
	ca->registered = ca->since = now;
	ca->conf = conf;
}

/* ---- opening */

static bool
load_row(void *ctx, const struct gw_registry_row *row, struct gw_error *why)
{
	struct gw_registry *r = ctx;
	const struct gw_conf_ca *conf;
	struct gw_ca was = { .state = (enum gw_ca_state)row->state }, *ca;
	gw_auto(X509_free) X509 *x = NULL;

	if (row->state < 0 || row->state >= GW_CA_STATE_COUNT ||
	    !gw_ca_id_is_valid(row->id) ||
	    gw_cert_parse(row->der, &x, NULL) != GW_ERR_OK ||
	    new_conf(r, row->id, NULL, row->settings, !is_past(&was), &conf,
		     why) != GW_ERR_OK)
		return false;
	ca = add_new(r, x);
	ca->state = was.state;
	gw_format(ca->reason, sizeof(ca->reason), "%s", row->reason);
	ca->registered = row->registered;
	ca->since = row->since;
	memcpy(ca->id, row->id, sizeof(ca->id));
	ca->conf = conf;
	return true;
}

/* What a killed process left. */
static bool
finish_half_done(struct gw_registry *r, time_t now)
{
	return gw_registry_db_move(r->db, GW_CA_REGISTERING,
				   GW_CA_REGISTER_FAILED,
				   "gwd-auth ended meanwhile; register it "
				   "again", now) &&
	       gw_registry_db_move(r->db, GW_CA_DEREGISTERING,
				   GW_CA_DEREGISTERED, "", now);
}

static enum gw_err
load(struct gw_registry *r, const char *path, time_t now, struct gw_error *err)
{
	enum gw_err rc = gw_registry_db_open(path, &r->db, err);

	if (rc != GW_ERR_OK)
		return rc;
	if (!finish_half_done(r, now) ||
	    !gw_registry_db_client_auth(r->db, &r->client_auth,
					&r->client_auth_since))
		return gw_fail(err, GW_ERR_FILE, "%.100s: %.60s", path,
			       gw_registry_db_error(r->db));
	return gw_registry_db_load(r->db, load_row, r, err);
}

enum gw_err
gw_registry_open(const char *path, const char *crl_dir, time_t now,
		 struct gw_registry **out, struct gw_error *err)
{
	struct gw_registry *r = gw_xcalloc(1, sizeof(*r));
	enum gw_err rc;

	r->crl_dir = crl_dir;
	rc = load(r, path, now, err);
	if (rc == GW_ERR_OK)
		*out = r;
	else
		gw_registry_free(r);
	return rc;
}

void
gw_registry_free(struct gw_registry *r)
{
	if (r == NULL)
		return;
	gw_registry_db_free(r->db);
	while (r->count > 0)
		remove_at(r, 0);
	free(r->cas);
	for (size_t i = 0; i < r->conf_count; i++) {
		gw_conf_clear(r->confs[i]);
		free(r->confs[i]);
	}
	free(r->confs);
	free(r);
}

/* ---- changes */

static enum gw_admin_err
check_place(const struct gw_registry *r, const X509 *x, struct gw_refusal *why)
{
	uint8_t sha256[GW_HASH];
	const struct gw_ca *ca;

	gw_cert_sha256(x, sha256);
	ca = find_cert(r, sha256);
	if (ca != NULL && !is_past(ca))
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
	ca = find_cert(r, sha256);
	*is_new = ca == NULL;
	return ca != NULL ? ca : add_new(r, x);
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
		remove_at(r, r->count - 1);
	return rc;
}

static enum gw_admin_err
find_own(struct gw_registry *r, const char *id, struct gw_ca **out,
	 struct gw_refusal *why)
{
	struct gw_ca *ca = find_id(r, id);

	if (ca == NULL || is_past(ca))
		return gw_refuse(why, GW_ADMIN_CERTIFICATE_DOES_NOT_EXIST,
				 "%s%s", id, ca != NULL ? " is no longer registered" : "");
	if (ca->is_from_file)
		return gw_refuse(why, GW_ADMIN_CERTIFICATE_IN_CONFIGURATION,
				 "%s stands in section ca \"%.60s\", file %.120s",
				 id, ca->conf->title, ca->conf->file);
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
	struct gw_ca *ca = find_id(r, id), next;
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
