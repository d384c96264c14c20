/* admin.c — the registry put to use: what it trusts becomes the store that the
 * next handshake is judged by, gwd-proxy learns the names, and sessions that
 * hang on what is gone end. Runs between two messages, so no login sees half
 * of a change. */
#include "login.h"
#include "recheck.h"
#include "gw/log.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

/* ---- trust */

static enum gw_err
trust_one(struct gw_trust *t, const struct gw_ca *ca, struct gw_error *err)
{
	gw_auto(BIO_free_all) BIO *b = BIO_new(BIO_s_mem());
	char *pem;
	long len;

	if (b == NULL || PEM_write_bio_X509(b, ca->cert) != 1)
		return gw_fail(err, GW_ERR_INTERNAL, "%s: no PEM", ca->id);
	len = BIO_get_mem_data(b, &pem);
	return gw_trust_add(t, (const uint8_t *)pem, (size_t)len, ca->conf,
			    err);
}

/* ---- what revocation is to know of them */

/* A section as a message would have it. */
static bool
hash_section(EVP_MD_CTX *md, const char *name, const void *instance)
{
	uint8_t *buf = gw_xcalloc(1, GW_MSG_MAX);
	struct gw_wr w = gw_wr_init(buf, GW_MSG_MAX);
	bool ok;

	gw_conf_encode(&w, gw_conf_section(name), instance);
	ok = !w.bad && EVP_DigestUpdate(md, w.p, w.len) == 1;
	free(buf);
	return ok;
}

static bool
hash_ca(EVP_MD_CTX *md, const struct gw_ca *ca)
{
	return EVP_DigestUpdate(md, ca->sha256, GW_HASH) == 1 &&
	       hash_section(md, "ca", ca->conf);
}

/* False when it cannot be told: then no two are the same. */
static bool
digest_settings(struct gw_auth *a, uint8_t out[GW_HASH])
{
	gw_auto(EVP_MD_CTX_free) EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool ok = md != NULL &&
		  EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1 &&
		  hash_section(md, "revocation", &a->conf->revocation);

	for (size_t i = 0; ok && i < gw_registry_count(a->registry); i++)
		if (gw_ca_is_trusted(gw_registry_at(a->registry, i)))
			ok = hash_ca(md, gw_registry_at(a->registry, i));
	return ok && EVP_DigestFinal_ex(md, out, NULL) == 1;
}

/* Answers got under other settings do not count, and sources named by the
 * new ones are shown and fetched before somebody needs them. */
static void
settings_changed(struct gw_auth *a)
{
	uint8_t digest[GW_HASH];

	if (!digest_settings(a, digest))
		gw_random(digest, sizeof(digest));
	if (gw_kept_settings(a->kept, digest))
		gw_revocation_flush(a->revocation);
	for (size_t i = 0; i < gw_registry_count(a->registry); i++) {
		const struct gw_ca *ca = gw_registry_at(a->registry, i);

		if (!gw_ca_is_trusted(ca))
			continue;
		gw_revocation_announce(a->revocation, ca->conf->ocsp_url);
		for (size_t j = 0; j < ca->conf->crl.n; j++)
			gw_crl_store_announce(a->lists, ca->conf->crl.v[j],
					      ca->cert);
	}
}

void
gw_admin_rules_changed(struct gw_auth *a)
{
	a->generation++;
	gw_verified_flush(a->verified);
	gw_recheck_rules(a);
}

/* Replaces the store as a whole; on failure the old one stays. */
static enum gw_err
renew_trust(struct gw_auth *a, struct gw_error *err)
{
	struct gw_trust *t = gw_trust_new();
	enum gw_err rc = GW_ERR_OK;

	for (size_t i = 0; i < gw_registry_count(a->registry); i++) {
		const struct gw_ca *ca = gw_registry_at(a->registry, i);

		if (rc == GW_ERR_OK && gw_ca_is_trusted(ca))
			rc = trust_one(t, ca, err);
	}
	if (rc != GW_ERR_OK) {
		gw_trust_free(t);
		return rc;
	}
	gw_trust_free(a->trust);
	a->trust = t;
	settings_changed(a);
	gw_admin_rules_changed(a);
	return GW_ERR_OK;
}

/* ---- the names that clients are shown */

static bool
has_name_before(const struct gw_registry *r, size_t n)
{
	const X509_NAME *name =
		X509_get_subject_name(gw_registry_at(r, n)->cert);

	for (size_t i = 0; i < n; i++) {
		const struct gw_ca *ca = gw_registry_at(r, i);

		if (gw_ca_is_trusted(ca) &&
		    X509_NAME_cmp(X509_get_subject_name(ca->cert), name) == 0)
			return true;
	}
	return false;
}

/* False when they do not fit. */
static bool
collect_names(const struct gw_registry *r, uint8_t *out, size_t *len)
{
	for (size_t i = 0; i < gw_registry_count(r); i++) {
		const struct gw_ca *ca = gw_registry_at(r, i);
		const uint8_t *der;
		size_t n;

		if (!gw_ca_is_trusted(ca) || has_name_before(r, i))
			continue;
		if (X509_NAME_get0_der(X509_get_subject_name(ca->cert), &der,
				       &n) != 1 ||
		    n > GW_CA_NAMES_MAX - *len)
			return false;
		memcpy(out + *len, der, n);
		*len += n;
	}
	return true;
}

/* Names are a help for clients and decide nothing: when there are too many,
 * none are shown, and clients offer every certificate they have. */
static void
publish_names(struct gw_auth *a)
{
	uint8_t *names = gw_xcalloc(GW_CA_NAMES_MAX, 1);
	size_t len = 0;

	if (!collect_names(a->registry, names, &len)) {
		gw_event(GW_LOG_WARN, "ca-names-too-long", NULL);
		len = 0;
	}
	gw_child_ca_names(a->child, names, len);
	free(names);
}

/* ---- sessions that chain through a CA */

static size_t
count_live(const struct gw_auth *a, const struct gw_ca *ca)
{
	struct gw_session *s = NULL;
	size_t n = 0;

	while ((s = gw_session_next(a->sessions, s)) != NULL)
		n += s->connections > 0 && gw_session_chains_to(s, ca->sha256);
	return n;
}

/* The resting ones, too: nobody may join them. The number of live ones. */
static uint32_t
end_sessions(struct gw_auth *a, const uint8_t sha256[GW_HASH])
{
	struct gw_session *s = gw_session_next(a->sessions, NULL), *next;
	uint32_t n = 0;

	for (; s != NULL; s = next) {
		next = gw_session_next(a->sessions, s);
		if (!gw_session_chains_to(s, sha256))
			continue;
		n += s->connections > 0;
		gw_peers_revoke(a, s, GW_ERR_CERT_UNTRUSTED);
	}
	return n;
}

/* ---- the verbs */

struct change {
	struct gw_auth *a;
	const struct gw_admin *m;
	time_t now;
	struct gw_admin_done *done;
	struct gw_refusal why;
};

/* Undoes what could not be put to use, and says why. */
static enum gw_admin_err
undo(struct change *c, const char *id, enum gw_ca_state state,
     enum gw_admin_err code, const struct gw_error *err)
{
	char reason[GW_DETAIL_MAX];

	gw_format(reason, sizeof(reason), "%s", err->detail);
	if (gw_registry_settle(c->a->registry, id, state, reason, c->now,
			       &c->why) == GW_ADMIN_OK)
		(void)snprintf(c->why.detail, sizeof(c->why.detail), "%s",
			       reason);
	return code;
}

/* Alone first, so that what the store does not take harms nobody. */
static enum gw_err
try_alone(const struct gw_ca *ca, struct gw_error *err)
{
	struct gw_trust *t = gw_trust_new();
	enum gw_err rc = trust_one(t, ca, err);

	gw_trust_free(t);
	return rc;
}

static enum gw_admin_err
do_register(struct change *c)
{
	struct gw_registry *r = c->a->registry;
	struct gw_error err = { .code = GW_ERR_OK };
	const struct gw_ca *ca = NULL;
	enum gw_admin_err rc = gw_registry_register(r, c->m, c->now, &ca,
						    &c->why);

	if (rc != GW_ADMIN_OK)
		return rc;
	memcpy(c->done->id, ca->id, sizeof(c->done->id));
	if (try_alone(ca, &err) != GW_ERR_OK)
		return undo(c, c->done->id, GW_CA_REGISTER_FAILED,
			    GW_ADMIN_INVALID_CERTIFICATE, &err);
	rc = gw_registry_settle(r, c->done->id, GW_CA_REGISTERED, "", c->now,
				&c->why);
	if (rc != GW_ADMIN_OK)
		return rc;
	if (renew_trust(c->a, &err) != GW_ERR_OK)
		return undo(c, c->done->id, GW_CA_REGISTER_FAILED,
			    GW_ADMIN_SERVICE, &err);
	return GW_ADMIN_OK;
}

static enum gw_admin_err
check_unused(struct change *c, const struct gw_ca *ca)
{
	size_t live = count_live(c->a, ca);

	if (live == 0 || (c->m->flags & GW_ADMIN_FORCE) != 0)
		return GW_ADMIN_OK;
	gw_format(c->why.detail, sizeof(c->why.detail),
		  "%zu live session%s chain through it", live,
		  live == 1 ? "" : "s");
	return GW_ADMIN_CERTIFICATE_IN_USE;
}

static enum gw_admin_err
do_deregister(struct change *c)
{
	struct gw_registry *r = c->a->registry;
	const struct gw_ca *ca = gw_registry_find(r, c->m->id);
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_admin_err rc = GW_ADMIN_OK;

	if (ca != NULL && gw_ca_is_trusted(ca) && !ca->is_from_file)
		rc = check_unused(c, ca);
	if (rc == GW_ADMIN_OK)
		rc = gw_registry_deregister(r, c->m->id, c->now, &c->why);
	if (rc != GW_ADMIN_OK)
		return rc;
	if (renew_trust(c->a, &err) != GW_ERR_OK)
		return undo(c, c->m->id, GW_CA_DEREGISTER_FAILED,
			    GW_ADMIN_SERVICE, &err);
	c->done->ended = end_sessions(c->a, ca->sha256);
	return gw_registry_settle(r, c->m->id, GW_CA_DEREGISTERED, "", c->now,
				  &c->why);
}

static enum gw_admin_err
do_update(struct change *c)
{
	struct gw_error err = { .code = GW_ERR_OK };
	enum gw_admin_err rc = gw_registry_update(c->a->registry, c->m,
						  &c->why);

	if (rc != GW_ADMIN_OK)
		return rc;
	if (renew_trust(c->a, &err) != GW_ERR_OK) {
		gw_format(c->why.detail, sizeof(c->why.detail), "%s",
			  err.detail);
		return GW_ADMIN_SERVICE;
	}
	return GW_ADMIN_OK;
}

static enum gw_admin_err
do_client_auth(struct change *c)
{
	return gw_registry_set_client_auth(
		c->a->registry, (c->m->flags & GW_ADMIN_ENABLE) != 0, c->now,
		&c->why);
}

static const struct {
	const char *event;
	enum gw_admin_err (*fn)(struct change *c);
} verbs[GW_ADMIN_VERB_COUNT] = {
	[GW_ADMIN_CA_REGISTER] = { "ca-register", do_register },
	[GW_ADMIN_CA_DEREGISTER] = { "ca-deregister", do_deregister },
	[GW_ADMIN_CA_UPDATE] = { "ca-update", do_update },
	[GW_ADMIN_CLIENT_AUTH] = { "client-auth", do_client_auth },
};

/* "KEY=VALUE KEY=VALUE", cut where it is too long for a line. */
static void
settings_text(const struct gw_settings *s, char *out, size_t cap)
{
	struct gw_setting at = { NULL, NULL };
	size_t len = 0;

	out[0] = '\0';
	while (len < cap && gw_settings_next(s, &at))
		len += (size_t)snprintf(out + len, cap - len, "%s%s=%s",
					len > 0 ? " " : "", at.key, at.value);
}

static void
log_change(const struct change *c)
{
	const struct gw_admin_done *d = c->done;
	const struct gw_ca *ca = gw_registry_find(c->a->registry, d->id);
	char subject[GW_SUBJECT_MAX] = "", settings[256];

	if (ca != NULL)
		gw_cert_subject(ca->cert, subject, sizeof(subject));
	settings_text(&c->m->settings, settings, sizeof(settings));
	gw_event(GW_LOG_INFO, verbs[c->m->verb].event, "result",
		 gw_admin_err_name(d->error), "id",
		 d->id[0] != '\0' ? d->id : NULL, "subject",
		 subject[0] != '\0' ? subject : NULL, "settings",
		 settings[0] != '\0' ? settings : NULL, "client_auth",
		 gw_registry_client_auth(c->a->registry) ? "enabled"
							 : "disabled",
		 "sessions_ended", GW_NUM(d->ended), "detail",
		 d->detail[0] != '\0' ? d->detail : NULL, NULL);
}

void
gw_admin_do(struct gw_auth *a, uint64_t ask, const struct gw_admin *m)
{
	struct gw_admin_done done = { .error = GW_ADMIN_OK };
	struct change c = { .a = a, .m = m, .done = &done,
			    .now = gw_auth_now(a).wall };
	uint64_t before = a->generation;

	memcpy(done.id, m->id, sizeof(done.id));
	done.error = verbs[m->verb].fn(&c);
	if (done.error != GW_ADMIN_OK)
		memcpy(done.detail, c.why.detail, sizeof(done.detail));
	ERR_clear_error();
	if (a->generation != before)
		publish_names(a);
	log_change(&c);
	gw_child_admin_done(a->child, ask, &done);
}

/* ---- start */

static const struct gw_conf_ca *
find_section(const struct gw_conf *c, const char *title)
{
	for (size_t i = 0; i < c->ca_count; i++)
		if (strcmp(c->cas[i].title, title) == 0)
			return &c->cas[i];
	return NULL;
}

static enum gw_err
add_file(struct gw_auth *a, const struct gw_file *f, struct gw_error *err)
{
	const struct gw_conf_ca *ca = find_section(a->conf, f->name);
	gw_auto(BIO_free_all) BIO *b = BIO_new_mem_buf(f->data, (int)f->len);
	gw_auto(X509_free) X509 *x = NULL;

	if (ca == NULL)
		return gw_fail(err, GW_ERR_CONF,
			       "certificate for a CA without section");
	if (b != NULL)
		x = PEM_read_bio_X509(b, NULL, NULL, NULL);
	if (x == NULL) {
		ERR_clear_error();
		return gw_fail(err, GW_ERR_FILE,
			       "ca %.60s: not a PEM certificate", ca->title);
	}
	gw_registry_add_file(a->registry, x, ca, gw_auth_now(a).wall);
	return GW_ERR_OK;
}

enum gw_err
gw_admin_start(struct gw_auth *a, struct gw_error *err)
{
	gw_auto(free) char *path = NULL;
	const struct gw_file *f = NULL;
	enum gw_err rc;

	path = gw_xasprintf("%s/registry.db", a->state_dir);
	rc = gw_registry_open(path, a->conf->main.crl_dir, gw_auth_now(a).wall,
			      &a->registry, err);
	while (rc == GW_ERR_OK &&
	       (f = gw_child_file(a->child, GW_FILE_CA, NULL, f)) != NULL)
		rc = add_file(a, f, err);
	if (rc == GW_ERR_OK)
		rc = renew_trust(a, err);
	if (rc == GW_ERR_OK)
		publish_names(a);
	return rc;
}
