/* registry.c — see registry.h. What is known in memory, as it was read from
 * disk and from the configuration file. */
#include "registry_priv.h"
#include "gw/util.h"

#include <string.h>

/* ---- states */

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

bool
gw_ca_is_past(const struct gw_ca *ca)
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

enum gw_err
gw_registry_conf(struct gw_registry *r, const char *id,
		 const struct gw_conf_ca *was, const struct gw_settings *s,
		 bool is_judged, const struct gw_conf_ca **out,
		 struct gw_error *err)
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

struct gw_ca *
gw_registry_by_id(const struct gw_registry *r, const char *id)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->cas[i]->id, id) == 0)
			return r->cas[i];
	return NULL;
}

const struct gw_ca *
gw_registry_find(const struct gw_registry *r, const char *id)
{
	return gw_registry_by_id(r, id);
}

struct gw_ca *
gw_registry_by_cert(const struct gw_registry *r, const uint8_t sha256[GW_HASH])
{
	for (size_t i = 0; i < r->count; i++)
		if (memcmp(r->cas[i]->sha256, sha256, GW_HASH) == 0)
			return r->cas[i];
	return NULL;
}

size_t
gw_registry_trusted(const struct gw_registry *r, const struct gw_ca *but)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->cas[i] != but && gw_ca_is_trusted(r->cas[i]);
	return n;
}

/* ---- adding and removing, in memory */

/* Ten digits of the fingerprint: the same certificate has the same id on
 * every gateway. Forty bits can be made to collide; then the next ten. */
struct gw_ca *
gw_registry_add(struct gw_registry *r, X509 *x)
{
	struct gw_ca *ca = gw_xcalloc(1, sizeof(*ca));
	size_t at = 0;

	gw_cert_sha256(x, ca->sha256);
	memcpy(ca->id, "c-", 2);
	do
		gw_hex(ca->sha256 + at++, 5, ca->id + 2);
	while (gw_registry_by_id(r, ca->id) != NULL && at + 5 <= GW_HASH);
	X509_up_ref(x);
	ca->cert = x;
	r->cas = gw_xrealloc(r->cas, r->count + 1, sizeof(ca));
	r->cas[r->count++] = ca;
	return ca;
}

void
gw_registry_remove_at(struct gw_registry *r, size_t i)
{
	X509_free(r->cas[i]->cert);
	free(r->cas[i]);
	r->cas[i] = r->cas[--r->count];
}

void
gw_registry_add_file(struct gw_registry *r, X509 *x,
		     const struct gw_conf_ca *conf, time_t now)
{
	uint8_t sha256[GW_HASH];
	struct gw_ca *ca;

	gw_cert_sha256(x, sha256);
	ca = gw_registry_by_cert(r, sha256);
	if (ca == NULL)
		ca = gw_registry_add(r, x);
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
	    gw_registry_conf(r, row->id, NULL, row->settings,
			     !gw_ca_is_past(&was), &conf, why) != GW_ERR_OK)
		return false;
	ca = gw_registry_add(r, x);
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
		gw_registry_remove_at(r, 0);
	free(r->cas);
	for (size_t i = 0; i < r->conf_count; i++) {
		gw_conf_clear(r->confs[i]);
		free(r->confs[i]);
	}
	free(r->confs);
	free(r);
}
