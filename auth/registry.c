/* registry.c — see registry.h. The table `ca` has one row per certificate and
 * a change rewrites that row in one statement, which is one transaction: on
 * disk before memory follows. The lock is exclusive, so there is no shared
 * memory file and no second writer. */
#include "registry.h"
#include "gw/url.h"
#include "gw/util.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#define BUSY_MS       2000 /* for one that is just being killed */
#define SECURITY_BITS 112  /* what chain.c asks of every key in a path */
#define DAY           86400
#define SCHEMA_VERSION 1

GW_DEFINE_CLEANUP(sqlite3_stmt *, sqlite3_finalize)

struct gw_registry {
	sqlite3 *db;
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

static enum gw_admin_err
refuse(struct gw_refusal *why, enum gw_admin_err code, const char *fmt, ...)
	GW_PRINTF(3, 4);

static enum gw_admin_err
refuse(struct gw_refusal *why, enum gw_admin_err code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(why->detail, sizeof(why->detail), fmt, ap);
	va_end(ap);
	return code;
}

/* ---- settings */

static const struct gw_conf_section *
ca_section(void)
{
	size_t i = 0;

	while (strcmp(gw_conf_sections[i].name, "ca") != 0)
		i++;
	return &gw_conf_sections[i];
}

static void
set_key(struct gw_conf_ca *ca, const char *name, const char *value)
{
	const struct gw_conf_section *s = ca_section();

	for (size_t i = 0; i < s->key_count; i++)
		if (strcmp(s->keys[i].name, name) == 0)
			gw_assert(gw_conf_set(ca, &s->keys[i], value, NULL) ==
				  GW_ERR_OK);
}

/* A section `ca` as it would stand in the file; what gwctl cannot set has its
 * default. */
static const struct gw_conf_ca *
new_conf(struct gw_registry *r, const char *id, const char *url, int64_t mode)
{
	struct gw_conf *c = gw_xcalloc(1, sizeof(*c));
	struct gw_conf_ca *ca = gw_conf_instance(c, ca_section());

	r->confs = gw_xrealloc(r->confs, r->conf_count + 1, sizeof(c));
	r->confs[r->conf_count++] = c;
	gw_conf_defaults(ca, ca_section());
	free(ca->title);
	ca->title = gw_xstrdup(id);
	set_key(ca, "ocsp_url", url);
	set_key(ca, "ocsp_mode", mode == GW_OCSP_OVERRIDE ? "override"
							  : "failover");
	return ca;
}

static enum gw_admin_err
check_settings(const char *url, int64_t mode, struct gw_refusal *why)
{
	struct gw_url parsed;

	if (*url != '\0' && !gw_url_parse(url, &parsed))
		return refuse(why, GW_ADMIN_INVALID_PARAMETER,
			      "ocsp-url: '%.120s' is not an http:// URL", url);
	if (*url == '\0' && mode == GW_OCSP_OVERRIDE)
		return refuse(why, GW_ADMIN_INVALID_PARAMETER,
			      "ocsp-mode is override but there is no "
			      "ocsp-url");
	return GW_ADMIN_OK;
}

/* ---- the database */

static sqlite3_stmt *
prepare(struct gw_registry *r, const char *sql)
{
	sqlite3_stmt *st = NULL;

	return sqlite3_prepare_v2(r->db, sql, -1, &st, NULL) == SQLITE_OK
		       ? st : NULL;
}

static bool
run(sqlite3_stmt *st)
{
	return st != NULL && sqlite3_step(st) == SQLITE_DONE;
}

static bool
write_ca(struct gw_registry *r, const struct gw_ca *ca)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(r,
		"INSERT OR REPLACE INTO ca (id, der, state, reason, "
		"registered, since, ocsp_url, ocsp_mode) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
	unsigned char *der = NULL;
	int len = i2d_X509(ca->cert, &der);
	bool ok;

	if (st == NULL || len <= 0) {
		OPENSSL_free(der);
		return false;
	}
	sqlite3_bind_text(st, 1, ca->id, -1, SQLITE_STATIC);
	sqlite3_bind_blob(st, 2, der, len, SQLITE_STATIC);
	sqlite3_bind_int(st, 3, (int)ca->state);
	sqlite3_bind_text(st, 4, ca->reason, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 5, ca->registered);
	sqlite3_bind_int64(st, 6, ca->since);
	sqlite3_bind_text(st, 7, ca->conf->ocsp_url, -1, SQLITE_STATIC);
	sqlite3_bind_int64(st, 8, ca->conf->ocsp_mode);
	ok = run(st);
	OPENSSL_free(der);
	return ok;
}

/* Disk first, then memory. */
static enum gw_admin_err
save(struct gw_registry *r, struct gw_ca *ca, const struct gw_ca *next,
     struct gw_refusal *why)
{
	if (!write_ca(r, next))
		return refuse(why, GW_ADMIN_SERVICE, "registry.db: %s",
			      sqlite3_errmsg(r->db));
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
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = NULL;

	if (n <= GW_REGISTRY_PAST)
		return;
	st = prepare(r, "DELETE FROM ca WHERE id = ?1");
	if (st == NULL)
		return;
	sqlite3_bind_text(st, 1, r->cas[i]->id, -1, SQLITE_STATIC);
	if (run(st))
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

static const char schema[] =
	"PRAGMA locking_mode=EXCLUSIVE;"
	"PRAGMA journal_mode=WAL;"
	"PRAGMA synchronous=FULL;"
	"PRAGMA temp_store=MEMORY;"
	"PRAGMA trusted_schema=OFF;"
	"BEGIN IMMEDIATE;"
	"CREATE TABLE IF NOT EXISTS ca ("
	" id TEXT PRIMARY KEY, der BLOB NOT NULL, state INTEGER NOT NULL,"
	" reason TEXT NOT NULL, registered INTEGER NOT NULL,"
	" since INTEGER NOT NULL, ocsp_url TEXT NOT NULL,"
	" ocsp_mode INTEGER NOT NULL) STRICT;"
	"CREATE TABLE IF NOT EXISTS client_auth ("
	" one INTEGER PRIMARY KEY CHECK (one = 1),"
	" enabled INTEGER NOT NULL, since INTEGER NOT NULL) STRICT;"
	"INSERT OR IGNORE INTO client_auth VALUES (1, 1, 0);"
	"COMMIT;";

static enum gw_err
failed(struct gw_registry *r, const char *path, struct gw_error *err)
{
	bool is_locked = sqlite3_errcode(r->db) == SQLITE_BUSY;

	return gw_fail(err, GW_ERR_FILE, "%.100s: %.60s", path,
		       is_locked ? "in use: does another gwd run with this "
				   "state_dir?" : sqlite3_errmsg(r->db));
}

static int64_t
pragma_version(struct gw_registry *r)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st =
		prepare(r, "PRAGMA user_version");

	return st != NULL && sqlite3_step(st) == SQLITE_ROW
		       ? sqlite3_column_int64(st, 0) : -1;
}

static enum gw_err
check_version(struct gw_registry *r, const char *path, struct gw_error *err)
{
	int64_t v = pragma_version(r);

	if (v < 0)
		return failed(r, path, err);
	if (v > SCHEMA_VERSION)
		return gw_fail(err, GW_ERR_FILE, "%.100s: written by a newer "
			       "gwd", path);
	if (v < SCHEMA_VERSION &&
	    sqlite3_exec(r->db, "PRAGMA user_version=1", NULL, NULL, NULL) !=
		    SQLITE_OK)
		return failed(r, path, err);
	return GW_ERR_OK;
}

static bool
finish_half_done(struct gw_registry *r, time_t now)
{
	gw_auto(free) char *sql = gw_xasprintf(
		"BEGIN IMMEDIATE;"
		"UPDATE ca SET state = %d, since = %lld, reason = "
		"'gwd-auth ended meanwhile; register it again' "
		"WHERE state = %d;"
		"UPDATE ca SET state = %d, since = %lld WHERE state = %d;"
		"COMMIT;", GW_CA_REGISTER_FAILED, (long long)now,
		GW_CA_REGISTERING, GW_CA_DEREGISTERED, (long long)now,
		GW_CA_DEREGISTERING);

	return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

static const char *
text_of(sqlite3_stmt *st, int column)
{
	const char *s = (const char *)sqlite3_column_text(st, column);

	return s != NULL ? s : "";
}

static bool
load_row(struct gw_registry *r, sqlite3_stmt *st)
{
	struct gw_der der = { sqlite3_column_blob(st, 1),
			      (size_t)sqlite3_column_bytes(st, 1) };
	int state = sqlite3_column_int(st, 2);
	struct gw_refusal why;
	X509 *x = NULL;
	struct gw_ca *ca;

	if (state < 0 || state >= GW_CA_STATE_COUNT ||
	    !gw_ca_id_is_valid(text_of(st, 0)) ||
	    check_settings(text_of(st, 6), sqlite3_column_int64(st, 7),
			   &why) != GW_ADMIN_OK ||
	    gw_cert_parse(der, &x, NULL) != GW_ERR_OK)
		return false;
	ca = add_new(r, x);
	X509_free(x);
	ca->state = (enum gw_ca_state)state;
	gw_format(ca->reason, sizeof(ca->reason), "%s", text_of(st, 3));
	ca->registered = sqlite3_column_int64(st, 4);
	ca->since = sqlite3_column_int64(st, 5);
	memcpy(ca->id, text_of(st, 0), sizeof(ca->id));
	ca->conf = new_conf(r, ca->id, text_of(st, 6),
			    sqlite3_column_int64(st, 7));
	return true;
}

static enum gw_err
load_cas(struct gw_registry *r, const char *path, struct gw_error *err)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = prepare(r,
		"SELECT id, der, state, reason, registered, since, ocsp_url, "
		"ocsp_mode FROM ca ORDER BY registered, id");
	int rc = SQLITE_ERROR;

	while (st != NULL && (rc = sqlite3_step(st)) == SQLITE_ROW)
		if (!load_row(r, st))
			return gw_fail(err, GW_ERR_FILE,
				       "%.100s: the row of %.20s is damaged",
				       path, text_of(st, 0));
	return rc == SQLITE_DONE ? GW_ERR_OK : failed(r, path, err);
}

static enum gw_err
load_client_auth(struct gw_registry *r, const char *path,
		 struct gw_error *err)
{
	gw_auto(sqlite3_finalize) sqlite3_stmt *st =
		prepare(r, "SELECT enabled, since FROM client_auth");

	if (st == NULL || sqlite3_step(st) != SQLITE_ROW)
		return failed(r, path, err);
	r->client_auth = sqlite3_column_int(st, 0) == 1;
	r->client_auth_since = sqlite3_column_int64(st, 1);
	return GW_ERR_OK;
}

static int
open_private(const char *path, sqlite3 **out)
{
	mode_t before = umask(077);
	int rc = sqlite3_open_v2(path, out, SQLITE_OPEN_READWRITE |
				 SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
				 SQLITE_OPEN_NOFOLLOW, NULL);

	umask(before);
	return rc;
}

static enum gw_err
open_db(struct gw_registry *r, const char *path, time_t now,
	struct gw_error *err)
{
	enum gw_err rc;

	if (open_private(path, &r->db) != SQLITE_OK)
		return failed(r, path, err);
	(void)sqlite3_busy_timeout(r->db, BUSY_MS);
	if (sqlite3_exec(r->db, schema, NULL, NULL, NULL) != SQLITE_OK)
		return failed(r, path, err);
	rc = check_version(r, path, err);
	if (rc != GW_ERR_OK)
		return rc;
	if (!finish_half_done(r, now))
		return failed(r, path, err);
	rc = load_cas(r, path, err);
	return rc == GW_ERR_OK ? load_client_auth(r, path, err) : rc;
}

enum gw_err
gw_registry_open(const char *path, time_t now, struct gw_registry **out,
		 struct gw_error *err)
{
	struct gw_registry *r = gw_xcalloc(1, sizeof(*r));
	enum gw_err rc = open_db(r, path, now, err);

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
	(void)sqlite3_close(r->db);
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

/* ---- judging a certificate */

/* The bytes of the one certificate of a PEM text. */
static enum gw_admin_err
read_pem(const uint8_t *pem, size_t len, X509 **out, struct gw_refusal *why)
{
	gw_auto(BIO_free_all) BIO *b = BIO_new_mem_buf(pem, (int)len);
	char *name = NULL, *header = NULL;
	unsigned char *der = NULL;
	struct gw_error err = { .detail = "not a certificate in PEM form" };
	enum gw_err rc = GW_ERR_CERT_MALFORMED;
	long n = 0;

	if (b != NULL && PEM_read_bio(b, &name, &header, &der, &n) == 1 &&
	    strcmp(name, PEM_STRING_X509) == 0)
		rc = gw_cert_parse((struct gw_der){ der, (size_t)n }, out,
				   &err);
	OPENSSL_free(name);
	OPENSSL_free(header);
	OPENSSL_free(der);
	ERR_clear_error();
	return rc == GW_ERR_OK ? GW_ADMIN_OK
			       : refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
					"%s", err.detail);
}

static bool
is_alone(const uint8_t *pem, size_t len)
{
	static const char begin[] = "-----BEGIN ";
	const uint8_t *p = memmem(pem, len, begin, sizeof(begin) - 1);

	return p == NULL || memmem(p + 1, len - (size_t)(p + 1 - pem), begin,
				   sizeof(begin) - 1) == NULL;
}

static enum gw_admin_err
check_life(const X509 *x, bool allow_short, time_t now, struct gw_refusal *why)
{
	long long left = gw_cert_not_after(x) - now;

	if (left <= 0)
		return refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
			      "it ended %lld days ago", -left / DAY);
	if (left < (long long)GW_REGISTRY_DAYS * DAY && !allow_short)
		return refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
			      "it ends in %lld days, less than %d; "
			      "--allow-short registers it all the same",
			      left / DAY, GW_REGISTRY_DAYS);
	return GW_ADMIN_OK;
}

static enum gw_admin_err
check_ca(X509 *x, struct gw_refusal *why)
{
	EVP_PKEY *key = X509_get0_pubkey(x);

	/* 1: basicConstraints says so; the other kinds of yes are guesses. */
	if (X509_check_ca(x) != 1)
		return refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
			      "not a CA's: basicConstraints does not say CA, "
			      "or keyUsage forbids signing certificates");
	if (key == NULL || EVP_PKEY_get_security_bits(key) < SECURITY_BITS)
		return refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
			      "its key is too weak; RSA of 2048 bits or P-256 "
			      "is the least");
	return GW_ADMIN_OK;
}

static enum gw_admin_err
check_place(const struct gw_registry *r, const X509 *x, struct gw_refusal *why)
{
	uint8_t sha256[GW_HASH];
	const struct gw_ca *ca;

	gw_cert_sha256(x, sha256);
	ca = find_cert(r, sha256);
	if (ca != NULL && !is_past(ca))
		return refuse(why, GW_ADMIN_CERTIFICATE_ALREADY_EXISTS,
			      "it is %s%s%s", ca->id,
			      ca->is_from_file ? ", from the configuration "
						 "file's ca " : "",
			      ca->is_from_file ? ca->conf->title : "");
	if (count_limited(r) >= GW_REGISTRY_MAX)
		return refuse(why, GW_ADMIN_CERTIFICATE_LIMIT_EXCEEDED,
			      "%d are registered", GW_REGISTRY_MAX);
	return GW_ADMIN_OK;
}

static enum gw_admin_err
judge(const struct gw_registry *r, const struct gw_admin *m, time_t now,
      X509 **out, struct gw_refusal *why)
{
	enum gw_admin_err rc = check_settings(m->ocsp_url, m->ocsp_mode, why);

	if (rc == GW_ADMIN_OK && !is_alone(m->pem, m->pem_len))
		rc = refuse(why, GW_ADMIN_INVALID_CERTIFICATE,
			    "more than one certificate; one is registered at "
			    "a time");
	if (rc == GW_ADMIN_OK)
		rc = read_pem(m->pem, m->pem_len, out, why);
	if (rc == GW_ADMIN_OK)
		rc = check_ca(*out, why);
	if (rc == GW_ADMIN_OK)
		rc = check_place(r, *out, why);
	if (rc == GW_ADMIN_OK)
		rc = check_life(*out, (m->flags & GW_ADMIN_ALLOW_SHORT) != 0,
				now, why);
	return rc;
}

/* ---- changes */

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
	next.conf = new_conf(r, ca->id, m->ocsp_url, m->ocsp_mode);
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
		return refuse(why, GW_ADMIN_CERTIFICATE_DOES_NOT_EXIST, "%s%s",
			      id, ca != NULL ? " is no longer registered" : "");
	if (ca->is_from_file)
		return refuse(why, GW_ADMIN_CERTIFICATE_IN_CONFIGURATION,
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
		return refuse(why, GW_ADMIN_CERTIFICATE_IN_USE,
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
	const char *url;
	int64_t mode;

	if (rc != GW_ADMIN_OK)
		return rc;
	url = (m->flags & GW_ADMIN_HAS_URL) != 0 ? m->ocsp_url
						 : ca->conf->ocsp_url;
	mode = (m->flags & GW_ADMIN_HAS_MODE) != 0 ? m->ocsp_mode
						   : ca->conf->ocsp_mode;
	rc = check_settings(url, mode, why);
	if (rc != GW_ADMIN_OK)
		return rc;
	next = *ca;
	next.conf = new_conf(r, ca->id, url, mode);
	return save(r, ca, &next, why);
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
	gw_auto(sqlite3_finalize) sqlite3_stmt *st = NULL;

	if (on == r->client_auth)
		return refuse(why, GW_ADMIN_INVALID_CLIENT_AUTH_STATUS,
			      "client authentication is already %s",
			      on ? "enabled" : "disabled");
	if (on && !has_valid(r, now))
		return refuse(why, GW_ADMIN_NO_AVAILABLE_CERTIFICATE,
			      "no CA that is valid now is registered");
	st = prepare(r, "UPDATE client_auth SET enabled = ?1, since = ?2");
	if (st != NULL) {
		sqlite3_bind_int(st, 1, on);
		sqlite3_bind_int64(st, 2, now);
	}
	if (!run(st))
		return refuse(why, GW_ADMIN_SERVICE, "registry.db: %s",
			      sqlite3_errmsg(r->db));
	r->client_auth = on;
	r->client_auth_since = now;
	return GW_ADMIN_OK;
}
